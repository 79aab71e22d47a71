"""An interrupt reaches what is under way whenever it comes, also before there is anything to stop."""

from __future__ import annotations

import threading

import pytest

from labkit.pages import waiting
from labkit.pages.waiting import Interrupted, run
from tests.patience import PATIENCE


def test_the_result_or_the_error_comes_back() -> None:
    assert run(lambda: 42, "Counting") == 42
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0, "Dividing")


def test_one_that_comes_before_it_is_waited_for_stops_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()
    ended = threading.Event()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def work() -> None:
        if stopped.wait(PATIENCE):
            ended.set()

    monkeypatch.setattr(waiting, "wait_for", interrupted)
    with pytest.raises(Interrupted):
        run(work, "Waiting", stopped.set)
    assert ended.is_set()


def test_what_had_not_begun_when_it_was_told_to_stop_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    stopped = threading.Event()

    def stop() -> None:
        told.append(1)
        if len(told) == 3:  # only now there is something that hears it
            stopped.set()

    def interrupted(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(waiting, "wait_for", interrupted)
    with pytest.raises(Interrupted):
        run(lambda: stopped.wait(PATIENCE), "Waiting", stop)
    assert len(told) == 3


def test_what_does_not_stop_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def interrupted(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(waiting, "wait_for", interrupted)
    monkeypatch.setattr(waiting, "STOPPING", 0.3)
    with pytest.raises(Interrupted):
        run(lambda: goes_on.wait(PATIENCE), "Waiting", lambda: None)
    goes_on.set()
