"""Prints what a ride costs. The tariff comes from the company's own package `fares`."""

import csv
from pathlib import Path

import fares

with (Path(__file__).parent / "zones.csv").open() as file:
    zones = {row["stop"]: int(row["zone"]) for row in csv.DictReader(file)}
for start, end in (("Airport", "Harbour"), ("Market", "Harbour")):
    print(f"{start} - {end}: {fares.cents(abs(zones[start] - zones[end]) + 1) / 100:.2f} EUR")
