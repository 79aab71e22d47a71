"""An answer's functions, called in a sandbox: each part of an answer has a process of its own, forked from one that imported everything.

with Program(sandbox) as program:
    with program.worker(place, text) as worker:
        worker.call("promote", 3, 2).outcome()
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from labkit.course.home import run_folder
from labkit.kinds.answer import AnswerError
from labkit.kinds.kind import ProgramKind
from labkit.kinds.model.frames import encoded
from labkit.kinds.model.kind import Model
from labkit.kinds.model.server_socket import ServerSocket
from labkit.machine.fault import ServiceFault
from labkit.machine.readable import is_readable
from labkit.sandbox import Finished, Sandbox
from labkit.sandbox.limits import Warm

RUNNER = Path(__file__).with_name("runner.py")
STARTING = 90.0  # seconds until the program has imported everything: some twenty times what it takes
DEADLINE = 60.0  # seconds of a call: some thirty times what a right one takes
GRACE = 1.0  # seconds for the program to end by itself
LINE = 8_000_000  # bytes of what a process tells
LONGEST = 600
USES = 20  # answers after which a program that waits beside a learner's kernel is replaced, as its limits count on
# The same in every run, so that an answer that heeds any of it is judged the same every time.
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}
ELSEWHERE = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "3"}
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class ServerPlace(Protocol):
    """Where a process works."""

    path: str  # after the server's address
    host: str
    port: int


@dataclass(frozen=True)
class Outcome:
    """What a call came to: what it returned, or its error with the line, and the names of the error's classes, its own first."""

    returned: Any = None
    error: str = ""
    kinds: tuple[str, ...] = ()

    def value(self) -> Any:
        """What it returned. Raises AnswerError when it raised."""
        if self.error:
            raise AnswerError(self.error)
        return self.returned


class Program:
    """One sandbox. It starts at once, and is waited for when the first process is asked for. A context manager; leaving it ends all."""

    def __init__(
        self,
        sandbox: Sandbox,
        server: tuple[str, int] | None,
        environment: Mapping[str, str] | None = None,
        *,
        kind: type[ProgramKind] = Model,
        imports: Sequence[str] = (),
    ) -> None:
        """`server` is where its one socket leads; None for no server, and then no socket."""
        self._sandbox, self.server, self._environment = sandbox, server, {**THREADS, **SETTINGS, **(environment or {})}
        self._kind, self._imports = kind, tuple(imports or kind.imports)
        self._stop = threading.Event()
        self._runner: Channel | None = None
        self._workers: list[Worker] = []
        self.uses = 0
        self._late = ""  # why it was stopped from outside

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(tempfile.mkdtemp(prefix="model-", dir=run_folder()))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder.chmod(0o711)
            (self._folder / "control").mkdir(mode=0o711)
            self._control = self._folder / "control" / "socket"
            self._listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            self._listener.bind(str(self._control))
            self._control.chmod(0o666)
            self._listener.listen(8)
            self._sockets = [self._control]
            if self.server:
                self.socket = stack.enter_context(ServerSocket(*self.server, connections=self._kind.sessions))
                self._sockets.append(self.socket.socket)
            threads = stack.enter_context(ThreadPoolExecutor(1, "program"))
            self.running: Future[Finished] = threads.submit(self._run)
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def is_usable(self) -> bool:
        """Whether it runs, and was not used so often that its limits may end it."""
        return not self.running.done() and self.uses < USES

    def worker(
        self,
        place: ServerPlace | None,
        text: str,
        *,
        files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        before: str = "",
    ) -> Worker:
        """A new process that has run the answer's text, and `before` it what makes its world another one. Raises AnswerError when the text does not run."""
        if self._runner is None:
            self._runner = self._accepted("runner", STARTING)
        self.uses += 1
        name = f"worker-{self.uses}"
        order = {"name": name, "path": place.path if place else "", "folder": f"/work/{name}", "text": text}
        more = {"files": dict(files or {}), "environment": dict(environment or {}), "before": before}
        with contextlib.suppress(OSError):  # an earlier part of the answer ended it, or stopped it: that is told below
            self._runner.tell({**order, **more})
        channel = self._accepted(name, DEADLINE)
        worker = Worker(self, channel, name)
        self._workers.append(worker)
        told = worker.told(DEADLINE)
        if told.error:
            worker.close()
            raise AnswerError(f"The cell does not run: {told.error}")
        return worker

    def stop(self, why: str) -> None:
        """Ends it in the middle of whatever it does; calls then fail with these words."""
        self._late = why
        self._stop.set()

    def end_workers(self) -> None:
        """Ends the processes that are there; the program waits for the next."""
        if self.server:
            self.socket.let_go()
        for worker in self._workers:
            worker.close()
        self._workers.clear()

    def end(self, name: str) -> None:
        """Ends a process, also in the middle of a call."""
        if self._runner:
            with contextlib.suppress(OSError):  # it is gone, and with it all processes
                self._runner.tell({"end": name})

    def why(self) -> str:
        """Why a process is gone."""
        wait([self.running], timeout=0.2)
        if self._late:
            return self._late
        if self.running.done() and (finished := self.running.result()).ended_by != "exit":
            return f"The function did not end well. {finished.why(self._kind.sandbox)}"
        return "The function ended the whole process. Which line exits?"

    def _accepted(self, name: str, seconds: float) -> Channel:
        """The process of this name, when it is there. Another one that connects is none of ours."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_readable(self._listener, 0.2):
                if self.running.done():
                    self._why_not_started()
                continue
            channel = Channel(self._listener.accept()[0])
            with contextlib.suppress(EOFError, TimeoutError, ValueError, OSError):
                if channel.hear(5.0).get("hello") == name:
                    return channel
            channel.close()
        if self.uses:
            raise AnswerError(
                f"The cell did not begin to run within {seconds:g} s. What of it goes on in the background?"
            )
        raise ServiceFault(f"The sandbox did not begin within {seconds:g} s. The machine may be too busy: try again.")

    def _why_not_started(self) -> None:
        finished = self.running.result()
        if self._late:
            raise AnswerError(self._late)
        if self.uses or finished.ended_by == "stopped":
            raise AnswerError(f"The function did not end well. {finished.why(self._kind.sandbox)}")
        raise ServiceFault(
            f"The sandbox ended while it imported {', '.join(self._imports[:2])} … {finished.why(self._kind.sandbox)} {finished.stderr.strip()[-LONGEST:]} "
            "Run `labkit doctor`."
        )

    def _end(self) -> None:
        if self._runner:
            self._runner.close()  # which it ends of
            wait([self.running], timeout=GRACE)
        self._stop.set()

    def _run(self) -> Finished:
        control, *server = [self._sandbox.folder_of(path) + f"/{path.name}" for path in self._sockets]
        return self._sandbox.run(
            ["python", "runner.py", control, server[0] if server else "", *self._imports],
            files={"runner.py": RUNNER.read_text()},
            sockets=self._sockets,
            limits=self._kind.sandbox,
            env=self._environment,
            stop=self._stop,
            warm=Warm(self._imports, tuple(sorted(self._environment.items()))),
        )


@dataclass
class Call:
    """A call that has begun."""

    worker: Worker

    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.worker.has_told()

    def outcome(self, seconds: float = DEADLINE) -> Outcome:
        """Waits for its end. Raises AnswerError when it does not come."""
        return self.worker.told(seconds)


@dataclass
class Worker:
    """One process of an answer. A context manager; leaving it ends the process, which its channel's end tells."""

    program: Program
    channel: Channel
    name: str
    _dead: str = field(default="")

    def call(self, function: str, *arguments: Any) -> Call:
        """Begins a call; arguments are what JSON has, and DataFrames."""
        if self._dead:
            raise AnswerError(self._dead)
        with contextlib.suppress(OSError):  # it is gone, which its outcome tells
            self.channel.tell({"function": function, "arguments": [encoded(argument) for argument in arguments]})
        return Call(self)

    def do(self, function: str, *arguments: Any) -> Any:
        """What a call returns. Raises AnswerError when it raises."""
        return self.call(function, *arguments).outcome().value()

    def has_told(self) -> bool:
        """Whether what it tells can be heard now."""
        return self.channel.is_readable(0)

    def told(self, seconds: float) -> Outcome:
        """What it tells next. Raises AnswerError when that does not come; then no call will."""
        try:
            said = self.channel.hear(seconds)
            kinds = said.get("kinds")
            kinds = tuple(str(kind)[:100] for kind in kinds[:20]) if isinstance(kinds, list) else ()
            return Outcome(said.get("returned"), _plain(said.get("error", "")), kinds)
        except TimeoutError:
            self._dead = f"The function did not return within {seconds:g} s, and was stopped. What does it wait for?"
        except (EOFError, OSError):
            self._dead = self.program.why()
        except ValueError as error:
            self._dead = f"The function's process tells what no call comes to: {error}"
        self.close()
        raise AnswerError(self._dead)

    def close(self) -> None:
        """Ends the process."""
        self.program.end(self.name)
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Channel:
    """Lines of JSON to and from a process that we do not trust."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._buffer = connection, b""

    def is_readable(self, seconds: float) -> bool:
        """Whether something can be read in time."""
        return b"\n" in self._buffer or is_readable(self._connection, seconds)

    def tell(self, what: dict[str, Any]) -> None:
        """One line."""
        self._connection.settimeout(DEADLINE)
        self._connection.sendall(json.dumps(what).encode() + b"\n")

    def hear(self, seconds: float) -> dict[str, Any]:
        """The next line. Raises TimeoutError, EOFError, or ValueError when it is not what we read."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            if not self.is_readable(deadline - time.monotonic()):
                raise TimeoutError
            data = self._connection.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
            if len(self._buffer) > LINE:
                raise ValueError("too long a line")
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            said = json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        if not isinstance(said, dict):
            raise ValueError("no object")
        return said

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


def _plain(text: object) -> str:
    """A text such as any file can hold."""
    return str(text).encode("utf-8", "replace").decode()[:LONGEST]
