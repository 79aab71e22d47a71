"""The answers under check: their texts, and running SQL ones so that each error is told as what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from labkit.grading.checks import AnswerError
from labkit.grading.kinds import Kind, Sql
from labkit.services import plan, sql
from labkit.services.postgres import Database, TooLarge

DEADLINE = Sql.seconds
MAX_TEXT = Kind.characters
LONGEST = 600  # characters of what a server says that are told
ALL_AT_ONCE = (
    "All statements of an answer are sent at once, which makes one transaction of them: leave CONCURRENTLY or VACUUM out, or "
    "write that statement alone."
)


class Answers:
    """The texts of the answers by name, `answers["index"]`. A missing or huge one raises AnswerError when it is asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, name: str) -> str:
        text = self._texts.get(name)
        if text is None:
            raise AnswerError(
                f"There is no answer {name!r} in the notebook. Keep the line %%answer {name} and answer below it."
            )
        if len(text) > MAX_TEXT:
            raise AnswerError(
                f"The answer {name!r} has {len(text):,} characters; at most {MAX_TEXT:,} are read. Shorten it."
            )
        return text


def run(database: Database, text: str, *, deadline: float = DEADLINE) -> list[sql.Result]:
    """Runs an answer's statements as the database's own role. Raises AnswerError with the server's words."""
    with _watched(database, text, deadline), database.connect() as connection, _given_up(database, connection):
        return sql.execute(connection, text, deadline=deadline)


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

    def query(self, text: str, *, deadline: float = DEADLINE, max_rows: int = Sql.rows) -> sql.Result:
        """Runs an answer that must be one query, which may change nothing. Raises AnswerError when it is not, or fails."""
        with self._session(text, deadline) as connection:
            connection.execute("SET default_transaction_read_only = on")
            results = sql.execute(connection, text, deadline=deadline, max_rows=max_rows)
        given = [result for result in results if result.columns]
        if not given:
            raise AnswerError("The answer gives no rows: one SELECT is expected.")
        if len(given[-1].rows) < given[-1].count:
            raise AnswerError(
                f"The query gives {given[-1].count:,} rows, more than is read. Select only what was asked for."
            )
        return given[-1]

    def explain(
        self, text: str, *, deadline: float = DEADLINE, before: Callable[[plan.Plan], object] = lambda plan: None
    ) -> plan.Plan:
        """The plan of an answer that is one query, really run, with its buffers. Raises AnswerError as `query`.

        `before` is given what Postgres would do, which is known in a moment; what it raises spares running a slow query.
        """
        with self._session(text, deadline, asked=plan.asked(plan.NOT_RUN)) as connection:
            before(plan.explain(connection, text, options=plan.NOT_RUN, deadline=deadline))
            return plan.explain(connection, text, deadline=deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._connection.close()

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
        return self.database.connect(prepare_threshold=None)  # psycopg would not know that they are discarded


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


def words(error: psycopg.Error, text: str = "", asked: str = "") -> str:
    """What Postgres says: the message, the line of `text` that it points at, and its detail and hint where it has them."""
    diagnosis = error.diag
    message = shortened(diagnosis.message_primary or str(error))
    position = int(diagnosis.statement_position or 0) - len(asked)
    where = _line(text, position)
    more = [shortened(part) for part in (diagnosis.message_detail, diagnosis.message_hint) if part]
    if isinstance(error, psycopg.errors.ActiveSqlTransaction):
        more.append(ALL_AT_ONCE)
    if asked and position > 0 and not text[: position - 1].strip():
        more.append("The plan is asked of one query alone, which begins with SELECT or WITH.")
    return " ".join([f"Postgres says: {message}{where}.", *more])


def shortened(text: str) -> str:
    """An answer may raise as long a message as it likes."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _line(text: str, position: int) -> str:
    """The line that holds the character at `position`, which Postgres counts from 1."""
    if not 0 < position <= len(text) + 1:
        return ""
    number = text.count("\n", 0, position - 1)
    return f" (line {number + 1}: {text.split(chr(10))[number].strip()[:80]})"
