"""A container's process: it starts like process 1 of a container, its output goes to a log, and it ends when it must."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import datetime
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOG_BYTES = 5_000_000  # a longer log is begun anew
LINE_BYTES = 16_384  # a longer line is cut, as a container runtime does
OPEN_FILES = 1024
MARK = "LABKIT_NODE"  # in the environment of all that the node starts: whatever is left is found by it
SECURITY_NO_NEW_PRIVS, SET_PDEATHSIG = 38, 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: not between fork and exec


class Log:
    """A container's output with times, a line each: `2026-03-27T18:00:00.123456Z what it said`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self.grown = asyncio.Event()
        self.closed = False

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Writes down what comes, until the end."""
        rest = b""
        with contextlib.suppress(OSError):
            while data := await stream.read(65_536):
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                self._write(lines)
            if rest:
                self._write([rest])
        self.closed = True
        self._file.close()
        self._wake()

    def _write(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ").encode()
        if self._file.tell() > LOG_BYTES:
            self._file.truncate(0)
        self._file.write(b"".join(stamp + line[:LINE_BYTES] + b"\n" for line in lines))
        self._wake()

    def _wake(self) -> None:
        self.grown.set()
        self.grown = asyncio.Event()


def as_child(parent: int, *, first: bool) -> Callable[[], None]:
    """What the child does before it becomes the program.

    Like process 1 of a container, the `first` is not ended by a SIGTERM that it does not handle. All die with the agent, gain
    no privileges, and leave no core file.
    """

    def before_exec() -> None:
        if first:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
        if LIBC:
            LIBC.prctl(SECURITY_NO_NEW_PRIVS, 1, 0, 0, 0)
            LIBC.prctl(SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return before_exec


class Process:
    """One run of a container."""

    def __init__(self, process: asyncio.subprocess.Process, log: Log) -> None:
        self.process, self.log = process, log
        self.pid = process.pid
        self.out_of_memory = False
        stream = process.stdout
        assert stream
        self._reading = asyncio.create_task(log.follow(stream))

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str], folder: str, log: Path) -> Process:
        """Starts the program. Raises OSError when there is none."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=env,
            cwd=folder if os.path.isdir(folder) else "/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=as_child(os.getpid(), first=True),
        )
        return cls(process, Log(log))

    async def wait(self) -> int:
        """Its exit code, 128 and the signal where one ended it; nothing that it started runs on."""
        code = await self.process.wait()
        self.signal(signal.SIGKILL)
        with contextlib.suppress(asyncio.TimeoutError):  # a process that left its session may hold the pipe
            await asyncio.wait_for(self._reading, 1)
        return 128 - code if code < 0 else code

    def terminate(self) -> None:
        """Asks it to end: only process 1 hears that, as in a container."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def signal(self, number: int) -> None:
        """Sends a signal to all of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    @staticmethod
    def end_group(pid: int) -> None:
        """Ends all that a command has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def memory(self) -> int:
        """Bytes of memory that it and its descendants have."""
        pages, todo = 0, [self.pid]
        while todo:
            pid = todo.pop()
            with contextlib.suppress(OSError, ValueError, IndexError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                todo += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return pages * resource.getpagesize()

    async def within(self, limit: int, period: float = 0.1) -> None:
        """Ends it when it takes more memory than it may; runs until it is cancelled."""
        while True:
            if self.memory() > limit:
                self.out_of_memory = True
                self.signal(signal.SIGKILL)
                return
            await asyncio.sleep(period)


def sweep(mark: str) -> None:
    """Ends every process that carries this mark: what an agent that was killed has left."""
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)
