"""Asynchronous events: queued, retried twice, given up into the dead-letter queue, sometimes delivered twice."""

from __future__ import annotations

import json

FAILS_AT_FIRST = """
    import os
    tried = 0
    def handler(event, context):
        global tried
        tried += 1
        print("attempt of", context.aws_request_id)
        if tried <= event["failures"]:
            raise RuntimeError(f"attempt {tried}")
"""
ALWAYS_FAILS = "def handler(event, context):\n    raise RuntimeError('never ' + str(event))\n"


def test_the_caller_does_not_wait(deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(event)\n")
    taken = function.invoke_async(0.5)[0]
    assert (taken.status, taken.payload) == (202, "")
    assert function.drained() == []
    assert [report.request_id for report in function.history().reports] == [taken.request_id]


def test_a_failed_event_is_tried_twice_more_under_the_same_request_id(deploy):
    function = deploy(FAILS_AT_FIRST)
    taken = function.invoke_async({"failures": 2})[0]
    assert function.drained() == []
    reports = function.history().reports
    assert [report.status for report in reports] == ["error", "error", "success"]
    assert {report.request_id for report in reports} == {taken.request_id}


def test_an_event_that_fails_three_times_is_a_dead_letter(deploy):
    function = deploy(ALWAYS_FAILS)
    taken = function.invoke_async({"order": 7})[0]
    letter, *more = function.drained()
    assert more == []
    assert json.loads(letter.payload) == {"order": 7}
    assert (letter.request_id, letter.error_code, letter.attempts) == (taken.request_id, 200, 3)
    assert letter.error_message == "never {'order': 7}"
    assert len(function.history().reports) == 3


def test_how_often_it_is_retried_can_be_set(deploy):
    for retries in (0, 1):
        function = deploy(ALWAYS_FAILS, retries=retries)
        function.invoke_async(1)
        assert function.drained()[0].attempts == retries + 1


def test_a_time_out_and_a_crash_are_retried_too(deploy):
    function = deploy("import os\ndef handler(event, context):\n    os._exit(0)\n")
    function.invoke_async(1)
    assert function.drained()[0].attempts == 3


def test_a_throttled_event_waits_for_its_turn(deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(0.05)\n", concurrency=1)
    function.invoke_async(*range(6))
    assert function.drained() == []
    assert len(function.history().reports) == 6
    assert function.history().bill.cold_starts == 1


def test_an_event_that_is_never_let_run_gets_too_old(deploy):
    function = deploy(ALWAYS_FAILS, concurrency=0, event_age=0.2)
    function.invoke_async(1)
    letter = function.drained()[0]
    assert (letter.error_code, letter.attempts) == (429, 0)


def test_events_are_delivered_twice_the_same_ones_for_the_same_seed(deploy):
    counts = []
    for seed in (5, 5):
        function = deploy("def handler(event, context): ...", duplicate=0.5, seed=seed)
        taken = function.invoke_async(*range(12))
        function.drained()
        delivered = [report.request_id for report in function.history().reports]
        counts.append([delivered.count(result.request_id) for result in taken])
    assert counts[0] == counts[1]
    assert set(counts[0]) == {1, 2}
