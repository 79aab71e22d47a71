"""The platform as its users see it: a space of functions, which are deployed, invoked, and looked at."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from labkit.machine.fault import ServiceFault
from labkit.services.functions.invocation import DeadLetter, Result
from labkit.services.functions.report import Bill, Report
from labkit.services.functions.settings import Settings
from labkit.services.functions.timeline import Ended, Span
from labkit.services.service import EmptyAtFirst

PATIENCE = 1200.0  # seconds for an answer: a function may take 900


@dataclass(frozen=True)
class History:
    """What a function's instances did, and what its invocations took."""

    spans: list[Span]
    ends: list[Ended]
    reports: list[Report]

    @property
    def bill(self) -> Bill:
        """What all of it costs."""
        return Bill.of(self.reports)


class Space(EmptyAtFirst):
    """Where one lab, or one check, has its functions. A context manager; its functions end with it, however it ends.

    Methods may be called from several threads. All raise ServiceFault when the platform is at fault, or is asked for what there is not.
    """

    def __init__(self, control: Path | str) -> None:
        self._control = str(control)
        self._held = _connect(self._control)
        self._holding = threading.Lock()
        self.name: str = _ask(self._held, {"do": "open"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return f"{self.name} on the function platform"

    @property
    def connect_with(self) -> str:
        """Nothing: only this kernel invokes its functions."""
        return ""

    def is_there(self) -> bool:
        """Whether its platform still has it."""
        try:
            return self.name in self.ask("spaces")
        except ServiceFault:
            return False

    def drop(self) -> None:
        """Ends all its functions. A platform that is gone has done so already."""
        with contextlib.suppress(ServiceFault), self._holding:
            if self._held.fileno() >= 0:
                _ask(self._held, {"do": "close", "space": self.name})
        self._held.close()

    def deploy(self, name: str, files: Mapping[str, str], settings: Settings | None = None) -> FunctionHandle:
        """A function of these files (path -> text); one of the same name is replaced. Nothing runs until its first event."""
        settings = settings or Settings()
        self.ask("deploy", name=name, files=dict(files), settings=settings.to_json())
        return FunctionHandle(self, name, settings)

    def reset(self, *, undoable: bool = False) -> None:
        """Removes all functions. There is nothing to take back: running an answer's cell deploys it again."""
        self.ask("reset")

    def undo_reset(self) -> bool:
        """Takes nothing back."""
        return False

    def ask(self, do: str, **more: Any) -> Any:
        """A request of the platform's own protocol, on a connection of its own."""
        with _connect(self._control) as connection:
            return _ask(connection, {"do": do, "space": self.name, **more})


class FunctionHandle:
    """A function that was deployed."""

    def __init__(self, space: Space, name: str, settings: Settings) -> None:
        self.name, self.settings, self._space = name, settings, space

    def invoke(self, event: Any, *, kill_after: float | None = None) -> Result:
        """Gives it an event (any JSON value), and waits. `kill_after` seconds after an instance got it, the instance is killed."""
        return self.invoke_all([event], kill_after=kill_after)[0]

    def invoke_all(self, events: Sequence[Any], *, kill_after: float | None = None) -> list[Result]:
        """Gives it all of these events at the same moment, and waits for every answer, in their order."""
        texts = [json.dumps(event) for event in events]
        return [Result.from_json(data) for data in self._ask("invoke", events=texts, kill_after=kill_after)]

    def invoke_async(self, *events: Any) -> list[Result]:
        """Queues events, and does not wait: each result only says that it was taken."""
        return [Result.from_json(data) for data in self._ask("invoke_async", events=[json.dumps(e) for e in events])]

    def drained(self) -> list[DeadLetter]:
        """Waits until every queued event succeeded or was given up, and returns all that were given up."""
        return [DeadLetter(**data) for data in self._ask("drained")]

    def send(self, *values: Any) -> list[str]:
        """Puts messages (any JSON values) into the function's queue, and does not wait. Returns their ids."""
        return self._ask("send", bodies=[json.dumps(value) for value in values])

    def emptied(self) -> list[DeadLetter]:
        """Waits until each message of the queue is done or given up, and returns all that were given up."""
        return [DeadLetter(**data) for data in self._ask("emptied")]

    def copy(self, name: str, settings: Settings) -> FunctionHandle:
        """The same files under another name, with other settings."""
        self._ask("copy", to=name, settings=settings.to_json())
        return FunctionHandle(self._space, name, settings)

    def kill(self, instance: int) -> bool:
        """Kills an instance, in whatever state. Returns whether there was one."""
        return self._ask("kill", instance=instance)

    def recycle(self) -> None:
        """Ends all idle instances."""
        self._ask("recycle")

    def settled(self) -> None:
        """Waits until all idle instances are frozen."""
        self._ask("settled")

    def history(self) -> History:
        """Everything since it was deployed."""
        told = self._ask("history")
        return History(
            [Span(**span) for span in told["spans"]],
            [Ended(**end) for end in told["ends"]],
            [Report(**report) for report in told["reports"]],
        )

    def tried(self) -> dict[str, int]:
        """How often each event was tried (request id -> attempts), in the order of their first ones."""
        return dict(Counter(report.request_id for report in self.history().reports))

    def remove(self) -> None:
        """Ends its instances, and forgets it."""
        self._ask("remove")

    def _ask(self, do: str, **more: Any) -> Any:
        return self._space.ask(do, name=self.name, **more)


def spaces(control: str) -> list[str]:
    """The names of all spaces of a platform. Raises ServiceFault."""
    with _connect(control) as connection:
        return _ask(connection, {"do": "spaces"})


def _connect(control: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    try:
        connection.connect(control)
    except OSError as error:
        connection.close()
        raise ServiceFault(
            f"The function platform does not answer ({error}). Restart the kernel, or run `labkit doctor`."
        ) from error
    return connection


def _ask(connection: socket.socket, request: dict[str, Any]) -> Any:
    try:
        connection.sendall(json.dumps(request).encode() + b"\n")
        line = bytearray()
        while not line.endswith(b"\n"):
            if not (data := connection.recv(1 << 20)):
                raise OSError("it closed the connection")
            line += data
    except OSError as error:
        raise ServiceFault(
            f"The function platform stopped in the middle of an answer ({error}). Run `labkit doctor`."
        ) from error
    told = json.loads(line)
    if "fault" in told:
        raise ServiceFault(told["fault"])
    return told["ok"]
