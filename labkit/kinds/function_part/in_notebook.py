"""A part of a function: its cell is deployed with the other parts and the lab's package, as a service, and given the lab's example requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.function.outside import reached
from labkit.kinds.function.package import package, parts, texts
from labkit.kinds.function.reports import first_log, page
from labkit.kinds.function_part import TIME_LIMIT
from labkit.pages import waiting
from labkit.pages.page import Page, quiet
from labkit.services.functions.invocation import NOT_READY
from labkit.services.functions.settings import Settings

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab
    from labkit.services.functions.client import FunctionHandle

MEMORY, TIMEOUT = 256, 30.0  # MB and seconds


def run(text: str, session: OpenLab, name: str) -> Page:
    """Deploys it, and shows what came of each example."""
    key = session.lab.key
    part = parts(key)[name]
    files = {**package(key), **texts(key, session.known_answers()), part.file: text}
    more = {TIME_LIMIT: f"{TIMEOUT:g}"}
    settings = Settings(program=part.program, memory=MEMORY, timeout=TIMEOUT, init_timeout=5.0, environment=more)
    service: FunctionHandle = session.place("functions").deploy(name, files, reached(session, settings))
    session.changed.add(name)
    results = []
    for request in part.examples.values():
        results.append(waiting.run(lambda r=request: service.invoke(r), f"Asking {name}"))
        if results[-1].status == NOT_READY:
            break  # the others would only wait for the same
    session.kept[name] = service if any(result.ok for result in results) else None
    told = quiet(
        f"Deployed {name}: {MEMORY} MB, a service that listens on $PORT, time limit {TIMEOUT:g} s. Its first requests:"
    )
    shown = page(results, list(part.examples)[: len(results)])
    return told + shown + first_log(results)
