"""A program that someone else wrote, in a sandbox, with a socket to one database: what migrations and functions run in."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Event
from typing import Self

from labkit.kinds.kind import ProgramKind
from labkit.sandbox import Finished, Relay, Sandbox
from labkit.sandbox.limits import Warm
from labkit.services.postgres import Database

YOUNG = 10.0  # seconds: an older program is replaced, as its limits are for one database
GRACE = 1.0  # seconds for a program to end by itself, once its socket is closed


class Program:
    """One process, which begins with `database`. A context manager: leaving it ends the process."""

    def __init__(
        self,
        sandbox: Sandbox,
        database: Database,
        kind: type[ProgramKind],
        command: Sequence[str],
        files: Mapping[str, str],
    ) -> None:
        self._sandbox, self._database, self._kind = sandbox, database, kind
        self._command, self._files = command, files
        self._stop = Event()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(1, "program"))
            database = self._database
            self.relay = stack.enter_context(Relay(database.host, database.port, connections=self._kind.sessions))
            self.running: Future[Finished] = threads.submit(self._run)
            self._started = time.monotonic()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its socket, which a program ends of, and waits for that; one that does not is stopped."""
        self.relay.close()
        wait([self.running], timeout=GRACE)
        self._stop.set()
        self._stack.close()

    def is_young(self) -> bool:
        """Whether it runs, and not yet for long: then it may go on with another database."""
        return not self.running.done() and time.monotonic() - self._started < YOUNG

    def environment(self, database: Database) -> dict[str, str]:
        """How the program reaches a database."""
        return database.environment(host=self._sandbox.folder_of(self.relay.socket), port=5432)

    def _run(self) -> Finished:
        return self._sandbox.run(
            self._command,
            files=self._files,
            sockets=[self.relay.socket],
            limits=self._kind.sandbox,
            env=self.environment(self._database),
            stop=self._stop,
            warm=Warm(self._kind.imports),
        )
