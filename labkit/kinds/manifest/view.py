"""What a namespace looks like now: a plain table of pods, the Services that send to them, and the latest warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from labkit.pages.page import Page
from labkit.pages.table import table
from labkit.services.cluster.api import Api
from labkit.services.cluster.asking import ask
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.pods import events, pods, serving

OK = 200
PERIOD = 0.5  # seconds between two looks
COLUMNS = ["pod", "phase", "ready", "restarts", "gets requests of", "reason", "image"]


def view(api: Api, namespace: str, warnings: int = 5) -> Page:
    """The whole."""
    behind = serving(api, namespace)
    rows = [
        (
            pod.name,
            "Terminating" if pod.ending else pod.phase,
            "yes" if pod.ready else "no",
            pod.restarts,
            ", ".join(sorted(name for name, names in behind.items() if pod.name in names)) or "-",
            pod.reason,
            pod.image,
        )
        for pod in pods(api, namespace)
    ]
    page = plain(COLUMNS, rows) if rows else line("There is no pod.")
    idle = sorted(name for name, names in behind.items() if name and not names)
    if idle:
        page += line(f"No pod gets the requests of {', '.join(idle)}.")
    told = [(about, why, count, message) for about, why, message, count in events(api, namespace, warnings)]
    return page + plain(["about", "warning", "times", "message"], told) if told else page


def answers(namespace: Namespace, path: str, selector: str | None, until: str, seconds: float) -> Page:
    """What each pod that is ready says, of those with certain labels: when all answer and say a text, or when the time is over."""
    said: list[tuple[str, int, str]] = []

    def all_say_so() -> bool:
        now = [pod.name for pod in pods(namespace.api, namespace.name, selector) if pod.ready and not pod.ending]
        said[:] = [(name, *ask(namespace, name, path)) for name in now]
        return bool(said) and all(status == OK and until in text for _, status, text in said)

    namespace.admin.until(all_say_so, seconds, PERIOD)
    return plain(["pod", path], [(name, text.strip()) for name, _, text in said]) if said else line("No pod is ready.")


@dataclass
class Rows:
    """What `pages.table` shows, without types."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    count: int


def plain(columns: list[str], rows: Sequence[tuple[Any, ...]]) -> Page:
    """A table without types."""
    return table(Rows(columns, [""] * len(columns), list(rows), len(rows)))


def line(text: str) -> Page:
    """One sentence."""
    return Page(Markup("<p>{}</p>").format(text), text)
