"""The fixtures of checks that call an answer's functions around models. `bench`, `in_turn` and `sandbox` are the checker's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from labkit.kinds.model.kind import Model
from labkit.kinds.model.program import ELSEWHERE, Program, Worker
from labkit.sandbox import Sandbox
from labkit.services.mlflow.bench import MlflowBench
from labkit.services.mlflow.place import Place
from labkit.services.service import LEARNER

Workers = Callable[..., Worker]


class Programs:
    """Sandboxes, each with all imports done. Beside a learner's kernel they are kept for the next answer, which is the same person's."""

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._kept: dict[str, tuple[Program, ExitStack]] = {}

    def program(self, role: str, make: Callable[[], Program]) -> tuple[Program, ExitStack]:
        """One that runs, like the one that `make` would make, and what ends it."""
        new = make()
        program, stack = self._kept.pop(role, (None, ExitStack()))
        if program and program.is_usable() and program.server == new.server:
            return program, stack
        stack.close()
        stack = ExitStack()
        return stack.enter_context(new), stack

    def give_back(self, role: str, program: Program, stack: ExitStack) -> None:
        """Keeps it, or ends it."""
        program.end_workers()
        if self._keep and program.is_usable():
            self._kept[role] = (program, stack)
        else:
            stack.close()

    def close(self) -> None:
        """Ends all."""
        for _, stack in self._kept.values():
            stack.close()
        self._kept.clear()


@pytest.fixture(scope="module")
def programs(bench: Any) -> Programs:
    """The checker's."""
    return bench.kept("programs around models", lambda: Programs(bench.purpose == LEARNER), Programs.close)


@pytest.fixture(scope="module")
def program(programs: Programs, sandbox: Sandbox, mlflow_bench: MlflowBench) -> Iterator[Program]:
    """The sandbox in which the answer's functions run."""
    yield from _lent(programs, "answer", sandbox, mlflow_bench)


@pytest.fixture(scope="module")
def reader(programs: Programs, sandbox: Sandbox, mlflow_bench: MlflowBench) -> Iterator[Program]:
    """Another sandbox, in which nothing of the answer runs but what it stored: models are loaded there."""
    yield from _lent(programs, "reader", sandbox, mlflow_bench)


@pytest.fixture(scope="module")
def elsewhere(programs: Programs, sandbox: Sandbox, mlflow_bench: MlflowBench) -> Iterator[Program]:
    """A sandbox like the answer's on another machine: with another hash seed, and more threads."""
    yield from _lent(programs, "elsewhere", sandbox, mlflow_bench, ELSEWHERE)


def lent(programs: Programs, role: str, seconds: float, make: Callable[[], Program]) -> Iterator[Program]:
    """A program for the checks of one module, for at most so many seconds."""
    program, stack = programs.program(role, make)
    late = f"The answer was stopped after {seconds:g} s. What takes so long, or waits for what does not come?"
    deadline = threading.Timer(seconds, program.stop, [late])
    deadline.daemon = True
    deadline.start()
    try:
        yield program
    finally:
        deadline.cancel()
        programs.give_back(role, program, stack)


def _lent(
    programs: Programs,
    role: str,
    sandbox: Sandbox,
    mlflow_bench: MlflowBench,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    reach = mlflow_bench.running().reach
    server = reach["host"], reach["port"]
    yield from lent(programs, role, Model.seconds, lambda: Program(sandbox, server, environment))


@pytest.fixture(scope="module")
def workers(program: Program, place: Place) -> Iterator[Workers]:
    """`workers(text)`: a process that has run the answer's text, and works in `place`; more than one are as many programs."""
    with ExitStack() as stack:

        def worker(text: str, **more: Any) -> Worker:
            return stack.enter_context(program.worker(more.pop("place", place), text, **more))

        yield worker
