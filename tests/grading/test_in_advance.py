"""What hidden checks need is begun beside the visible ones, is theirs alone, and never stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from labkit.grading.in_advance import InAdvance
from labkit.services.fault import ServiceFault
from labkit.services.postgres import GRADED, Database, Postgres, Template, postgres

SEEN = Template("in-advance", ("CREATE TABLE item (id int)",), seed=1)
HIDDEN = Template("in-advance", ("CREATE TABLE item (id int)",), seed=2)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres("grading-in-advance") as server:
        yield server


@pytest.fixture
def in_advance(server: Postgres) -> Iterator[InAdvance]:
    yield (made := InAdvance(lambda template: server.database(template, limits=GRADED)))
    made.end()


class Program:
    """Something that starts on a database, and knows whether it is there."""

    def __init__(self) -> None:
        self.on: list[Database] = []
        self.ended: list[Database] = []
        self.begun = threading.Event()

    @contextmanager
    def start(self, database: Database) -> Iterator[Database]:
        self.on.append(database)
        if len(self.on) == 2:
            self.begun.set()
        yield database
        self.ended.append(database)


def test_the_hidden_one_is_begun_beside_the_visible_one(in_advance: InAdvance):
    program = Program()
    with in_advance.entered(SEEN, program.start, HIDDEN) as seen:
        assert program.begun.wait(30)
    assert (program.ended, seen.is_there()) == ([seen], False)
    with in_advance.entered(HIDDEN, program.start, None) as hidden:
        assert program.on == [seen, hidden]
        assert (hidden.template, hidden.is_there()) == (HIDDEN, True)
    assert (program.ended, hidden.is_there()) == ([seen, hidden], False)


def test_nothing_is_begun_where_no_hidden_checks_follow(in_advance: InAdvance):
    program = Program()
    with in_advance.entered(SEEN, program.start, None) as seen:
        pass
    with in_advance.entered(HIDDEN, program.start, None) as hidden:
        pass
    assert program.ended == [seen, hidden]


def test_what_nobody_asked_for_ends(in_advance: InAdvance):
    program = Program()
    with in_advance.entered(SEEN, program.start, HIDDEN):
        pass
    in_advance.end()
    assert len(program.ended) == 2
    assert not any(database.is_there() for database in program.on)


def start_only_what_is_seen(database: Database) -> AbstractContextManager[Database]:
    if database.template == HIDDEN:
        raise ServiceFault("no sandbox")
    return Program().start(database)


def test_what_fails_in_advance_fails_for_who_needs_it(in_advance: InAdvance):
    with in_advance.entered(SEEN, start_only_what_is_seen, HIDDEN) as seen:
        assert seen.is_there()
    with (
        pytest.raises(ServiceFault, match="no sandbox"),
        in_advance.entered(HIDDEN, start_only_what_is_seen, None),
    ):
        pass


def test_what_fails_in_advance_harms_nobody_else(in_advance: InAdvance):
    with in_advance.entered(SEEN, start_only_what_is_seen, HIDDEN):
        pass
    in_advance.end()
    with in_advance.entered(SEEN, start_only_what_is_seen, None) as seen:
        assert seen.is_there()
