"""The fixtures of checks that call an answer's functions on tables. `bench` and `sandbox` are the checker's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from labkit.kinds.model.fixtures import Programs, lent
from labkit.kinds.model.program import Program, Worker
from labkit.kinds.table.kind import Table
from labkit.sandbox import Sandbox
from labkit.services.service import LEARNER


@pytest.fixture(scope="module")
def imports() -> tuple[str, ...]:
    """What is imported before an answer comes. A lab's module may have a fixture of this name that says more."""
    return Table.imports


@pytest.fixture(scope="module")
def program(bench: Any, sandbox: Sandbox, imports: tuple[str, ...]) -> Iterator[Program]:
    """The sandbox in which the answer's functions run."""
    programs = bench.kept("programs on tables", lambda: Programs(bench.purpose == LEARNER), Programs.close)
    yield from lent(
        programs, " ".join(imports), Table.seconds, lambda: Program(sandbox, None, kind=Table, imports=imports)
    )


@pytest.fixture(scope="module")
def workers(program: Program) -> Iterator[Callable[..., Worker]]:
    """`workers(text)`: a process that has run the answer's text; more than one are as many programs."""
    with ExitStack() as stack:

        def worker(text: str, **more: Any) -> Worker:
            return stack.enter_context(program.worker(None, text, **more))

        yield worker
