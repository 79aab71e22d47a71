"""How a check gives an answer's handler its events, and what it may conclude from what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labkit.kinds.answer import AnswerError, Wrong
from labkit.services.functions.client import FunctionHandle, Space
from labkit.services.functions.invocation import Result
from labkit.services.functions.settings import Settings

LONGEST = 300  # characters of a value or an error that are told
CPU = 10.0  # processor seconds of an instance: some hundred times what a right answer takes
GRADED = Settings(memory=256, timeout=30.0, init_timeout=60.0, cpu=CPU)  # seconds that no busy machine should reach
WARM = replace(GRADED, warm=True)  # where cold starts are not what is judged
NO_HANDLER = "Runtime.HandlerNotFound"
STARTS = ("Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError", "Runtime.BuiltInModuleConflict", NO_HANDLER)
USELESS = (*STARTS, "Sandbox.Timedout")  # it would only be the same again, and may take as long
XCPU = "exit status 152"  # 128 + SIGXCPU


class Handler:
    """An answer that is deployed. What keeps it from working at all, or for long, is met once, and told to each check."""

    def __init__(self, function: FunctionHandle) -> None:
        self.function = function
        self._useless = ""

    def invoke(self, *events: Any) -> list[Result]:
        """Gives it the events, one after the other. Raises AnswerError when it does not start, or takes too long."""
        return [self._looked_at(lambda event=event: [self.function.invoke(event)])[0] for event in events]

    def invoke_cold(self, event: Any, times: int) -> list[Result]:
        """Gives the event to so many new instances at once. Raises AnswerError as `invoke`."""
        self.function.recycle()
        return self._looked_at(lambda: self.function.invoke_all([event] * times))

    def invoke_at_once(self, *events: Any) -> list[Result]:
        """Gives it the events at the same moment, each to an instance. Raises AnswerError as `invoke`."""
        return self._looked_at(lambda: self.function.invoke_all(events))

    def values(self, *events: Any) -> list[Any]:
        """What the handler returns for each. Raises AnswerError also where it raised an error, or returned no JSON."""
        return [returned(result, event) for result, event in zip(self.invoke(*events), events, strict=True)]

    def must_return(self, pairs: Sequence[tuple[Any, Any]]) -> None:
        """Raises Wrong for the first event of (event, expected) that is answered otherwise."""
        for event, expected in pairs:
            (got,) = self.values(event)
            if got != expected:
                raise Wrong(
                    f"For the event {short(event)} it returned something else.",
                    expected=short(expected),
                    got=short(got),
                )

    def _looked_at(self, invoke: Any) -> list[Result]:
        if self._useless:
            raise AnswerError(self._useless)
        results = invoke()
        failed = next((result for result in results if not result.ok), None)
        if failed and (failed.error.get("errorType") in USELESS or XCPU in failed.payload):
            self._useless = why(failed)
            raise AnswerError(self._useless)
        return results


def deploy(
    space: Space, text: str, files: Mapping[str, str], settings: Settings = GRADED, name: str = "answer"
) -> FunctionHandle:
    """Deploys an answer with the lab's package."""
    return space.deploy(name, {**files, "handler.py": text}, settings)


def returned(result: Result, event: Any) -> Any:
    """The value that the handler returned. Raises AnswerError where it failed, or returned no JSON."""
    if not result.ok:
        raise AnswerError(f"The event {short(event)} ended with an error. {why(result)}")
    try:
        return result.json()
    except (ValueError, RecursionError):
        raise AnswerError(f"For the event {short(event)} the handler returned bytes that are no JSON.") from None


def why(result: Result) -> str:
    """The function's own error, with the line of its code that it comes from."""
    error = result.error
    message = str(error.get("errorMessage", result.payload))
    kind = error.get("errorType", "")
    if XCPU in message:
        return f"The function used more than {CPU:g} s of processor time, and was ended. Does every loop have an end?"
    if kind == NO_HANDLER:
        return "The cell defines no function handler(event, context)."
    if kind == "Sandbox.Timedout":
        return f"The function did not return within {message.rpartition(' after ')[2]}, and was ended."
    if kind == "Runtime.ExitError":
        return f"The function ended its own process ({message.rpartition('Error: ')[2]}). Which line exits?"
    said = f"{kind}: {message}"[:LONGEST]
    trace = error.get("stackTrace")
    lines = [str(line) for line in trace if "handler.py" in str(line)] if isinstance(trace, list) else []
    return said + (f" ({' '.join(lines[-1].split())[:LONGEST]})" if lines else "")


def short(value: Any) -> str:
    """A value as a person reads it, cut."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
