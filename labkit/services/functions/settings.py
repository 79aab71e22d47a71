"""What is set for one function: its limits, how it is retried, and what the platform does to it at random."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from labkit.machine.fault import ServiceFault

REGION = "eu-central-1"
ACCOUNT = "000000000000"
LARGEST_PAYLOAD = 6 * 1024 * 1024  # bytes of an event, and of an answer: Lambda's quota for synchronous calls
LARGEST_ASYNC = 1024 * 1024  # bytes of an event that is queued: Lambda's quota since October 2025
LARGEST_ANSWER = LARGEST_PAYLOAD + 100  # Lambda names 6,291,556 bytes in its error


@dataclass(frozen=True)
class Settings:
    """Seconds, megabytes and counts; the names in brackets are Lambda's own.

    `retry_after` are the waits before the attempts of an asynchronous event: Lambda's are one and two minutes, ours are short.
    """

    handler: str = "handler.handler"
    program: str = (
        ""  # a module that is run as a program: a service over HTTP, in Knative's way, instead of a handler in Lambda's
    )
    timeout: float = 3.0  # of one event (Timeout)
    memory: int = 128  # MB (MemorySize)
    init_timeout: float = 10.0  # of the code outside of the handler, before its first event
    cpu: float = (
        900.0  # processor seconds in all of an instance's life; Lambda has no such limit, a busy machine needs one
    )
    concurrency: int = 100  # instances at once (ReservedConcurrentExecutions)
    idle: float = 300.0  # how long an instance without an event is kept
    retries: int = 2  # of an asynchronous event (MaximumRetryAttempts)
    retry_after: tuple[float, ...] = (0.05, 0.1)
    event_age: float = 60.0  # an asynchronous event that is older is given up (MaximumEventAgeInSeconds)
    batch_size: int = 10  # messages of its queue in one event (BatchSize)
    report_failures: bool = False  # whether it may say which of them failed (ReportBatchItemFailures)
    visibility: float = 0.1  # how long a message that failed is not seen (VisibilityTimeout): SQS' is 30 s
    max_receive: int = 3  # how often a message is tried before it is a dead letter (maxReceiveCount)
    environment: dict[str, str] = field(default_factory=dict)
    sockets: tuple[str, ...] = ()  # Unix sockets that lead out of an instance: nothing else does
    warm: bool = (
        False  # where the sandbox can, an instance begins with its runtime imported: not for who looks at cold starts
    )
    seed: int = 0  # of all that follows
    recycle: float = 0.0  # how often an idle instance is ended instead of used again, 0 to 1
    duplicate: float = 0.0  # how often an asynchronous event is delivered twice, 0 to 1

    def __post_init__(self) -> None:
        _within("timeout", self.timeout, 0.001, 900, "seconds")
        _within("memory", self.memory, 64, 3008, "MB")
        _within("init_timeout", self.init_timeout, 0.001, 60, "seconds")
        _within("cpu", self.cpu, 1, 900, "seconds")
        _within("concurrency", self.concurrency, 1 if self.program else 0, 1000, "instances")
        _within("retries", self.retries, 0, 2, "retries")
        _within("batch_size", self.batch_size, 1, 10_000, "messages")
        _within("visibility", self.visibility, 0, 3600, "seconds")
        _within("max_receive", self.max_receive, 1, 1000, "times")
        _within("recycle", self.recycle, 0, 1, "of the events")
        _within("duplicate", self.duplicate, 0, 1, "of the events")
        if self.program and not self.program.isidentifier():
            raise ServiceFault(f"The program {self.program!r} is no module. Write the name of its file without .py.")
        module, _, function = self.handler.rpartition(".")
        if not (module and function.isidentifier()):
            raise ServiceFault(
                f"The handler {self.handler!r} names no function. Write module.function, as handler.handler."
            )

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Settings:
        """The other end of `to_json`. Raises ServiceFault for a name that is no setting, or a value out of its range."""
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ServiceFault(f"There is no setting {unknown[0]!r}. The settings are {', '.join(sorted(known))}.")
        lists = {name: tuple(value) for name, value in data.items() if name in ("sockets", "retry_after")}
        return cls(**{**data, **lists})


def _within(name: str, value: float, least: float, most: float, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ServiceFault(f"The setting {name} is {value!r}. It may be from {least:g} to {most:g} {unit}.")
