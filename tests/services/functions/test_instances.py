"""An instance takes one event at a time, is used again, is frozen in between, and is ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.services.functions import instance
from labkit.services.functions.client import FunctionHandle
from tests.patience import PATIENCE
from tests.services.functions.test_platform import instances

COUNTS = """
    import os
    seen = 0
    def handler(event, context):
        global seen
        seen += 1
        return {"seen": seen, "pid": os.getpid()}
"""
SLEEPS = """
    import time
    def handler(event, context):
        time.sleep(event)
        return event
"""


def states(function: FunctionHandle, instance: int) -> list[str]:
    """What an instance went through, without the moments in which it only waits to be frozen."""
    return [s.state for s in function.history().spans if s.instance == instance and s.state != "idle"]


def test_it_scales_from_zero(deploy):
    function = deploy(COUNTS)
    assert function.history().spans == []
    result = function.invoke({})
    assert result.ok
    assert result.cold
    assert result.json()["seen"] == 1


def test_a_warm_instance_keeps_its_memory(deploy):
    function = deploy(COUNTS)
    results = [function.invoke({}) for _ in range(4)]
    assert [r.json()["seen"] for r in results] == [1, 2, 3, 4]
    assert [r.cold for r in results] == [True, False, False, False]


def test_one_event_at_a_time_in_an_instance(deploy):
    function = deploy(COUNTS)
    results = function.invoke_all([{}] * 4)
    assert {r.instance for r in results} == {1, 2, 3, 4}
    assert [r.json()["seen"] for r in results] == [1] * 4


def test_events_at_once_run_side_by_side(deploy):
    function = deploy(SLEEPS, concurrency=3)
    function.invoke_all([0.0] * 3)
    function.invoke_all([1.0] * 3)
    runs = [s for s in function.history().spans if s.state == "run" and s.end - s.begin > 0.9]
    assert len(runs) == 3
    assert max(s.begin for s in runs) < min(s.end for s in runs)


def test_the_instance_used_last_is_used_first(deploy):
    function = deploy(COUNTS)
    function.invoke_all([{}] * 3)
    last = function.invoke({}).instance
    assert [function.invoke({}).instance for _ in range(3)] == [last] * 3


def test_between_events_every_process_of_it_stands_still(deploy):
    function = deploy("""
        import mmap, os, threading, time
        ticks, child = 0, None
        shared = mmap.mmap(-1, 8)
        def tick():
            global ticks
            while True:
                ticks += 1
                time.sleep(0.001)
        def tick_beside():
            while True:
                shared[:] = (int.from_bytes(shared[:], "little") + 1).to_bytes(8, "little")
                time.sleep(0.001)
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            global child
            if child is None:
                child = os.fork()
                if child == 0:
                    tick_beside()
            time.sleep(event)
            return [ticks, int.from_bytes(shared[:], "little")]
    """)
    function.invoke(0.05)
    before = function.invoke(0.05).json()
    function.settled()
    time.sleep(1.0)  # the time in which they must not go on: at a thousand ticks a second it would show
    after = function.invoke(0.0).json()
    assert after[0] - before[0] < 300
    assert after[1] - before[1] < 300
    later = function.invoke(0.5).json()
    assert later[0] > after[0]
    assert later[1] > after[1]


def test_frozen_and_thawed_is_seen_in_the_time_line(deploy):
    function = deploy(COUNTS)
    for _ in range(2):
        function.invoke({})
        function.settled()
    assert states(function, 1) == ["start", "init", "run", "frozen", "run", "frozen"]


def test_an_idle_instance_is_ended_after_a_while(deploy):
    function = deploy(COUNTS, idle=0.05)
    function.invoke({})
    function.settled()
    until = time.monotonic() + 60
    while not (ends := function.history().ends) and time.monotonic() < until:
        time.sleep(0.01)
    assert [(end.instance, end.why) for end in ends] == [(1, "recycled")]
    assert function.invoke({}).cold


def test_instances_are_recycled_at_random_the_same_ones_for_the_same_seed(deploy):
    runs = []
    for seed in (1, 1, 2):
        function = deploy(COUNTS, recycle=0.5, seed=seed)
        runs.append([function.invoke({}).cold for _ in range(8)])
    assert runs[0] == runs[1]
    assert 1 < sum(runs[0]) < 8
    assert 1 < sum(runs[2]) < 8


def test_recycled_on_demand(deploy):
    function = deploy(COUNTS)
    function.invoke({})
    function.recycle()
    assert function.invoke({}).json()["seen"] == 1


def test_an_instance_can_write_to_tmp_only_and_finds_its_files_again(deploy):
    function = deploy("""
        def handler(event, context):
            try:
                open("/work/x", "w")
            except OSError as error:
                refused = error.strerror
            else:
                refused = ""
            open("/tmp/log", "a").write(".")
            return [refused, open("/tmp/log").read()]
    """)
    refused, log = function.invoke({}).json()
    assert refused
    assert log == "."
    assert function.invoke({}).json()[1] == ".."
    function.recycle()
    assert function.invoke({}).json()[1] == "."


def test_an_instance_has_no_network_but_its_own(deploy):
    function = deploy("""
        import socket
        def handler(event, context):
            try:
                socket.create_connection(("192.0.2.1", 80), timeout=2)
            except OSError as error:
                return type(error).__name__
    """)
    assert function.invoke({}).ok
    assert function.invoke({}).json() in ("OSError", "TimeoutError", "ConnectionRefusedError")


def test_an_event_that_was_handed_over_to_a_dead_instance_goes_to_another(deploy):
    function = deploy("""
        import os, threading
        def handler(event, context):
            return os.getpid()
    """)
    function.invoke({})
    function.settled()
    assert function.kill(1)
    result = function.invoke({})
    assert result.ok
    assert result.instance == 2


def test_nothing_is_left_of_a_function_that_was_removed(deploy):
    function = deploy(COUNTS)
    function.invoke_all([{}] * 3)
    assert instances() >= 3
    function.remove()
    assert instances() == 0


def test_nobody_waits_for_one_that_ended_after_its_answer(deploy):
    """It answered, and was killed before it asked for the next event: then it is never frozen."""
    function = deploy("""
        import http.client, os, time
        def handler(event, context):
            api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=20)
            api.request("POST", f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response", "1")
            api.getresponse()
            time.sleep(600)
    """)
    assert function.invoke({}).json() == 1
    function.recycle()
    function.settled()
    assert [end.why for end in function.history().ends] == ["recycled"]


def test_one_that_has_not_asked_again_is_not_frozen(deploy, monkeypatch: pytest.MonkeyPatch):
    """Nor by who was to freeze it after an earlier event, and finds it without one: it would never ask."""
    monkeypatch.setattr(instance, "REST", 0.5)
    function = deploy("""
        import http.client, os, time
        def handler(event, context):
            if event == "late":
                api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=20)
                api.request("POST", f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response", "1")
                api.getresponse()
                time.sleep(2)
            return 1
    """)
    assert function.invoke("soon").json() == 1
    assert function.invoke("late").json() == 1
    with ThreadPoolExecutor(1) as thread:
        settled = thread.submit(function.settled)
        try:
            settled.result(PATIENCE)
            assert "frozen" not in states(function, 1)
        finally:
            function.remove()  # also what was frozen goes, and who waits for it
