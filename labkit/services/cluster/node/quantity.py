"""Quantities of the API: "64Mi", "250m", "1e3"."""

from __future__ import annotations

import re
from decimal import Decimal

SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip

NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)")


def number(quantity: str | float) -> Decimal:
    """E.g. 67108864 for "64Mi". Raises ValueError."""
    found = NUMBER.fullmatch(str(quantity))
    if not found or found[2] not in SUFFIXES:
        raise ValueError(f"{str(quantity)!r} is no quantity")
    return Decimal(found[1]) * SUFFIXES[found[2]]
