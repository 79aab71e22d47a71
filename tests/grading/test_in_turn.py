"""What visible checks work with is kept for the hidden ones that follow, and never longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from labkit.checking.in_turn import InTurn
from labkit.services.postgres import GRADED, Database, Postgres, Template, postgres

SEEN = Template("in-turn", ("CREATE TABLE item (id int)",), seed=1)
HIDDEN = Template("in-turn", ("CREATE TABLE item (id int)",), seed=2)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres("grading-in-turn") as server:
        yield server


class OnDatabases:
    """`InTurn`, where each thing is made on a clone of its own."""

    def __init__(self, server: Postgres) -> None:
        self.server, self.in_turn = server, InTurn()
        self.end = self.in_turn.end

    def entered(self, template: Template, make: Callable, *, others_follow: bool) -> AbstractContextManager:
        def on_a_clone(stack: ExitStack, before: Any) -> AbstractContextManager:
            return make(stack.enter_context(self.server.database(template, limits=GRADED)), before)

        return self.in_turn.entered(on_a_clone, others_follow=others_follow)


@pytest.fixture
def in_turn(server: Postgres) -> OnDatabases:
    return OnDatabases(server)


class Program:
    """Something that works on databases, and knows after which other it was made and what has ended."""

    def __init__(self) -> None:
        self.made: list[tuple[Database | None, Database]] = []
        self.ended: list[Database] = []

    @contextmanager
    def make(self, database: Database, before: Database | None) -> Iterator[Database]:
        self.made.append((before, database))
        yield database
        self.ended.append(database)


def test_the_hidden_one_is_made_from_the_visible_one(in_turn: OnDatabases):
    program = Program()
    with in_turn.entered(SEEN, program.make, others_follow=True) as seen:
        assert seen.template == SEEN
    assert (program.ended, seen.is_there()) == ([], True)
    with in_turn.entered(HIDDEN, program.make, others_follow=False) as hidden:
        assert hidden.template == HIDDEN
    assert program.made == [(None, seen), (seen, hidden)]
    assert program.ended == [hidden, seen]
    assert not seen.is_there()
    assert not hidden.is_there()


def test_nothing_is_kept_where_no_hidden_checks_follow(in_turn: OnDatabases):
    program = Program()
    for _ in range(2):
        with in_turn.entered(SEEN, program.make, others_follow=False):
            pass
    assert [before for before, _ in program.made] == [None, None]
    assert len(program.ended) == 2


def test_what_nobody_asked_for_ends(in_turn: OnDatabases):
    program = Program()
    with in_turn.entered(SEEN, program.make, others_follow=True) as seen:
        pass
    in_turn.end()
    assert (program.ended, seen.is_there()) == ([seen], False)
    with in_turn.entered(SEEN, program.make, others_follow=False):
        assert program.made[-1][0] is None


def test_one_that_cannot_be_made_leaves_nothing(in_turn: OnDatabases):
    program = Program()

    @contextmanager
    def fails(database: Database, before: Database | None) -> Iterator[Database]:
        program.made.append((before, database))
        raise ValueError("no sandbox")
        yield database

    with pytest.raises(ValueError, match="no sandbox"), in_turn.entered(SEEN, fails, others_follow=True):
        pass
    with in_turn.entered(HIDDEN, program.make, others_follow=False) as hidden:
        assert program.made[-1] == (None, hidden)
    assert not any(database.is_there() for _, database in program.made)
