"""The fixtures of checks that need Postgres. `bench`, `lab` and `hidden` are the checker's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest

from labkit.course import Lab
from labkit.services.postgres.bench import PostgresBench
from labkit.services.postgres.database import Database
from labkit.services.postgres.lab_template import checks_template
from labkit.services.postgres.template import Template


@pytest.fixture(scope="module")
def postgres_bench(bench: Any) -> PostgresBench:
    """Hands out databases."""
    return bench.service("postgres")


@pytest.fixture(scope="module")
def template(lab: Lab, hidden: bool) -> Template:
    """The lab's data: the learner's own, or the hidden data in a hidden check."""
    return checks_template(lab.key, hidden=hidden)


@pytest.fixture(scope="module")
def database(postgres_bench: PostgresBench, template: Template) -> Iterator[Database]:
    """A clone of the lab's data that no learner touched, shared by the checks of one module."""
    with postgres_bench.database(template) as clone:
        yield clone


@pytest.fixture
def fresh_database(postgres_bench: PostgresBench, template: Template) -> Iterator[Callable[[], Database]]:
    """Makes more clones, for a check that must not see what others did."""
    made: list[Database] = []

    def clone() -> Database:
        made.append(postgres_bench.database(template))
        return made[-1]

    yield clone
    for used in made:
        used.drop()


@pytest.fixture(scope="module")
def in_turn_on_database(
    in_turn: Callable[..., AbstractContextManager[Any]], postgres_bench: PostgresBench, template: Template
) -> Callable[..., AbstractContextManager[Any]]:
    """As `in_turn`, with a clone of its own: a context manager of what `make(database, before)` gives."""

    def entered(make: Callable[[Database, Any], AbstractContextManager[Any]]) -> AbstractContextManager[Any]:
        def on_a_clone(stack: ExitStack, before: Any) -> AbstractContextManager[Any]:
            return make(stack.enter_context(postgres_bench.database(template)), before)

        return in_turn(on_a_clone)

    return entered
