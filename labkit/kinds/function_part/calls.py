"""How a check asks a service over HTTP, and what it may conclude from what comes back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from labkit.kinds.answer import AnswerError
from labkit.kinds.function.calls import GRADED
from labkit.kinds.function_part import TIME_LIMIT
from labkit.services.functions import cloudevents
from labkit.services.functions.client import FunctionHandle
from labkit.services.functions.invocation import GATEWAY_TIMEOUT, NOT_READY, Result
from labkit.services.functions.settings import Settings

LOG = 300  # characters of its last words
STARTS = 20.0  # seconds until it listens: some fifty times what it takes


def served(program: str, seconds: float = GRADED.timeout, base: Settings = GRADED) -> Settings:
    """The settings of a service with a time limit, of which it is told."""
    told = {**base.environment, TIME_LIMIT: f"{seconds:g}"}
    return replace(base, program=program, timeout=seconds, init_timeout=STARTS, environment=told)


class Service:
    """An answer that is deployed as a service. What keeps it from working at all, or for long, is met once, and told to each check."""

    def __init__(self, function: FunctionHandle) -> None:
        self.function = function
        self._useless = ""

    def ask(self, *requests: dict[str, Any]) -> list[Result]:
        """Gives it the requests, one after the other. Raises AnswerError where it does not listen, or takes too long."""
        return [self._asked(request) for request in requests]

    def must_listen(self, request: dict[str, Any]) -> None:
        """Raises AnswerError where it does not."""
        self._asked(request)

    def _asked(self, request: dict[str, Any]) -> Result:
        if self._useless:
            raise AnswerError(self._useless)
        result = self.function.invoke(request)
        if result.status == GATEWAY_TIMEOUT or (result.status == NOT_READY and result.headers == {}):
            self._useless = f"The service does not answer: {why(result)}."
            raise AnswerError(self._useless)
        return result


def why(result: Result) -> str:
    """What the service's caller was told instead of a success, and the last words of its log."""
    said = result.payload if result.headers == {} else f"it answered {result.status}"
    if result.function_error.startswith("received"):
        said = f"it answered 2xx with a body that is no CloudEvent: the broker counts that as a failure, and {result.status} is what it notes"
    last = last_words(result.log)
    return f"{said[:LOG]}{f'. The last line of its log: {last}' if last else ''}"


def last_words(log: str) -> str:
    """The last line that says something: none of those with which `http.server` notes requests, or frames an error."""
    said = [
        line for line in log.splitlines() if re.search(r"\w", line) and not re.search(r'"(POST|GET) / HTTP/1', line)
    ]
    return " ".join(said[-1].split())[-LOG:] if said else ""


def replied(result: Result) -> cloudevents.CloudEvent:
    """The event that it answered with. Raises AnswerError where it answered no success, or none."""
    if not result.ok:
        raise AnswerError(f"The event did not succeed: {why(result)}.")
    try:
        return cloudevents.read(result.headers or {}, result.payload)
    except ValueError as error:
        raise AnswerError(f"It answered {result.status}, and not with a CloudEvent: {error}.") from None
