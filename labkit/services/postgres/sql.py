"""Running SQL whose author is not trusted: a deadline kept from outside, and never more rows in memory than asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer

from labkit.machine.readable import is_readable

CHUNK = 200  # rows fetched at a time
# One that is not closed goes to the text's end, lest the end of each of thousands is looked for.
COMMENT = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)


@dataclass
class Result:
    """What one statement gave: `rows` holds at most the rows asked for, `count` tells how many there were."""

    command: str  # the server's command tag, e.g. "SELECT 3"
    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    count: int = 0
    blocks: int = 0  # that the server counted for it, where it was asked


# Classes of SQLSTATE that blame the server: connection, system, shutdown, internal, disk full, no connection left.
FAULTS = ("08", "58", "57P", "XX", "53100", "53300")


def is_fault(error: psycopg.Error) -> bool:
    """Whether the server, not the statement, is to blame, as far as the error itself tells."""
    if "File too large" in str(error):  # of a table: the answer's, though Postgres knows no class for it
        return False
    if error.diag.source_function == "exec_stmt_raise":  # RAISE may claim any class; where it stands it cannot
        return False
    return error.sqlstate is None or error.sqlstate.startswith(FAULTS)


class TookTooLong(Exception):
    """The deadline passed and the statements were cancelled."""


def execute(
    connection: psycopg.Connection,
    text: str,
    *,
    max_rows: int = 10_000,
    max_bytes: int = 16_000_000,
    deadline: float = 10.0,
) -> list[Result]:
    """Runs all statements of `text` as one simple query, as `psql -c` does: several of them are one transaction.

    `deadline` is in seconds. Raises psycopg.Error as the server reports it, TookTooLong, or ValueError for text that
    no server accepts (a NUL byte). More than `max_bytes` of rows are counted, but not kept.
    """
    if "\0" in text:
        raise ValueError("The text has a NUL byte, which SQL cannot hold. Type the answer anew.")
    pgconn = connection.pgconn
    pgconn.send_query(text.encode())
    pgconn.set_chunked_rows_mode(CHUNK)
    replies = _Replies(connection, time.monotonic() + deadline)
    try:
        return list(_results(connection, replies, max_rows, max_bytes))
    except psycopg.Error as error:
        if replies.expired or "statement timeout" in str(error):
            raise TookTooLong(f"It ran for over {deadline:g} s and was stopped.") from error
        raise


class _Replies:
    """The server's replies to one query. A role may set its own statement_timeout to 0, so the deadline is kept here:
    by a cancel request, sent again and again, as the text may catch the first one and go on."""

    def __init__(self, connection: psycopg.Connection, until: float) -> None:
        self.connection, self.until, self.expired = connection, until, False

    def __iter__(self) -> Iterator[pq.abc.PGresult]:
        while (reply := self._next()) is not None:
            yield reply

    def _next(self) -> pq.abc.PGresult | None:
        while self.connection.pgconn.is_busy():
            self._wait()
        return self.connection.pgconn.get_result()

    def _wait(self) -> None:
        left = max(self.until - time.monotonic(), 0)
        if is_readable(self.connection.pgconn.socket, left):
            self.connection.pgconn.consume_input()
        else:
            self.expired, self.until = True, time.monotonic() + 0.5
            self.connection.cancel_safe(timeout=2)

    def end_copy(self, status: int) -> None:
        """A COPY from or to the client has no place in an answer: ends it so that its error or result comes."""
        pgconn = self.connection.pgconn
        if status != pq.ExecStatus.COPY_OUT:
            pgconn.put_copy_end(b"COPY from the client is not possible here")
            return
        while (size := pgconn.get_copy_data(1)[0]) >= 0:
            if not size:  # nothing has come yet
                self._wait()


def _results(connection: psycopg.Connection, replies: _Replies, max_rows: int, max_bytes: int) -> Iterator[Result]:
    current, kept_bytes, failed = Result(""), 0, None
    for answer in replies:
        if answer.status in (pq.ExecStatus.TUPLES_CHUNK, pq.ExecStatus.TUPLES_OK):
            if not current.columns:
                current.columns, current.types = _header(connection, answer)
            current.count += answer.ntuples
            wanted = min(answer.ntuples, max_rows - len(current.rows)) if kept_bytes < max_bytes else 0
            if wanted > 0:
                transformer = Transformer(connection)
                transformer.set_pgresult(answer)
                current.rows += transformer.load_rows(0, wanted, tuple)
                values = (answer.get_value(row, column) for row in range(wanted) for column in range(answer.nfields))
                kept_bytes += sum(len(value or b"") for value in values)
            current.command = (answer.command_status or b"").decode() or current.command
            if answer.status != pq.ExecStatus.TUPLES_OK:
                continue  # the last chunk has the command tag, the end after it has none
        elif answer.status == pq.ExecStatus.FATAL_ERROR:
            failed = psycopg.errors.error_from_result(answer)
            continue
        elif answer.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT, pq.ExecStatus.COPY_BOTH):
            replies.end_copy(answer.status)
            continue
        current.command = (answer.command_status or b"").decode() or current.command
        yield current
        current = Result("")
    if failed:
        raise failed


def _header(connection: psycopg.Connection, answer: pq.abc.PGresult) -> tuple[list[str], list[str]]:
    names = [(answer.fname(i) or b"").decode() for i in range(answer.nfields)]
    known = [connection.adapters.types.get(answer.ftype(i)) for i in range(answer.nfields)]
    return names, [info.name if info else str(answer.ftype(i)) for i, info in enumerate(known)]


def timed(connection: psycopg.Connection, text: str, **limits: Any) -> tuple[list[Result], float]:
    """As `execute`, with the seconds that it took."""
    started = time.perf_counter()
    results = execute(connection, text, **limits)
    return results, time.perf_counter() - started
