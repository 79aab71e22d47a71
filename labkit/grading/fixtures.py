"""The fixtures that checks may use, and the bench behind them: the server, the answers, what a check noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from labkit import course
from labkit.grading.answers import Answers
from labkit.grading.in_turn import InTurn, Make
from labkit.grading.prepared import PreparedDatabases
from labkit.services.lab_template import checks_template
from labkit.services.postgres import GRADED, Database, Postgres, ServiceFault, Template, postgres

LAB = pytest.StashKey[tuple[course.Lab, bool]]()
BENCH = pytest.StashKey["Bench"]()


class Bench:
    """What the checker works with, from one request to the next."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.answers: dict[str, str] = {}
        self.hidden_too = False  # whether the hidden checks' turn comes after the visible ones'
        self.notes: dict[str, Any] = {}
        self.compared: tuple[str, object, object] | None = None
        self._server: Postgres | None = None
        self._spare: Database | None = None
        self._spare_template: Template | None = None
        self.prepared = PreparedDatabases(self.database, trusted=purpose == "learner")
        self.in_turn = InTurn(self.database)

    def server(self) -> Postgres:
        """The server, started or joined on first use, and anew when it is gone."""
        if self._server and not self._server.is_alive():
            self._server.close()
            self._server = self._spare = None
        if self._server is None:
            self._server = postgres(self.purpose)
        return self._server

    def is_alive(self) -> bool:
        """Whether the server answers now."""
        return self._server is not None and self._server.is_alive()

    def where(self) -> str:
        """Which server it is, with its version; nothing when no check needed one."""
        return self._server.where if self._server else ""

    def database(self, template: Template) -> Database:
        """A database that no learner touched: the spare where it fits, else a new clone."""
        if self._spare and self._spare_template == template:
            spare, self._spare = self._spare, None
            if spare.is_there():
                return spare
        return self.server().database(template, limits=GRADED)

    def warm(self, lab: course.Lab) -> None:
        """Brings up what the lab's visible checks need, so that the first verdict is as quick as the others."""
        self._spare_template = checks_template(lab.key)
        self.prepare_spare()

    def prepare_spare(self) -> None:
        """Clones the next database ahead of its use; only beside a learner's kernel, where one lab is checked again and again."""
        if self.purpose == "learner" and self._spare is None and self._spare_template is not None:
            try:
                self._spare = self.server().database(self._spare_template, limits=GRADED)
            except ServiceFault:
                self._server = None  # the next request meets the fault itself, and tells it

    def close(self) -> None:
        """Gives everything back."""
        self.prepared.drop_all()
        if self._spare:
            self._spare.drop()
        if self._server:
            self._server.close()


def bench_of(request: pytest.FixtureRequest) -> Bench:
    """The bench of the running checker."""
    return request.config.stash[BENCH]


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> Answers:
    """The texts of all answers by name; asking for a missing one fails the check in the learner's words."""
    return Answers(bench_of(request).answers)


@pytest.fixture(scope="module")
def template(request: pytest.FixtureRequest) -> Template:
    """The lab's data: the learner's own, or the hidden data in a hidden check."""
    lab, hidden = request.node.stash[LAB]
    return checks_template(lab.key, hidden=hidden)


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, template: Template) -> Iterator[Database]:
    """A clone of the lab's data that no learner touched, shared by the checks of one module."""
    with bench_of(request).database(template) as clone:
        yield clone


@pytest.fixture
def fresh_database(request: pytest.FixtureRequest, template: Template) -> Iterator[Callable[[], Database]]:
    """Makes more clones, for a check that must not see what others did."""
    made: list[Database] = []

    def clone() -> Database:
        made.append(bench_of(request).database(template))
        return made[-1]

    yield clone
    for used in made:
        used.drop()


@pytest.fixture(scope="module")
def prepared(request: pytest.FixtureRequest, template: Template) -> Iterator[Callable[..., Database]]:
    """`prepared(text)`: a clone on which an answer's text ran, for checks that from then on only read; without text, untouched.

    It is kept for the next check of the same text. One that was written to all the same is dropped.
    """
    kept = bench_of(request).prepared
    with ExitStack() as used:
        yield lambda text=None: used.enter_context(kept.database(template, text))


@pytest.fixture(scope="module")
def in_turn(request: pytest.FixtureRequest, template: Template) -> Callable[[Make], AbstractContextManager[Any]]:
    """`in_turn(make)`: a context manager of what `make(database, before)` gives, on a clone of its own. For what takes long to start:
    `before` is None in the visible checks, and in hidden ones that follow them what the visible ones worked with.
    """
    _, hidden = request.node.stash[LAB]
    bench = bench_of(request)
    return lambda make: bench.in_turn.entered(template, make, others_follow=bench.hidden_too and not hidden)


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str, Any], None]:
    """Attaches JSON data to the verdict's `extra`, for the picture at the lab's end."""
    return bench_of(request).notes.__setitem__


@pytest.fixture(scope="module")
def sandbox(request: pytest.FixtureRequest) -> Any:
    """Where untrusted Python runs. On a learner's own machine it may be no sandbox at all."""
    from labkit.grading.sandbox import Unsafe, choose, require

    return choose() or Unsafe() if bench_of(request).purpose == "learner" else require()
