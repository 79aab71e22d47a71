"""Writes the day's report into the folder /reports, and says so."""

import csv
import getpass
import shutil
import tempfile
from pathlib import Path

REPORTS = Path("/reports")

with Path(__file__).with_name("orders.csv").open() as file:
    orders = list(csv.DictReader(file))
total = sum(int(order["cents"]) for order in orders) / 100
report = f"{len(orders)} orders, {total:.2f} EUR, by {getpass.getuser()}"

with tempfile.NamedTemporaryFile("w", delete=False) as file:  # first whole, then in its place
    file.write(report)
shutil.move(file.name, REPORTS / "today.txt")
print((REPORTS / "today.txt").read_text())
