"""One instance of a learner's server: a program in the sandbox that listens on a Unix socket, is told to stop, and ends."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM
from threading import Event
from typing import Self

from labkit.course.home import run_folder
from labkit.sandbox import Finished, Limits, Sandbox, Signals

LIMITS = Limits(seconds=60, cpu_seconds=30, open_files=1_024)
STARTING = 30.0  # seconds until it listens: some hundred times what it takes
ENDING = 10.0  # seconds from SIGTERM to the end that an answer has at most; a task may give it less
LOOK = 0.01  # seconds between two looks for the socket: nobody tells when it is there
PROGRAM = "server.py"
LONGEST = 600  # characters of an error that are told

RUN = f'''"""Runs {PROGRAM} as a program, and says in one line what stopped it."""
import os, runpy, sys, traceback

os.umask(0)  # its socket is for another user
try:
    runpy.run_path("{PROGRAM}", run_name="__main__")
except (SystemExit, KeyboardInterrupt):
    raise
except BaseException as error:
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith("{PROGRAM}")]
    lines = [error.lineno] if isinstance(error, SyntaxError) else lines
    place = f"line {{lines[-1]}}: " if lines else ""
    traceback.print_exc()
    print(f"{{place}}{{type(error).__name__}}: {{error}}"[:{LONGEST}], file=sys.stderr, flush=True)
    os._exit(1)
'''


class DoesNotListen(Exception):
    """The program ended, or did not make its socket. The message is for its author."""


class Instance:
    """A process of its own. Its socket is `path` for us, and in its environment as `SOCKET` for the program.

    `files` lie beside the program, and `sockets` are services that it may ask: their places are in its environment by the names given.
    `reached` is a socket that it finds by what is in `environment`.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        text: str,
        *,
        files: Mapping[str, str] | None = None,
        sockets: Mapping[str, Path] | None = None,
        reached: Path | None = None,
        environment: Mapping[str, str] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._sandbox, self._limits = sandbox, limits
        self._files = {**(files or {}), "run.py": RUN, PROGRAM: text}
        self._sockets, self._environment = sockets or {}, environment or {}
        self._reached = [reached] if reached else []
        self._folder = Path(tempfile.mkdtemp(prefix="ws-", dir=run_folder()))
        self.path = self._folder / "in" / "server.sock"
        self._stop, self._signals = Event(), Signals()
        self._threads = ThreadPoolExecutor(1, "instance")
        self._closed = threading.Lock()
        self.finished: asyncio.Future[Finished] | None = None
        self.told_at = self.ended_at = 0.0  # when it was told to stop, and when it had ended; monotonic seconds

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts the program, and waits until it listens. Raises DoesNotListen."""
        self._folder.chmod(0o711)  # another user gets through, but only who was given the name
        self.path.parent.mkdir()
        self.finished = asyncio.get_running_loop().run_in_executor(self._threads, self._run)
        until = time.monotonic() + STARTING
        while not await self._listens():
            if self.finished.done():
                why = reason(self.finished.result(), self._limits)
                await self.close()
                raise DoesNotListen(f"The program ended before it listened. {why}")
            if time.monotonic() > until:
                await self.close()
                raise DoesNotListen(
                    f"The program runs, and after {STARTING:g} s it does not listen on the socket that the "
                    "environment variable SOCKET names."
                )
            await asyncio.sleep(LOOK)

    async def _listens(self) -> bool:
        """Whether its socket takes connections: it is there a moment earlier. The connection that tells says nothing, and ends."""
        if not self.path.is_socket():
            return False
        try:
            _, writer = await asyncio.open_unix_connection(self.path)
        except OSError:
            return False
        writer.close()
        return True

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.finished is not None and not self.finished.done()

    @property
    def tree(self) -> int:
        """The process (of /proc) whose descendants are the program's; 0 when it does not run, or nobody shows it to us."""
        return self._signals.tree or 0

    def why_it_ended(self) -> str:
        """Why the process is gone, for its author; nothing while it runs."""
        if self.finished is None or not self.finished.done():
            return ""
        return reason(self.finished.result(), self._limits)

    def terminate(self) -> None:
        """What a deploy does first: SIGTERM."""
        self.told_at = time.monotonic()
        self._signals.send(SIGTERM)

    def kill(self) -> None:
        """What a deploy does when the grace period is over, and what a crash does at any time."""
        self._stop.set()

    async def ended(self, seconds: float = ENDING) -> Finished | None:
        """Waits for the end of the process; None when it goes on for longer."""
        assert self.finished is not None
        with suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(self.finished), seconds)
        return None

    async def close(self) -> None:
        """Ends the process and removes its socket."""
        self._stop.set()
        if self.finished:
            await asyncio.wait([self.finished])
        self._threads.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> Finished:
        named = {"SOCKET": self.path, **self._sockets}
        try:
            return self._sandbox.run(
                ["python", "-u", "run.py"],
                files=self._files,
                sockets=[*self._sockets.values(), *self._reached],
                limits=self._limits,
                env={
                    **self._environment,
                    **{name: f"{self._sandbox.folder_of(path)}/{path.name}" for name, path in named.items()},
                },
                stop=self._stop,
                listens=self.path,
                signals=self._signals,
            )
        finally:
            self.ended_at = time.monotonic()


def reason(finished: Finished, limits: Limits) -> str:
    """Why a program ended, for its author: its own last line where it has one, else how it ended."""
    last = finished.stderr.strip().splitlines()[-1:]
    if finished.ended_by == "exit" and finished.exit_code and last and re.search(r"\w+: |Error|Exception", last[0]):
        return last[0][:LONGEST]
    if finished.ended_by == "exit" and finished.exit_code == 0:
        return "It came to its end: what keeps it waiting for connections?"
    return finished.why(limits)
