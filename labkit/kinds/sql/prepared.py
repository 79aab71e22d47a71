"""Databases on which an answer's text ran, kept for the next check of the same text: an index on 100,000 rows is built once."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from labkit.kinds.answer import AnswerError
from labkit.kinds.sql.answers import run
from labkit.machine.fault import ServiceFault
from labkit.services.postgres import Database, Template
from labkit.services.postgres.watch import KEPT

# What may come out otherwise the next time, or hide that it does: such a text has to run well each time.
CHANCE = re.compile(
    r"\b(do|execute|random\w*|gen_random_uuid|uuidv\d|clock_timestamp|statement_timestamp|timeofday|pg_(?!trgm\b|catalog\b)\w+|txid_\w+)\b",
    re.IGNORECASE,
)
AGAIN = 4  # times more: what is right every other time is told by one of them in fifteen of sixteen runs


class PreparedDatabases:
    """Hands out a database for checks that only read, and takes it back if nothing was written to it meanwhile.

    What is kept is a function of the data and the text, so it may serve whoever wrote the same text. On a worker's own server that
    nothing was written is seen by its transaction counter, in which the course's own databases do not count. A learner's server has
    other users too; there the learner is trusted.
    """

    def __init__(self, clone: Callable[[Template], Database], *, trusted: bool) -> None:
        self._clone, self._trusted = clone, trusted
        self._idle: OrderedDict[tuple[Template, str | None], Database] = OrderedDict()

    @contextmanager
    def database(self, template: Template, text: str | None) -> Iterator[Database]:
        """A database on which `text` ran as its role, or with None, nothing. Raises AnswerError, ServiceFault."""
        database = self._idle.pop((template, text), None)
        if not database or not database.is_there():
            database = self._made(template, text)
        unchanged = False
        try:
            written = self._written(database)
            yield database
            with suppress(psycopg.Error, ServiceFault):
                database.end_sessions()  # what one of them is still about would not be counted yet
                unchanged = self._written(database) == written
        finally:
            if unchanged and (template, text) not in self._idle:
                self._keep(template, text, database)
            else:
                database.drop()

    def _made(self, template: Template, text: str | None) -> Database:
        database = self._clone(template)
        try:
            if text is not None:
                with database.server.writing():
                    self._run(database, text)
        except BaseException:
            database.drop()
            raise
        return database

    def _run(self, database: Database, text: str) -> None:
        run(database, text)
        if not self._trusted and CHANCE.search(text):
            self._run_again(database.template, text)

    def _run_again(self, template: Template, text: str) -> None:
        for times in range(1, AGAIN + 1):
            with self._clone(template) as other:
                try:
                    run(other, text)
                except AnswerError as error:
                    so_often = "once" if times == 1 else f"{times} times"
                    raise AnswerError(f"It ran well {so_often} on these tables, and then did not: {error}") from error

    def _written(self, database: Database) -> int:
        return 0 if self._trusted else database.server.writes()

    def _keep(self, template: Template, text: str | None, database: Database) -> None:
        self._idle[template, text] = database
        if len(self._idle) > KEPT:
            self._idle.popitem(last=False)[1].drop()

    def drop_all(self) -> None:
        """Drops what is kept."""
        while self._idle:
            self._idle.popitem()[1].drop()
