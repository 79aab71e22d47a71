"""The fixtures of checks on answers in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from labkit.kinds.sql.prepared import PreparedDatabases
from labkit.services.postgres import Database, Template
from labkit.services.postgres.bench import PostgresBench
from labkit.services.service import LEARNER


@pytest.fixture(scope="module")
def prepared(bench: Any, postgres_bench: PostgresBench, template: Template) -> Iterator[Callable[..., Database]]:
    """`prepared(text)`: a clone on which an answer's text ran, for checks that from then on only read; without text, untouched.

    It is kept for the next check of the same text. One that was written to all the same is dropped.
    """
    kept: PreparedDatabases = bench.kept(
        "databases prepared with SQL",
        lambda: PreparedDatabases(postgres_bench.database, trusted=bench.purpose == LEARNER),
        PreparedDatabases.drop_all,
    )
    with ExitStack() as used:
        yield lambda text=None: used.enter_context(kept.database(template, text))
