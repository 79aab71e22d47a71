"""Which tests go to one process when several share the work, and in which order.

Tests of a file share what it sets up for a backend, so they are one unit. A lab's answers are a unit for each backend; those of labs on a
service that is slow to start share one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, zip_longest

from labkit import course
from tests.backends import BACKENDS

LABS = "test_labs.py"
SLOW = {"cluster", "mlflow"}  # services that take long to start, and to answer


def unit_of(nodeid: str) -> str:
    """The name of a test's unit."""
    file, _, test = nodeid.partition("::")
    backend = next((name for name in BACKENDS if f"[{name}" in test), "either")
    key = re.search(rf"\[{backend}-(.+/.+)\]", test)
    if not file.endswith(LABS) or not key:
        return f"{file} {backend}"
    slow = SLOW & set(course.find(key[1]).needs)
    return f"{file} {backend} {'+'.join(sorted(slow)) or key[1]}"


def in_order(nodeids: list[str]) -> Iterator[str]:
    """The tests, unit after unit: by turns one of the labs on each backend and one of other tests; large ones first, so that small ones are left."""
    units: dict[str, list[str]] = {}
    for nodeid in nodeids:
        units.setdefault(unit_of(nodeid), []).append(nodeid)
    lanes: dict[str, list[str]] = {}
    for unit in sorted(units, key=lambda unit: -len(units[unit])):
        file, backend, *_ = unit.split(" ")
        lanes.setdefault(backend if file.endswith(LABS) else "", []).append(unit)
    lanes.get("embedded", []).reverse()  # what is slow to start on both does so one after the other
    for unit in filter(None, chain.from_iterable(zip_longest(*lanes.values()))):
        yield from units[unit]
