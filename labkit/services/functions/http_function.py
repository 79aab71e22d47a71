"""A service over HTTP that is given CloudEvents, in Knative's way: what of `Function` is otherwise when a broker and its trigger send the events."""

from __future__ import annotations

import asyncio
from typing import Any

from labkit.services.functions import cloudevents
from labkit.services.functions.function import Function, Told
from labkit.services.functions.http_instance import Answered, HttpInstance
from labkit.services.functions.instance import Outcome
from labkit.services.functions.invocation import BAD_GATEWAY, NOT_READY, Invocation, Result
from labkit.services.functions.report import Report

AGAIN = (404, 408, 409, 429)  # these and 5xx come again: SelectiveRetry of Knative Eventing
NO_EVENT = "received a non-empty response not recognized as CloudEvent"  # Knative's own words


class HttpFunction(Function):
    """Its `concurrency` is how many instances there may be, and events above it wait. An event is `{"headers": {…}, "body": "…"}`: a request."""

    makes = HttpInstance
    slow_is_tried_again = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._places = asyncio.Semaphore(self.settings.concurrency)

    async def invoke(self, invocation: Invocation) -> Result:
        """See `Function`. Above its concurrency nothing is refused: the event waits."""
        async with self._places:
            return await super().invoke(invocation)

    def _log(self, invocation: Invocation, outcome: Outcome, report: Report, said: str) -> str:
        """What it wrote, and nothing else."""
        return said

    def _told(self, invocation: Invocation, outcome: Outcome, told: Told) -> Result:
        """HTTP's status. A success with a body that is no CloudEvent is none for the broker."""
        code, headers, body = NOT_READY, {}, b"the container ended before it listened on $PORT"
        if isinstance(outcome, Answered):
            code, headers, body = outcome.code, outcome.headers, outcome.body
        elif outcome.status == "timeout":
            body = b"the container did not listen on $PORT in time"
        error = "" if 200 <= code < 300 else str(code)
        if not error and body:
            try:
                cloudevents.read(headers, body)
            except ValueError as why:
                code, error = BAD_GATEWAY, f"{NO_EVENT} ({why})"
        text = body.decode("utf-8", "replace")
        return Result(code, text, invocation.request_id, error, *told, headers=headers)

    def _init_failed(self, phase: str, failed: bytes, seconds: float) -> str:
        """Nothing: its own words are what there is."""
        return ""

    def _comes_again(self, result: Result) -> bool:
        """5xx, and the few of 4xx that may be otherwise in a moment."""
        return result.status >= 500 or result.status in AGAIN
