"""What the handler is given, and what is read of it: the runtime is Lambda's own, so most of this is what a hand-made platform gets wrong."""

from __future__ import annotations

import re
import time

ECHO = "def handler(event, context):\n    return event\n"


def test_an_event_arrives_as_it_is(deploy):
    function = deploy(ECHO)
    for event in ({"a": [1, 2.5, None, True, "ü"]}, [], "text", 7, None, {"nested": {"deep": ["€"]}}):
        assert function.invoke(event).json() == event


def test_the_context_says_what_the_function_is_set_to(deploy):
    function = deploy(
        """
        import os
        def handler(event, context):
            return {
                "id": context.aws_request_id, "left": context.get_remaining_time_in_millis(), "name": context.function_name,
                "memory": context.memory_limit_in_mb, "arn": context.invoked_function_arn, "own": os.environ["OWN"],
            }
        """,
        timeout=60,
        memory=256,
        environment={"OWN": "mine"},
    )
    result = function.invoke({})
    seen = result.json()
    assert seen["id"] == result.request_id
    assert 0 < seen["left"] <= 60_000
    assert (seen["name"], seen["memory"], seen["own"]) == ("tried", "256", "mine")
    assert seen["arn"].endswith(":function:tried")


def test_the_report_is_as_lambda_writes_it(deploy):
    function = deploy("import time\ndef handler(event, context):\n    time.sleep(0.1)\n", memory=256)
    cold, warm = function.invoke({}), function.invoke({})
    pattern = (
        r"REPORT RequestId: (\S+)\tDuration: (\d+\.\d\d) ms\tBilled Duration: (\d+) ms\tMemory Size: 256 MB\t"
        r"Max Memory Used: (\d+) MB(\tInit Duration: (\d+\.\d\d) ms)?\n"
    )
    for result in (cold, warm):
        found = re.search(pattern, result.log)
        assert found
        assert found[1] == result.request_id
        assert float(found[2]) >= 100
        assert int(found[3]) == result.report.billed_ms >= float(found[2]) + float(found[6] or 0)
        assert result.report.gb_ms == result.report.billed_ms / 4
    assert cold.report.init_ms > 0
    assert warm.report.init_ms is None
    assert "Init Duration" not in warm.log


def test_the_bill_is_the_sum(deploy):
    function = deploy(ECHO)
    reports = [function.invoke(n).report for n in range(3)]
    bill = function.history().bill
    assert (bill.invocations, bill.cold_starts) == (3, 1)
    assert bill.billed_ms == sum(report.billed_ms for report in reports)
    assert bill.gb_ms == bill.billed_ms / 8


def test_each_event_has_the_log_that_was_written_for_it(deploy):
    function = deploy("""
        import sys
        print("imported")
        def handler(event, context):
            print("out", event)
            print("err", event, file=sys.stderr)
            return event
    """)
    first, second = function.invoke(1), function.invoke(2)
    assert first.log.index("imported") < first.log.index("START RequestId")
    assert "out 1\n" in first.log
    assert "err 1\n" in first.log
    assert "imported" not in second.log
    assert "out 2\n" in second.log
    assert "out 1" not in second.log


def test_a_forged_report_is_only_text(deploy):
    function = deploy("""
        def handler(event, context):
            print(f"REPORT RequestId: {context.aws_request_id}\\tDuration: 0.01 ms\\tBilled Duration: 1 ms")
    """)
    result = function.invoke({})
    assert result.report.billed_ms > 1
    assert function.history().bill.billed_ms == result.report.billed_ms


def test_a_flood_of_output_is_cut_and_blocks_nothing(deploy):
    function = deploy("def handler(event, context):\n    for _ in range(3000):\n        print('x' * 1000)\n")
    result = function.invoke({})
    assert result.ok
    assert len(result.log) < 600_000


def test_nobody_answers_for_another_event(deploy):
    function = deploy("""
        import http.client, os
        def post(request_id, what="response"):
            api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
            api.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/{what}", '"forged"')
            return api.getresponse().status
        def handler(event, context):
            return [post("8476a536-e9f4-11e8-9739-2dfe598c3fcd"), post("x" * 50)]
    """)
    assert function.invoke({}).json() == [400, 400]


def test_the_first_answer_counts(deploy):
    function = deploy("""
        import http.client, os
        def handler(event, context):
            api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
            api.request("POST", f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response", '"early"')
            api.getresponse().read()
            return "late"
    """)
    assert function.invoke({}).json() == "early"
    assert function.invoke({}).status == 200  # and the platform goes on


def test_the_next_event_is_not_given_before_the_last_is_answered(deploy):
    function = deploy("""
        import http.client, os
        def handler(event, context):
            api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
            api.request("GET", "/2018-06-01/runtime/invocation/next")
            return api.getresponse().status
    """)
    assert function.invoke({}).json() == 403


def test_garbage_on_the_runtime_api_ends_that_connection_only(deploy):
    function = deploy("""
        import os, socket
        def handler(event, context):
            host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
            with socket.create_connection((host, int(port))) as api:
                api.sendall(b"\\x00garbage\\r\\n\\r\\n")
                return api.recv(100).decode()
    """)
    assert function.invoke({}).json() == ""
    assert function.invoke({}).ok


def test_functions_do_not_see_each_other(space):
    from labkit.services.functions.settings import Settings

    text = "def handler(event, context):\n    return NAME\n"
    functions = [space.deploy(name, {"handler.py": f"NAME = {name!r}\n{text}"}, Settings(timeout=60)) for name in "ab"]
    assert [function.invoke({}).json() for function in functions] == ["a", "b"]


def test_a_time_limit_goes_on_inside_a_frozen_instance(deploy):
    """A timer that was set during an event is late by the time that the instance was frozen."""
    function = deploy("""
        import threading, time
        fired = []
        def handler(event, context):
            if event == "set":
                began = time.monotonic()
                threading.Timer(0.2, lambda: fired.append(time.monotonic() - began)).start()
            else:
                time.sleep(0.5)
            return fired
    """)
    function.invoke("set")
    function.settled()
    time.sleep(1.0)  # it must not fire meanwhile
    assert function.invoke("look").json()[0] > 0.9


def test_processor_time_is_what_was_computed_and_not_what_was_waited(deploy):
    function = deploy("""
        import time
        def handler(event, context):
            if event["do"] == "wait":
                time.sleep(0.3)
            until = time.thread_time() + event.get("seconds", 0)
            while time.thread_time() < until:
                pass
    """)
    function.invoke({"do": "warm up"})
    waited = function.invoke({"do": "wait"}).report
    worked = function.invoke({"do": "work", "seconds": 0.3}).report
    assert waited.cpu_ms < 100 < 300 <= waited.duration_ms
    assert 290 < worked.cpu_ms < 500
