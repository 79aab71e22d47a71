"""Databases on which an answer's text ran, kept for the next check of the same text: an index on 100,000 rows is built once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import psycopg

from labkit.grading.answers import run
from labkit.services.fault import ServiceFault
from labkit.services.postgres import Database, Postgres, Template

KEPT = 4  # databases, of some 50 MB each


class PreparedDatabases:
    """Hands out a database for checks that only read, and takes it back if nothing was written to it meanwhile.

    What is kept is a function of the data and the text, so it may serve whoever wrote the same text. On a worker's own server that
    nothing was written is seen by its transaction counter. A learner's server has other users too; there the learner is trusted.
    """

    def __init__(self, clone: Callable[[Template], Database], *, trusted: bool) -> None:
        self._clone, self._trusted = clone, trusted
        self._idle: OrderedDict[tuple[Template, str], Database] = OrderedDict()

    def take(self, template: Template, text: str) -> Database:
        """A database on which `text` ran as its role. Raises AnswerError, ServiceFault."""
        if (kept := self._idle.pop((template, text), None)) and kept.is_there():
            return kept
        database = self._clone(template)
        try:
            if text:
                run(database, text)
            database.end_sessions()
        except BaseException:
            database.drop()
            raise
        return database

    def give_back(self, template: Template, text: str, database: Database, written: int) -> None:
        """Keeps it while `written`, the transactions that had written when it was taken, has not moved; else drops it."""
        database.end_sessions()
        try:
            unchanged = self._trusted or transactions_that_wrote(database.server) == written
        except (psycopg.Error, ServiceFault):
            unchanged = False
        if not unchanged:
            database.drop()
            return
        self._idle[template, text] = database
        if len(self._idle) > KEPT:
            self._idle.popitem(last=False)[1].drop()

    def drop_all(self) -> None:
        """Drops what is kept."""
        while self._idle:
            self._idle.popitem()[1].drop()


def transactions_that_wrote(server: Postgres) -> int:
    """How many transactions wrote anything on this server, in any database: what only reads gets no number. Raises ServiceFault."""
    with server.administration() as admin:
        row = admin.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row
    return row[0]
