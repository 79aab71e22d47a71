"""What is deployed beside the handler of cold-start: the rates, the zones, and the handler as it was in March."""

import random

COUNTRIES = (
    "AT",
    "BE",
    "CH",
    "CZ",
    "DE",
    "DK",
    "ES",
    "FI",
    "FR",
    "HU",
    "IE",
    "IT",
    "LU",
    "NL",
    "NO",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
)
ZONES, STEPS = 50, 20  # zones of a country, weights of a zone

EXAMPLES = {
    "a first quote": {"kind": "quote", "country": "DE", "from": 3, "zone": 17, "grams": 1200},
    "another quote": {"kind": "quote", "country": "FI", "from": 44, "zone": 2, "grams": 400},
    "too heavy": {"kind": "quote", "country": "PT", "from": 1, "zone": 49, "grams": 900_000},
    "a report": {
        "kind": "report",
        "parcels": [{"day": "2026-03-02", "cents": 900}, {"day": "2026-03-02", "cents": 600}],
    },
}

MARCH = '''"""Shipping quotes, as they were in March."""

import pandas as pd
import zones

RATES = pd.read_csv("rates.csv")
SURCHARGES = zones.table()


def quote(event):
    fits = (RATES.country == event["country"]) & (RATES.zone == event["zone"]) & (RATES.max_grams >= event["grams"])
    rates = RATES[fits].sort_values("max_grams")
    if rates.empty:
        return {"error": "no rate"}
    return {"cents": int(rates.cents.iloc[0]) + SURCHARGES[event["from"], event["zone"]]}


def report(event):
    days = pd.DataFrame(event["parcels"]).groupby("day").cents
    return {day: {"parcels": len(cents), "cents": int(cents.sum()), "median": float(cents.median())} for day, cents in days}


def handler(event, context):
    return report(event) if event["kind"] == "report" else quote(event)
'''

ZONES_PY = '''"""What a parcel costs more for its way from one zone to another, in cents."""

from math import cos, hypot, sin

ALL = 750


def surcharge(source, target):
    """For one pair of zones: a microsecond."""
    return round({factor} * hypot(cos(source) - cos(target), sin(source) - sin(target)))


def table():
    """For every pair of zones that there may ever be: (source, target) -> cents."""
    return {{(source, target): surcharge(source, target) for source in range(ALL) for target in range(ALL)}}
'''


def files(seed):
    """Path -> text. The rates are others for each seed, and so is the order of their lines."""
    draw = random.Random(seed)
    lines = []
    for country in COUNTRIES:
        for zone in range(ZONES):
            grams = sorted(draw.sample(range(100, 31_500, 50), STEPS))
            cents = sorted(draw.sample(range(190, 9_900), STEPS))
            lines += [f"{country},{zone},{most},{price}" for most, price in zip(grams, cents, strict=True)]
    draw.shuffle(lines)
    return {
        "rates.csv": "\n".join(["country,zone,max_grams,cents", *lines, ""]),
        "zones.py": ZONES_PY.format(factor=draw.randrange(80, 200)),
        "march.py": MARCH,
    }
