"""Sessions beside each other, for checks of what happens when two people do something in the same moment.

    with Sessions(database) as sessions:
        first, second = sessions.open(), sessions.open()
        first.do("INSERT …")             # in a transaction that stays open
        second.do("INSERT …")            # returns when the statement is finished, or waits for a lock of another session
        assert second.waits
        first.commit()
        error = second.outcome().error

What happens in which order is laid down by the check, never by luck: a step returns when it is finished or blocked.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import psycopg

from labkit.kinds.answer import AnswerError
from labkit.kinds.sql.answers import DEADLINE
from labkit.services.postgres import Database

MOST = 32  # sessions at a time; a role of an answer may have 20
POLL = 0.002  # seconds between two looks at whether a running statement is blocked: a server tells nobody


@dataclass(frozen=True)
class Outcome:
    """What came of a statement: its rows, or the server's error."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    error: psycopg.Error | None = None


class Sessions:
    """Opens sessions as the role of an untrusted database, and ends them all on exit, whatever they are doing."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.threads = ThreadPoolExecutor(MOST)  # one for each: all but one may be blocked
        self.opened: list[Session] = []

    def __enter__(self) -> Self:
        self.admin = self.database.admin()
        return self

    def __exit__(self, *_: object) -> None:
        for session in self.opened:
            session.close()
        self.admin.close()
        self.threads.shutdown()

    def open(self, *, autocommit: bool = False) -> Session:
        """One more session; its first statement opens a transaction, unless `autocommit`."""
        self.opened.append(Session(self, self.database.connect(autocommit=autocommit)))
        return self.opened[-1]


class Session:
    """One session. Each step returns when it is finished, or waits for a lock that another session holds."""

    def __init__(self, sessions: Sessions, connection: psycopg.Connection) -> None:
        self.sessions, self.connection = sessions, connection
        self.pid = connection.info.backend_pid
        self.running: Future[Outcome] = Future()
        self.running.set_result(Outcome())

    @property
    def waits(self) -> bool:
        """Whether its last step is not finished."""
        return not self.running.done()

    def do(self, statement: str, params: Sequence[Any] = ()) -> Self:
        """Starts a statement. Raises AnswerError when it neither finishes nor waits for a lock."""

        def run() -> list[tuple[Any, ...]]:
            cursor = self.connection.execute(statement.encode(), params)
            return cursor.fetchall() if cursor.description else []

        return self._start(run)

    def commit(self) -> Self:
        """Ends its transaction; also a commit may wait, and fail."""
        return self._start(lambda: self.connection.commit() or [])

    def rollback(self) -> Self:
        """Gives up its transaction."""
        return self._start(lambda: self.connection.rollback() or [])

    def outcome(self) -> Outcome:
        """What came of its last step, once that is finished. Raises AnswerError when it never is."""
        with contextlib.suppress(TimeoutError):
            return self.running.result(timeout=DEADLINE)
        raise AnswerError("A session still waits for a lock after the others have ended their transactions.")

    def close(self) -> None:
        """Ends the session, also in the middle of a statement."""
        if self.waits:
            self.sessions.admin.execute("SELECT pg_terminate_backend(%s)", [self.pid])
            self.running.result(timeout=DEADLINE)
        self.connection.close()

    def _start(self, step: Callable[[], list[tuple[Any, ...]]]) -> Self:
        def run() -> Outcome:
            try:
                return Outcome(step())
            except psycopg.Error as error:
                return Outcome(error=error)

        self.outcome()
        self.running = self.sessions.threads.submit(run)
        self._settle()
        return self

    def _settle(self) -> None:
        until = time.monotonic() + DEADLINE
        while self.waits and not self._is_blocked():
            with contextlib.suppress(TimeoutError):
                self.running.result(timeout=POLL)
            if time.monotonic() > until:
                raise AnswerError(f"A statement ran for over {DEADLINE:g} s beside another session.")

    def _is_blocked(self) -> bool:
        """Looked at from outside. pg_blocking_pids also knows who waits for a transaction's end."""
        found = self.sessions.admin.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self.pid]).fetchone()
        return bool(found and found[0])
