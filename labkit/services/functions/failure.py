"""The errors that the platform itself answers with, in Lambda's words."""

from __future__ import annotations

import json

UNHANDLED = "Unhandled"  # X-Amz-Function-Error; for Python it is never anything else


def _body(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def timed_out(request_id: str, seconds: float) -> bytes:
    """The time limit was reached."""
    return _body("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds")


def exited(request_id: str, exit_code: int) -> bytes:
    """The runtime's process ended in the middle; 128 + n says that signal n ended it."""
    ends = {0: "without providing a reason", 137: "with error: signal: killed", 143: "with error: signal: terminated"}
    how = ends.get(exit_code) or f"with error: exit status {exit_code}"
    return _body("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited {how}")


def answer_too_large(size: int, most: int) -> bytes:
    """The function returned more than Lambda carries."""
    message = f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({most} bytes)."
    return _body("Function.ResponseSizeTooLarge", message)


def event_too_large(size: int, most: int) -> bytes:
    """The event is more than Lambda carries; the function never saw it. Goes with status 413."""
    return _body("RequestEntityTooLargeException", f"{size} byte payload is too large for the limit of {most} bytes")


def throttled() -> bytes:
    """No instance may be started. Goes with status 429."""
    return _body("TooManyRequestsException", "Rate Exceeded.")
