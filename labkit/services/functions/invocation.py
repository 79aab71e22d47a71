"""One event on its way through the platform, and what came of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from labkit.services.functions.report import Report

THROTTLED, BAD_GATEWAY, NOT_READY, GATEWAY_TIMEOUT = 429, 502, 503, 504  # statuses of HTTP


@dataclass(frozen=True)
class Invocation:
    """An event for one instance. `kill_after` seconds after it was handed over, its instance is killed."""

    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    kill_after: float | None = None


@dataclass(frozen=True)
class Result:
    """What the caller is told, as Lambda's Invoke tells it.

    `status` is HTTP's: 200 also where the function failed, and then `function_error` is not empty and the payload says how. `log` holds what
    the function wrote, between the platform's own lines. An event that no instance took has no report.
    """

    status: int
    payload: str
    request_id: str
    function_error: str = ""
    log: str = ""
    instance: int | None = None
    cold: bool = False
    report: Report | None = None
    headers: dict[str, str] | None = None  # of a service over HTTP, by their names in small letters

    @property
    def ok(self) -> bool:
        """The function returned; a service over HTTP answered 2xx, and as its caller may be answered."""
        return (
            self.status == 200 or (self.headers is not None and 200 <= self.status < 300)
        ) and not self.function_error

    def json(self) -> Any:
        """The payload's value. Raises ValueError where it is no JSON."""
        return json.loads(self.payload)

    @property
    def error(self) -> dict[str, Any]:
        """errorType, errorMessage and perhaps more of a function that failed; empty where it did not, or says nothing readable."""
        try:
            value = {} if self.ok else json.loads(self.payload)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def told_by_http(self) -> str:
        """What a service over HTTP answered instead of a success; empty where there is no such service."""
        return (
            f"{self.function_error or self.status}: {self.payload}" if self.headers is not None and not self.ok else ""
        )

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return {**self.__dict__, "report": self.report and self.report.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Result:
        """The other end of `to_json`."""
        return cls(**{**data, "report": Report(**data["report"]) if data["report"] else None})


@dataclass(frozen=True)
class DeadLetter:
    """An asynchronous event that was given up: as a dead-letter queue receives it."""

    payload: str
    request_id: str
    error_code: int  # HTTP's: 200 where the function failed, 429 where it was never let run
    error_message: str
    attempts: int
