"""What goes wrong in a function is an error in Lambda's own words, never an answer."""

from __future__ import annotations

import pytest

CRASHES = {  # what the handler does, and the words for it
    "import sys; sys.exit(0)": "Runtime exited without providing a reason",
    "import sys; sys.exit(3)": "Runtime exited with error: exit status 3",
    "import os; os._exit(0)": "Runtime exited without providing a reason",
    "raise KeyboardInterrupt": "Runtime exited with error: exit status",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": "Runtime exited with error: signal: killed",
}


def test_an_exception_is_an_error_with_its_type(deploy):
    function = deploy("""
        def handler(event, context):
            raise ValueError("no such order: " + event["order"])
    """)
    result = function.invoke({"order": "4711"})
    assert (result.status, result.function_error, result.ok) == (200, "Unhandled", False)
    assert (result.error["errorType"], result.error["errorMessage"]) == ("ValueError", "no such order: 4711")
    assert result.report.status == "error"
    assert function.invoke({"order": "1"}).instance == result.instance  # an exception costs no instance


def test_the_time_limit_is_an_error_and_the_instance_is_gone(deploy):
    function = deploy(
        """
        import time
        def handler(event, context):
            time.sleep(event)
            return "done"
        """,
        timeout=1.0,
    )
    result = function.invoke(600)
    assert (result.status, result.function_error) == (200, "Unhandled")
    assert result.error["errorType"] == "Sandbox.Timedout"
    assert result.error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert f"{result.request_id} Task timed out after 1.00 seconds" in result.log
    assert (result.report.status, result.report.duration_ms) == ("timeout", 1000.0)
    assert "Status: timeout" in result.log
    again = function.invoke(0)
    assert again.ok
    assert again.cold
    assert again.instance != result.instance


@pytest.mark.parametrize("crash", CRASHES)
def test_a_runtime_that_ends_is_an_error_whatever_its_exit_code(deploy, crash: str):
    function = deploy(f"def handler(event, context):\n    {crash}\n")
    result = function.invoke({})
    assert (result.status, result.function_error) == (200, "Unhandled")
    assert result.error["errorType"] == "Runtime.ExitError"
    assert CRASHES[crash] in result.error["errorMessage"]
    assert result.request_id in result.error["errorMessage"]


def test_the_memory_limit_is_an_error(deploy):
    function = deploy(
        """
        import time
        def handler(event, context):
            held = bytearray(event * 1024 * 1024)
            for place in range(0, len(held), 4096):
                held[place] = 1
            time.sleep(0.2)
            return len(held)
        """,
        memory=128,
    )
    assert function.invoke(40).ok
    result = function.invoke(400)
    assert result.error["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in result.error["errorMessage"]
    assert result.report.max_memory_mb == 128
    assert function.invoke(40).cold


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("import nothing_of_that_name\ndef handler(event, context): ...", "Runtime.ImportModuleError"),
        ("def handler(event, context) ...", "Runtime.UserCodeSyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
        ("def another(event, context): ...", "Runtime.HandlerNotFound"),
        ("import sys; sys.exit(0)", "Runtime.ExitError"),
    ],
)
def test_an_init_that_fails_is_tried_once_more_and_is_an_error(deploy, text: str, kind: str):
    function = deploy(text)
    result = function.invoke({})
    assert (result.status, result.function_error, result.error["errorType"]) == (200, "Unhandled", kind)
    assert "Phase: init\tStatus: error" in result.log
    assert "Phase: invoke\tStatus: error" in result.log
    assert result.instance == 2


def test_an_init_that_is_too_slow_is_tried_once_more_in_the_time_of_the_event(deploy):
    text = """
        import os, time
        time.sleep(float(os.environ["NAP"]))
        def handler(event, context):
            return "awake"
    """
    patient = deploy(text, init_timeout=0.5, timeout=60, environment={"NAP": "1.5"}).invoke({})
    assert patient.ok
    assert patient.instance == 2
    assert "Phase: init\tStatus: timeout" in patient.log
    hasty = deploy(text, init_timeout=0.5, timeout=1.0, environment={"NAP": "600"}).invoke({})
    assert hasty.error["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_a_deep_traceback_is_an_error_and_no_crash(deploy):
    function = deploy("""
        def deeper(n):
            return deeper(n - 1) + other(n - 1) if n else 1 / 0
        def other(n):
            return deeper(n - 1)
        def handler(event, context):
            return deeper(event)
    """)
    result = function.invoke(400)
    assert result.error["errorType"] == "ZeroDivisionError"
    assert function.invoke(3).instance == result.instance


@pytest.mark.parametrize(("value", "kind"), [("{1, 2}", "Runtime.MarshalError"), ("handler", "Runtime.MarshalError")])
def test_a_value_that_is_no_json_is_an_error(deploy, value: str, kind: str):
    result = deploy(f"def handler(event, context):\n    return {value}\n").invoke({})
    assert result.error["errorType"] == kind


def test_an_async_handler_is_an_error_and_its_body_never_runs(deploy):
    """awslambdaric 4.2: what `async def` returns is a coroutine, which is no JSON."""
    result = deploy("async def handler(event, context):\n    print('ran')\n    return 1\n").invoke({})
    assert result.error["errorType"] == "Runtime.MarshalError"
    assert "\nran\n" not in result.log


def test_an_answer_that_is_too_large_is_an_error(deploy):
    function = deploy("def handler(event, context):\n    return 'x' * event\n", memory=512)
    assert function.invoke(5 * 1024 * 1024).ok
    result = function.invoke(6 * 1024 * 1024)
    assert (result.status, result.error["errorType"]) == (200, "Function.ResponseSizeTooLarge")
    assert function.invoke(1).ok


def test_an_event_that_is_too_large_is_refused(deploy):
    function = deploy("def handler(event, context):\n    return len(event)\n", memory=512)
    assert function.invoke("x" * 5 * 1024 * 1024).json() == 5 * 1024 * 1024
    result = function.invoke("x" * 6 * 1024 * 1024)
    assert (result.status, result.instance) == (413, None)
    assert function.invoke_async("x" * 2 * 1024 * 1024)[0].status == 413


def test_an_instance_that_is_ended_takes_nobodys_place(deploy):
    function = deploy("def handler(event, context): ...", concurrency=1, recycle=1.0)
    assert [function.invoke({}).status for _ in range(5)] == [200] * 5


def test_too_many_events_at_once_are_throttled(deploy):
    function = deploy(
        """
        import time
        def handler(event, context):
            time.sleep(1)
        """,
        concurrency=2,
    )
    statuses = [result.status for result in function.invoke_all([{}] * 5)]
    assert sorted(statuses) == [200, 200, 429, 429, 429]
    assert [r.error["errorType"] for r in function.invoke_all([{}] * 5) if r.status == 429] == [
        "TooManyRequestsException"
    ] * 3


def test_no_concurrency_at_all_is_a_switch_for_off(deploy):
    assert deploy("def handler(event, context): ...", concurrency=0).invoke({}).status == 429


def test_killed_in_the_middle(deploy):
    function = deploy("""
        import time
        def handler(event, context):
            print("began", flush=True)
            time.sleep(event)
            return "done"
    """)
    function.invoke(0)
    result = function.invoke(600, kill_after=0.5)
    assert (result.function_error, result.error["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert "signal: killed" in result.error["errorMessage"]
    assert [end.why for end in function.history().ends] == ["killed"]
    assert "began" in result.log
