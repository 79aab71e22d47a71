"""What Postgres says, in words that a learner can act on."""

from __future__ import annotations

import psycopg

from labkit.services.postgres import sql

LONGEST = 600  # characters of what a server says that are told
ALL_AT_ONCE = (
    "All statements of an answer are sent at once, which makes one transaction of them: leave CONCURRENTLY or VACUUM out, or "
    "write that statement alone."
)


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


def is_the_servers(error: psycopg.Error) -> bool:
    """Whether the server failed, and not the answer: an answer can end its own sessions, which is its own failure while the server is well."""
    ended_itself = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
    return sql.is_fault(error) and not ended_itself
