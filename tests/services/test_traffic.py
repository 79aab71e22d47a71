"""People who use a database meanwhile: their failed requests are noted, and a broken visit keeps nobody waiting."""

from __future__ import annotations

import psycopg
import pytest

from labkit.services.postgres.traffic import Traffic


def test_an_error_of_postgres_is_a_failed_request():
    def visit(_person: int, turn: int) -> None:
        if turn % 2:
            raise psycopg.errors.UndefinedColumn("no such column")

    with Traffic(visit, people=1) as traffic:
        traffic.wait(4)
    assert [request.error for request in traffic.requests[:4]] == ["", "UndefinedColumn: no such column"] * 2


def test_any_other_error_ends_the_traffic_and_the_waiting_and_is_raised():
    def visit(person: int, turn: int) -> None:
        raise ValueError("a mistake in the visit")

    with pytest.raises(ValueError, match="a mistake in the visit"), Traffic(visit) as traffic:
        traffic.wait(1, seconds=600)  # the test's own deadline would end it
