"""What a checker keeps of Postgres: a database that is ready before it is asked for, beside a learner's kernel."""

from __future__ import annotations

import contextlib
from weakref import WeakSet

import psycopg

from labkit.course import Lab
from labkit.machine.fault import ServiceFault
from labkit.services.postgres.database import Database
from labkit.services.postgres.lab_template import checks_template
from labkit.services.postgres.limits import GRADED
from labkit.services.postgres.template import Template
from labkit.services.service import LEARNER, Bench, Service


class PostgresBench(Bench):
    """Hands out databases."""

    def __init__(self, service: Service, purpose: str) -> None:
        super().__init__(service, purpose)
        self._spare: Database | None = None
        self._spare_template: Template | None = None
        self._handed_out: WeakSet[Database] = WeakSet()

    def database(self, template: Template) -> Database:
        """A database that no learner touched: the spare where it fits, else a new clone. Raises ServiceFault."""
        if self._spare and self._spare_template == template:
            spare, self._spare = self._spare, None
            if spare.is_there():
                self._handed_out.add(spare)
                return spare
        database = self.running().database(template, limits=GRADED)
        self._handed_out.add(database)
        return database

    def interrupt(self) -> None:
        """Ends the sessions of their roles, in a session of its own: the other one may wait for them."""
        roles = [database.role for database in list(self._handed_out)]
        with contextlib.suppress(psycopg.Error, ServiceFault), self._running.superuser() as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY (%s)", [roles])

    def lost(self) -> None:
        """The spare went with the server."""
        self._spare = None

    def warm(self, lab: Lab) -> None:
        """The first spare."""
        self._spare_template = checks_template(lab.key)
        self.between()

    def between(self) -> None:
        """Clones the next database ahead of its use; only beside a learner's kernel, where one lab is checked again and again."""
        if self.purpose == LEARNER and self._spare is None and self._spare_template is not None:
            try:
                self._spare = self.running().database(self._spare_template, limits=GRADED)
            except ServiceFault:
                self._running = None  # the next request meets the fault itself, and tells it

    def close(self) -> None:
        """Gives everything back."""
        if self._spare:
            self._spare.drop()
        super().close()
