"""The power curve: what an event takes and costs with other memory."""

from __future__ import annotations

import pytest

from labkit.kinds.function.power import WHOLE_MB, Work, waiting_ms
from labkit.sandbox.traffic import Counts


def test_computing_gets_faster_for_the_same_money_up_to_a_whole_processor():
    work = Work(wait_ms=0, cpu_ms=100)
    assert work.duration_ms(WHOLE_MB) == work.duration_ms(2 * WHOLE_MB) == 100
    assert work.duration_ms(128) == pytest.approx(100 * WHOLE_MB / 128)
    assert work.gb_ms(128) == pytest.approx(work.gb_ms(WHOLE_MB))
    assert work.gb_ms(2 * WHOLE_MB) == pytest.approx(2 * work.gb_ms(WHOLE_MB))


def test_waiting_takes_as_long_and_costs_by_the_memory():
    work = Work(wait_ms=100, cpu_ms=0)
    assert work.duration_ms(128) == work.duration_ms(3008) == 100
    assert work.gb_ms(1024) == 100
    assert work.gb_ms(2048) == 200


def test_waits_for_connections_and_round_trips():
    assert waiting_ms(Counts(connections=2, round_trips=7, rows=10_000)) == 135
