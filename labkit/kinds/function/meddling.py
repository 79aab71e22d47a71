"""What a check does to a handler while it works on a database: holds its tables, ends its sessions, kills its instances."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from psycopg import Connection, OperationalError, errors

from labkit.kinds.answer import Wrong
from labkit.kinds.function.calls import Handler
from labkit.services.functions.invocation import Result

if TYPE_CHECKING:
    from labkit.services.postgres import Database

BLOCKED = 60.0  # seconds until a handler waits for a lock: as long as a busy machine may need to start it
POLL = 0.01  # seconds: a server tells nobody who waits
IMPATIENT = "SET lock_timeout = '20s'"  # for a lock that a handler holds: while it works it needs none for so long
MOST = 100  # connections that are tried
CLOSING = 2.0  # seconds for a session that is closed to be gone
AT_ONCE = 32  # events that are on their way, at most

Release = Callable[[], None]


class Meddler:
    """The database as others than the handler see it. A context manager; leaving it ends its sessions."""

    def __init__(self, database: Database, handler: Handler) -> None:
        self.database, self.handler, self.function = database, handler, handler.function
        self.session = database.connect(prepare_threshold=None)
        self._admin = database.admin()
        self._threads = ThreadPoolExecutor(AT_ONCE)
        self._own = [self.session.info.backend_pid]
        self.session.execute(IMPATIENT)

    def __enter__(self) -> Meddler:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown()
        self.session.close()
        self._admin.close()

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query gives, as the role sees it. Raises Wrong where the handler never lets go of a table."""
        try:
            return self.session.execute(query, values).fetchall()  # type: ignore[arg-type]
        except errors.LockNotAvailable:
            raise _held() from None

    def begin(self, event: Any) -> Future[Result]:
        """Gives the handler an event, and does not wait."""
        return self._threads.submit(self.function.invoke, event)

    def begin_at_once(self, *events: Any) -> Future[list[Result]]:
        """Gives it the events at the same moment, each to an instance, and does not wait."""
        return self._threads.submit(self.function.invoke_all, events)

    @contextlib.contextmanager
    def locked(self, table: str, mode: str = "EXCLUSIVE") -> Iterator[None]:
        """Somebody else holds the table until the end of the block: nothing is written to it; with ACCESS EXCLUSIVE nothing is read.

        Raises Wrong where the handler never lets go of it.
        """
        with self.held(f"LOCK TABLE {table} IN {mode} MODE"):
            yield

    @contextlib.contextmanager
    def held(self, statement: str, *values: object) -> Iterator[None]:
        """Somebody else has run this in a transaction that is undone at the end of the block: its locks are held until then.

        Raises Wrong where the handler never lets go of what it needs.
        """
        with self.database.connect(autocommit=False) as other:
            self._own.append(other.info.backend_pid)
            other.execute(IMPATIENT)
            try:
                other.execute(statement, values)  # type: ignore[arg-type]
            except errors.LockNotAvailable:
                raise _held() from None
            yield
            other.rollback()

    @contextlib.contextmanager
    def occupied(self, but: int = 0) -> Iterator[Release]:
        """Somebody else has all connections that the role may have, but so many. Calling what it gives ends that before the end of the block."""
        taken: list[Connection] = []

        def release() -> None:
            while taken:
                taken.pop().close()

        try:
            until = time.monotonic() + CLOSING
            while self._took_more(taken) or (self.sessions() and time.monotonic() < until):
                time.sleep(POLL)  # a session that ends at this moment must leave none free
            for _ in range(but):
                taken.pop().close()
            yield release
        finally:
            release()

    def _took_more(self, taken: list[Connection]) -> bool:
        """Takes all connections that are free. Returns whether any was."""
        before = len(taken)
        with contextlib.suppress(OperationalError):
            while len(taken) < MOST:
                taken.append(self.database.connect())
                self._own.append(taken[-1].info.backend_pid)
        return before < len(taken) < MOST

    def sessions(self) -> list[tuple[int, str, list[str]]]:
        """The handler's sessions: process id, state, and what each holds locks on, its own transaction besides."""
        asked = """
            SELECT pid, coalesce(state, ''), (
                SELECT coalesce(array_agg(DISTINCT coalesce(relation::regclass::text, locktype)), '{}') FROM pg_locks
                WHERE pg_locks.pid = activity.pid AND granted AND locktype <> 'virtualxid')
            FROM pg_stat_activity AS activity
            WHERE usename = %s AND backend_type = 'client backend' AND pid <> ALL (%s) ORDER BY backend_start"""
        return self._admin.execute(asked, [self.database.role, self._own]).fetchall()

    def waits(self, running: Sequence[Future[Any]], number: int = 1, seconds: float = BLOCKED) -> bool:
        """Waits until so many sessions of the handler wait for a lock, or have ended. Returns whether so many wait."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not all(future.done() for future in running):
            if (waiting := len(self._waiting())) + sum(future.done() for future in running) >= number:
                return waiting >= number
            time.sleep(POLL)
        return False

    def cut(self) -> None:
        """Ends every session of the handler, as a restart of the database does."""
        asked = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                   WHERE datname = %s AND usename = %s AND pid <> ALL (%s)"""
        self._admin.execute(asked, [self.database.name, self.database.role, self._own])

    def kill(self) -> None:
        """Kills every instance, and what it began in the database ends with it."""
        for number in {span.instance for span in self.function.history().spans}:
            self.function.kill(number)
        self.cut()

    def _waiting(self) -> list[int]:
        asked = """SELECT pid FROM pg_stat_activity WHERE datname = %s AND usename = %s
                   AND wait_event_type = 'Lock' AND pid <> ALL (%s)"""
        found = self._admin.execute(asked, [self.database.name, self.database.role, self._own])
        return [pid for (pid,) in found]


def _held() -> Wrong:
    why = "A session of the function holds a lock for more than 20 s, and nobody else gets to the table."
    return Wrong(why, expected="its transactions end before its answers", got="one that goes on")
