"""Running an answer in SQL, so that each error is told as what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from labkit.kinds.answer import AnswerError
from labkit.kinds.sql.kind import Sql
from labkit.services.postgres import Database, TooLarge, counters, inspection, plan, sql
from labkit.services.postgres.words import words

DEADLINE = Sql.seconds


def run(database: Database, text: str, *, deadline: float = DEADLINE) -> list[sql.Result]:
    """Runs an answer's statements as the database's own role. Raises AnswerError with the server's words, and where a table that the
    checks will look at is another one afterwards.
    """
    with (
        _watched(database, text, deadline),
        database.connect(seconds=deadline) as connection,
        _given_up(database, connection),
    ):
        results = sql.execute(connection, text, deadline=deadline)
    inspect(database)
    return results


def inspect(database: Database) -> None:
    """Looks at what answers have left in a database, before anything is judged by it. Raises AnswerError."""
    with database.admin() as catalog:
        replaced = next(inspection.replaced(catalog, database.born), "")
        names = inspection.names_of_the_catalog(catalog)
    if replaced:
        raise AnswerError(
            f"{replaced} The lab is about the table as it was given: leave it in its place, and change only what the task asks for."
        )
    if names:
        raise AnswerError(
            f"The answer makes a {names[0]} of its own, and Postgres has one by that name: whoever uses it would get yours. Give it another name."
        )
    database.settle()


def query(database: Database, text: str, **limits: Any) -> sql.Result:
    """As `Reader.query`, in a session of its own."""
    with Reader(database) as reader:
        return reader.query(text, **limits)


def explain(database: Database, text: str, **limits: Any) -> plan.Plan:
    """As `Reader.explain`, in a session of its own."""
    with Reader(database) as reader:
        return reader.explain(text, **limits)


class Reader:
    """A session of the database's own role, made as good as new for each answer, as a new one takes far longer. A context manager."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection: psycopg.Connection | None = None
        self._catalog: psycopg.Connection | None = None

    def query(self, text: str, *, deadline: float = DEADLINE, max_rows: int = Sql.rows) -> sql.Result:
        """Runs an answer that must be one query, which may change nothing. Raises AnswerError when it is not, or fails."""
        with self._session(text, deadline) as connection:
            connection.execute("SET default_transaction_read_only = on")
            before = counters.blocks_before(self._counted(), connection)
            results = sql.execute(connection, text, deadline=deadline, max_rows=max_rows)
            counters.flush(connection)
        given = [result for result in results if result.columns]
        if not given:
            raise AnswerError("The answer gives no rows: one SELECT is expected.")
        if len(given[-1].rows) < given[-1].count:
            raise AnswerError(
                f"The query gives {given[-1].count:,} rows, more than is read. Select only what was asked for."
            )
        given[-1].blocks = counters.blocks(self._counted()) - before
        return given[-1]

    def _counted(self) -> psycopg.Connection:
        """The superuser, who reads what the server counts."""
        self._catalog = self._catalog or self.database.admin()
        return self._catalog

    def explain(
        self, text: str, *, deadline: float = DEADLINE, before: Callable[[plan.Plan], object] = lambda plan: None
    ) -> plan.Plan:
        """The plan of an answer that is one query, really run, with its buffers. Raises AnswerError as `query`.

        `before` is given what Postgres would do, which is known in a moment; what it raises spares running a slow query.
        """
        with self._session(text, deadline, asked=plan.asked(plan.NOT_RUN)) as connection:
            before(plan.explain(connection, text, options=plan.NOT_RUN, deadline=deadline))
            explained = plan.explain(connection, text, deadline=deadline)
            counters.flush(connection)  # or the next query of this session would be charged with what this one read
            return explained

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for session in (self._connection, self._catalog):
            if session:
                session.close()
        self._catalog = None

    @contextmanager
    def _session(self, text: str, deadline: float, asked: str = "") -> Iterator[psycopg.Connection]:
        with _watched(self.database, text, deadline, asked):
            self._connection = connection = self._as_new()
            with _given_up(self.database, connection):
                yield connection

    def _as_new(self) -> psycopg.Connection:
        if (connection := self._connection) and connection.info.transaction_status == TransactionStatus.IDLE:
            connection.execute("DISCARD ALL")
            return connection
        self.__exit__()  # nothing of a transaction that was left open, or of an answer that was given up
        return self.database.connect(
            seconds=DEADLINE, prepare_threshold=None
        )  # psycopg would not know what is discarded


@contextmanager
def _watched(database: Database, text: str, deadline: float, asked: str = "") -> Iterator[None]:
    """Whose session does not heed cancelling at its deadline, it is ended soon after."""
    with told_of_the_answer(text, asked=asked), database.deadline(deadline + 2):
        yield


@contextmanager
def _given_up(database: Database, connection: psycopg.Connection) -> Iterator[None]:
    """Ends the session when what it is at was given up: it must not go on by itself."""
    try:
        yield
    finally:
        if connection.info.transaction_status == TransactionStatus.ACTIVE:
            database.end_sessions()


@contextmanager
def told_of_the_answer(text: str, *, asked: str = "") -> Iterator[None]:
    """Turns what running an answer raises into AnswerError, in a sentence or two that the learner can act on.

    `asked` is what stands before the text in the statement that is run.
    """
    if not sql.COMMENT.sub("", text).strip().strip(";"):
        raise AnswerError("The answer is empty: there is no statement in it yet. Write one below its first line.")
    try:
        yield
    except (sql.TookTooLong, TooLarge, ValueError) as error:
        raise AnswerError(str(error)) from error
    except psycopg.Error as error:
        if sql.is_fault(error):
            raise
        raise AnswerError(words(error, text, asked)) from error
