"""The answers under check: their texts, and running SQL ones so that each error is told as what it is."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psycopg

from labkit.grading.checks import AnswerError
from labkit.services import plan, sql
from labkit.services.postgres import Database

DEADLINE = 20.0  # seconds an answer may run: several times what the slowest right one took on two shared cores
MAX_TEXT = 200_000  # characters; the longest solution has some 3,000


class Answers(dict[str, str]):
    """The texts of the answers by name. A missing, empty or huge one raises AnswerError when it is asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        super().__init__(texts)

    def __missing__(self, name: str) -> str:
        raise AnswerError(
            f"There is no answer {name!r} in the notebook. Keep the line %%answer {name} and answer below it."
        )

    def __getitem__(self, name: str) -> str:
        text = super().__getitem__(name)
        if len(text) > MAX_TEXT:
            raise AnswerError(
                f"The answer {name!r} has {len(text):,} characters; at most {MAX_TEXT:,} are read. Shorten it."
            )
        return text


def run(database: Database, text: str, *, deadline: float = DEADLINE) -> list[sql.Result]:
    """Runs an answer's statements as the database's own role. Raises AnswerError with the server's words."""
    with database.connect() as connection, told_of_the_answer():
        return sql.execute(connection, text, deadline=deadline)


def query(database: Database, text: str, *, deadline: float = DEADLINE, max_rows: int = 10_000) -> sql.Result:
    """Runs an answer that must be one query. Raises AnswerError when it is not, or fails."""
    results = [result for result in run(database, text, deadline=deadline) if result.columns]
    if not results:
        raise AnswerError("The answer gives no rows: one SELECT is expected.")
    if len(results[-1].rows) < min(results[-1].count, max_rows):
        raise AnswerError(
            f"The query gives {results[-1].count:,} rows, more than is read. Select only what was asked for."
        )
    return results[-1]


def explain(database: Database, text: str, *, deadline: float = DEADLINE) -> plan.Plan:
    """The plan of an answer that is one query, really run, with its buffers. Raises AnswerError as `query`."""
    with database.connect() as connection, told_of_the_answer():
        return plan.explain(connection, text.strip().rstrip(";"), deadline=deadline)


class told_of_the_answer:
    """Turns what running an answer raises into AnswerError, in one sentence with the server's hint."""

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sql.TookTooLong | ValueError):
            raise AnswerError(str(error)) from error
        if isinstance(error, psycopg.Error) and not is_fault(error):
            raise AnswerError(words(error)) from error


FAULT_CLASSES = (
    "08",
    "58",
    "57P",
    "XX",
    "53100",
    "53300",
)  # connection, system, shutdown, internal, disk, connections


def is_fault(error: psycopg.Error) -> bool:
    """Whether the server, not the answer, is to blame, as far as the error itself tells."""
    return error.sqlstate is None or error.sqlstate.startswith(FAULT_CLASSES)


def words(error: psycopg.Error) -> str:
    """What Postgres says: the message, and its hint where it has one."""
    diagnosis = error.diag
    message = diagnosis.message_primary or str(error)
    where = f" (at character {diagnosis.statement_position})" if diagnosis.statement_position else ""
    hint = f" {diagnosis.message_hint}" if diagnosis.message_hint else ""
    return f"Postgres says: {message}{where}.{hint}"
