"""The lab that is open in this kernel: its database, its checker, the answers, and what the checks said."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from labkit import course
from labkit.checker_process import CheckerProcess, Pending, Wait
from labkit.course import CourseError, Lab
from labkit.notebook import progress, saved, waiting
from labkit.services.fault import ServiceFault
from labkit.verdict import Verdict

if TYPE_CHECKING:
    from labkit.services.plan import Plan
    from labkit.services.postgres import Database, Postgres

T = TypeVar("T")
S = TypeVar("S", bound="Session")


def _waiting(what: str) -> Wait:
    """Waits for the checker, with what it is doing shown after two seconds."""
    return lambda pending: waiting.wait_for(pending.future, lambda: pending.doing or what)


class Session:
    """One open lab.

    `answers` are the texts that were run here, `plans` how Postgres ran each, `verdicts` what the checks last said of each.
    """

    def __init__(self, lab: Lab, notebook: Callable[[], Path | None] = lambda: None) -> None:
        self.lab, self.notebook = lab, notebook
        self.checker = CheckerProcess()
        self.answers: dict[str, str] = {}
        self.plans: dict[str, Plan | None] = {}
        self.verdicts: dict[str, list[Verdict]] = {}
        self.changed: set[str] = set()  # answers that left something in the database
        self._changed_before: set[str] = set()  # the same, before the reset that can be undone
        self._server: Postgres | None = None
        self._database: Database | None = None

    def start(self) -> None:
        """Brings up the server, the lab's database and, beside them, the checker.

        Raises ServiceFault, CourseError.
        """
        self.checker.ask(
            "warm", self.lab.key
        )  # it goes on in the background, with whatever it meets told at the first check
        if "postgres" in self.lab.needs:
            self._slowly("Starting Postgres", self._join_server)
            self._slowly("Building the lab's data (only the first time)", self._clone)

    def is_alive(self) -> bool:
        """Whether what the lab needs is still there."""
        return "postgres" not in self.lab.needs or (self._server is not None and self._server.is_alive())

    @property
    def server(self) -> Postgres:
        """The Postgres server. Raises CourseError when the lab has none."""
        if self._server is None:
            raise CourseError(f"{self.lab.key} has no running Postgres. Run the notebook's first cell again.")
        return self._server

    @property
    def database(self) -> Database:
        """The lab's own database. Raises CourseError when the lab has none."""
        if self._database is None:
            raise CourseError(f"{self.lab.key} has no running database. Run the notebook's first cell again.")
        return self._database

    def answer(self, name: str) -> str:
        """An answer's text as it was last run, else as it was last saved.

        Raises CourseError when there is none.
        """
        known = self.known_answers()
        if name not in known:
            raise CourseError(f"There is no answer {name!r} yet. Run its cell, %%answer {name}, first.")
        return known[name]

    def known_answers(self) -> dict[str, str]:
        """Every answer's text: as it was last run here, else as it stands in the saved notebook."""
        path = self.notebook()
        return {**(saved.answers(path) if path else {}), **self.answers}

    def ask_checks(self, name: str) -> Pending:
        """Asks for the visible checks of one answer and returns at once.

        The others go along, as a check may need them.
        """
        answers = {key: text for key, text in self.known_answers().items() if key in self.lab.answers}
        return self.checker.ask("check", self.lab.key, answers=answers, only=[name], hidden=False)

    def take_verdicts(self, name: str, pending: Pending) -> str:
        """Waits for the verdicts, keeps them and the progress.

        Returns a warning, usually empty. Raises CheckerFault.
        """
        reply = pending.result(_waiting(f"Checking {name}"))
        self.verdicts[name] = [Verdict.from_json(data) for data in reply["verdicts"]]
        earned = sum(verdict.earned for verdict in self.verdicts[name])
        return progress.record(self.lab, name, progress.earned(earned, self.lab.visible[name]))

    def solution(self, name: str) -> str:
        """The solution of an answer. Raises CheckerFault when this copy of the course has none."""
        return self.checker.ask("solution", self.lab.key, answer=name).result(_waiting("Opening the solution"))["text"]

    def reset(self, *, undoable: bool = False) -> None:
        """Puts the database back to how the lab starts. Raises ServiceFault."""
        self._slowly("Resetting the database", lambda: self.database.reset(undoable=undoable))
        if undoable:
            self._changed_before = set(self.changed)
        self.changed.clear()

    def undo_reset(self) -> bool:
        """Takes back the last undoable reset. Returns whether there was one to take back. Raises ServiceFault."""
        undone = self._slowly("Taking the reset back", self.database.undo_reset)
        if undone:
            self.changed = self._changed_before
        return undone

    def changed_beside(self, name: str) -> tuple[list[str], list[str]]:
        """The answers above `name`, and those below it, that left something in the database."""
        order = list(self.lab.answers)
        place = order.index(name)
        above, below = order[:place], order[place + 1 :]
        return [n for n in above if n in self.changed], [n for n in below if n in self.changed]

    def restart(self) -> None:
        """A new server process, a new database, a new checker. Raises ServiceFault."""
        self.checker.stop()
        self.changed.clear()
        if "postgres" in self.lab.needs:
            self._slowly("Restarting Postgres", self._restart_server)
            self._slowly("Building the lab's data", self._clone)
        self.checker.ask("warm", self.lab.key)

    def close(self) -> None:
        """Ends the checker and gives the server back; without other users of it, that stops too."""
        self.checker.stop()
        database, self._database = self._database, None
        server, self._server = self._server, None
        try:
            if database:
                database.drop()
        except (ServiceFault, OSError):
            pass  # the server is gone, and the database with it
        finally:
            if server:
                server.close()

    def _join_server(self) -> None:
        from labkit.services.postgres import postgres

        self._server = postgres("learner")

    def _restart_server(self) -> None:
        self._database = None
        try:
            self.server.restart()
        except (ServiceFault, CourseError, OSError):  # the keeper is gone too: start from nothing
            self._join_server()

    def _clone(self) -> None:
        from labkit.services.lab_template import lab_template

        self._database = self.server.database(lab_template(self.lab.key))

    def _slowly(self, what: str, do: Callable[[], T]) -> T:
        return waiting.run(do, what)


_open: Session | None = None


def open_lab(name: str, namespace: dict[str, Any]) -> Session:
    """Opens a lab, or joins it when it is open. Raises CourseError, ServiceFault."""
    lab = course.find(name)
    if _open and _open.lab == lab and _open.is_alive():
        return _open
    return start(Session(lab, lambda: saved.notebook_path(namespace)))


def start(session: S) -> S:
    """Closes what is open in this kernel and starts this instead. Raises CourseError, ServiceFault."""
    global _open
    close()
    _open = session
    session.start()
    return session


def current() -> Session:
    """The open lab. Raises CourseError when there is none."""
    if _open is None:
        raise CourseError("No lab is open in this kernel. Run the notebook's first cell (%lab …) first.")
    return _open


def close() -> None:
    """Closes the open lab, if there is one."""
    global _open
    session, _open = _open, None
    if session:
        session.close()


atexit.register(close)
