"""Running SQL for a learner's eyes: values as psql prints them, notices, time, errors with their place, and
the plan.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import psycopg
from markupsafe import Markup
from psycopg.adapt import AdaptersMap
from psycopg.postgres import types
from psycopg.types.string import TextLoader

from labkit.kinds.sql import statements
from labkit.kinds.sql.plan_tree import plan_tree
from labkit.machine.fault import ServiceFault
from labkit.pages import waiting
from labkit.pages.page import EMPTY, Page, duration, quiet
from labkit.pages.table import row_count, table
from labkit.services.postgres import sql
from labkit.services.postgres.plan import NOT_RUN, OPTIONS, Plan, explain

if TYPE_CHECKING:
    from labkit.services.postgres import Database

DEADLINE = 60.0  # seconds; an answer that is graded has less
PLAN_AGAIN = 5.0  # seconds: a slower query is not run once more for its plan
AS_TEXT = AdaptersMap(types=types)
AS_TEXT.register_loader(0, TextLoader)  # every value stays as the server wrote it


@dataclass
class Run:
    """What happened when a text was run. `error` is the learner's; the course's own faults are raised."""

    text: str
    results: list[sql.Result] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    seconds: float = 0.0
    error: psycopg.Error | sql.TookTooLong | ValueError | None = None
    plan: Plan | None = None

    @property
    def changed(self) -> bool:
        """Whether it may have left something behind in the database."""
        return self.error is None and any(
            word not in statements.LEAVES_NOTHING for _, word in statements.split(self.text)
        )


def run(database: Database, text: str, *, plan: bool = True) -> Run:
    """Runs all of `text` in a session of its own, and asks for the plan. Raises ServiceFault."""
    done = Run(text)
    chosen = statements.to_explain(text) if plan else None
    with connected(database) as connection:
        connection.add_notice_handler(
            lambda notice: done.notices.append(f"{notice.severity}: {notice.message_primary}")
        )
        if chosen and chosen[1] in statements.CHANGES and len(statements.split(text)) == 1:
            done.plan = _plan(connection, *chosen)  # beforehand, as a second time it may be refused
            done.notices.clear()
        try:
            done.results, done.seconds = _wait(connection, text)
        except (psycopg.Error, sql.TookTooLong, ValueError) as error:
            if isinstance(error, psycopg.Error) and sql.is_fault(error):
                raise
            done.error = error
            return done
        said = list(done.notices)
        if chosen and done.plan is None:
            done.plan = _plan(connection, *chosen, again=done.seconds < PLAN_AGAIN)
        done.notices = said  # what the statement says while it is explained, it has said before
    return done


@contextlib.contextmanager
def connected(database: Database) -> Iterator[psycopg.Connection]:
    """A session in which every value is text.

    Raises ServiceFault when the server cannot be reached or is lost.
    """
    try:
        with database.connect(context=AS_TEXT) as connection:
            yield connection
    except psycopg.Error as error:
        if not sql.is_fault(error):
            raise
        raise ServiceFault(
            f"The database does not answer any more ({str(error).strip().splitlines()[0]}). "
            "Restart the service, then run the cell again."
        ) from error


def explained(database: Database, text: str) -> Plan:
    """The plan of the last statement of `text` that has one.

    Raises psycopg.Error, ValueError, ServiceFault.
    """
    chosen = statements.to_explain(text)
    if chosen is None:
        raise ValueError("There is nothing here that has a plan. Write one SELECT, INSERT, UPDATE, DELETE or MERGE.")
    with connected(database) as connection:
        return explain(connection, chosen[0], deadline=DEADLINE)


def _wait(connection: psycopg.Connection, text: str) -> tuple[list[sql.Result], float]:
    work = partial(sql.timed, connection, text, max_rows=1000, deadline=DEADLINE)
    return waiting.run(work, "Postgres is at work", partial(connection.cancel_safe, timeout=5))


def _plan(connection: psycopg.Connection, statement: str, word: str, again: bool = True) -> Plan | None:
    """Its plan, or None where it has none any more.

    An INSERT is only planned: it would use up numbers of a sequence.
    """
    try:
        options = OPTIONS if again and word != "INSERT" else NOT_RUN
        return explain(connection, statement, deadline=DEADLINE, options=options)
    except (psycopg.Error, sql.TookTooLong, ValueError):
        return None


def page(done: Run, *, with_plan: bool = True) -> Page:
    """What happened, to read."""
    parts = [notice_list(done.notices)] if done.notices else []
    if done.error is not None:
        return sum([*parts, error_page(done.text, done.error)], EMPTY)
    tables = [result for result in done.results if result.columns]
    parts += [table(tables[-1])] if tables else []
    did = [row_count(result) if result.columns else result.command for result in done.results]
    parts.append(quiet(" · ".join([*did, duration(done.seconds)] if did else ["There was nothing to run."])))
    parts += [plan_tree(done.plan)] if with_plan and done.plan else []
    return sum(parts, EMPTY)


def notice_list(notices: list[str]) -> Page:
    """What the server said besides."""
    shown = notices[:20] + ([f"… and {len(notices) - 20} more"] if len(notices) > 20 else [])
    return Page(Markup("<pre>{}</pre>").format("\n".join(shown)), "\n".join(shown))


def message_of(error: Exception) -> str:
    """What is wrong, in the server's words if they are its own."""
    said = getattr(error, "diag", None)
    return (said and said.message_primary) or str(error)


def error_page(text: str, error: Exception) -> Page:
    """The server's error as psql shows it: the line with a caret under the place, the detail, the hint."""
    said = getattr(error, "diag", None)
    message = message_of(error)
    place = _place(text, said.statement_position) if said else None
    more = [f"{label}: {value}" for label, value in _details(said) if value] if said else []
    title = f"ERROR: {message}"
    html = Markup('<div class="lk-card lk-fail"><span class="lk-state">✗ Error</span> <b>{}</b>{}{}</div>').format(
        message,
        Markup('<pre>{}\n<span class="lk-caret">{}</span></pre>').format(*place) if place else "",
        Markup().join(Markup("<p>{}</p>").format(line) for line in more),
    )
    return Page(html, "\n".join([title, *(place or ()), *more]))


def _details(said: psycopg.errors.Diagnostic) -> list[tuple[str, str | None]]:
    return [("Detail", said.message_detail), ("Hint", said.message_hint), ("Where", said.context)]


def _place(text: str, position: str | None) -> tuple[str, str] | None:
    """The line that holds the position (counted in characters from 1) and a line with the caret."""
    if not position or int(position) > len(text) + 1:
        return None
    before = text[: int(position) - 1]
    line = before.count("\n")
    prefix = f"line {line + 1}: "
    column = len(before) - (before.rfind("\n") + 1)
    source = (text.splitlines() or [""])[line] if line < len(text.splitlines()) else ""
    start = max(0, column - 80)  # a long line is cut around the place
    return prefix + source[start : column + 60], " " * (len(prefix) + column - start) + "^"
