"""What invocations came to, as a table: where each ran, whether cold, what it took and cost, and what it returned."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from labkit.pages.page import EMPTY, Page
from labkit.pages.table import table
from labkit.services.functions import cloudevents
from labkit.services.functions.invocation import Result

LOG = 1500  # characters of a failed invocation's log
COLUMNS = ["event", "instance", "start", "init", "duration", "billed", "GB-ms", "came to"]
TYPES = ["", "", "", "ms", "ms", "ms", "", ""]


@dataclass
class Rows:
    """What `pages.table` shows."""

    rows: list[tuple[Any, ...]]
    count: int
    columns: list[str] = field(default_factory=lambda: COLUMNS)
    types: list[str] = field(default_factory=lambda: TYPES)


def page(results: list[Result], names: list[str] | None = None) -> Page:
    """One row an invocation."""
    names = names or [str(number) for number, _ in enumerate(results, 1)]
    return table(Rows([_row(name, result) for name, result in zip(names, results, strict=True)], len(results)))


def first_log(results: list[Result]) -> Page:
    """The end of the log of the first one that failed, if any did."""
    failed = next((result for result in results if not result.ok), None)
    log = failed.log[-LOG:].strip() if failed else ""
    return Page(Markup("<pre>{}</pre>").format(log), log) if log else EMPTY


def _row(name: str, result: Result) -> tuple[Any, ...]:
    if not (report := result.report):
        return name, "", "", "", "", "", "", f"refused: {result.status} {said(result)}"
    init = "" if report.init_ms is None else f"{report.init_ms:.0f}"
    start = "warm" if not result.cold else "cold"
    took = f"{report.duration_ms:.1f}"
    return name, result.instance, start, init, took, report.billed_ms, f"{report.gb_ms:.1f}", said(result)


def said(result: Result) -> str:
    """What came back: the value, or the error in a line."""
    if result.headers is not None:  # a service over HTTP
        return f"{result.status} {_replied(result)}" if result.ok else f"✗ {result.told_by_http}"
    if result.ok:
        return result.payload
    error = result.error
    return f"✗ {error.get('errorType', 'error')}: {error.get('errorMessage', result.payload)}"


def _replied(result: Result) -> str:
    """The data of the event that it answered with, else the answer as it is."""
    try:
        return json.dumps(cloudevents.read(result.headers or {}, result.payload).data, ensure_ascii=False)
    except ValueError:
        return result.payload
