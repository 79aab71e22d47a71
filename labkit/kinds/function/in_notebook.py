"""A function: its cell is deployed into the learner's function space, and given the lab's example events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.function.outside import reached
from labkit.kinds.function.package import examples, package, texts
from labkit.kinds.function.reports import first_log, page
from labkit.pages import waiting
from labkit.pages.page import Page, quiet
from labkit.services.functions.settings import Settings

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab
    from labkit.services.functions.client import FunctionHandle

MEMORY, TIMEOUT = 256, 30.0  # MB and seconds


def run(text: str, session: OpenLab, name: str) -> Page:
    """Deploys the handler, gives it each of the lab's example events, one after the other, and shows what came of it."""
    files = {**package(session.lab.key), **texts(session.lab.key, session.known_answers()), "handler.py": text}
    settings = reached(session, Settings(memory=MEMORY, timeout=TIMEOUT, init_timeout=60.0))
    function: FunctionHandle = session.place("functions").deploy(name, files, settings)
    session.changed.add(name)
    events = examples(session.lab.key)
    results = [waiting.run(lambda e=event: function.invoke(e), f"Invoking {name}") for event in events.values()]
    session.kept[name] = function if any(result.ok for result in results) else None
    said = f"Deployed {name}: {MEMORY} MB, time limit {TIMEOUT:g} s. Its first events:"
    told = quiet(said)
    return told + page(results, list(events)) + first_log(results)
