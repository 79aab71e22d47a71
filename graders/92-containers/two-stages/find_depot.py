"""Prints the nearest depot for each place in PLACES, e.g. PLACES="52.52,13.40 48.40,10.00"."""

import csv
import os
from pathlib import Path

from nearest import kilometres

with Path(__file__).with_name("depots.csv").open() as file:
    depots = list(csv.DictReader(file))

for place in os.environ.get("PLACES", "52.52,13.40").split():
    at = [float(number) for number in place.split(",")]
    distance, name = min((kilometres(*at, float(d["lat"]), float(d["lon"])), d["name"]) for d in depots)
    print(f"{place} {name} {distance:.1f} km")
