"""The lab that is open in this kernel: its places, its checker, the answers, and what the checks said."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from labkit import course, services
from labkit.checking.process import CheckerProcess, Pending, Wait
from labkit.course import CourseError, Lab, hidden
from labkit.course.verdict import Verdict
from labkit.kinds import open_lab
from labkit.machine.fault import ServiceFault
from labkit.notebook import progress, saved
from labkit.pages import waiting
from labkit.services.service import Service

T = TypeVar("T")
S = TypeVar("S", bound="Session")


def _waiting(what: str) -> Wait:
    """Waits for the checker, with what it is doing shown after two seconds."""
    return lambda pending: waiting.wait_for(pending.future, lambda: pending.doing or what)


class Session:
    """One open lab, as `kinds.open_lab.OpenLab` and more.

    `answers` are the texts that were run here, `kept` what running each left for the lab's pictures, `verdicts` what the checks last said of each.
    """

    checked = True  # whether there is anything to check

    def __init__(self, lab: Lab, notebook: Callable[[], Path | None] = lambda: None) -> None:
        self.lab, self.notebook = lab, notebook
        self.checker = CheckerProcess()
        self.answers: dict[str, str] = {}
        self.kept: dict[str, Any] = {}
        self.verdicts: dict[str, list[Verdict]] = {}
        self._judged_with: dict[str, dict[str, str]] = {}  # by answer, the texts that its checks were last given
        self.changed: set[str] = set()  # answers that left something in a place
        self.failed: dict[str, str] = {}  # by answer: why it failed when it was last run, in a line
        self._changed_before: set[str] = set()  # the same, before the reset that can be undone
        self._running: dict[str, Any] = {}
        self._places: dict[str, Any] = {}

    def start(self) -> None:
        """Brings up the services, the lab's place in each and, beside them, the checker.

        Raises ServiceFault, CourseError.
        """
        if self.checked:
            self.checker.ask(
                "warm", self.lab.key
            )  # it goes on beside us, with whatever it meets told at the first check
        for name in self.lab.needs:
            self._slowly(f"Starting {services.named(name).title}", partial(self._join, name))
            self._slowly("Building the lab's data (only the first time)", partial(self._open, name))

    def is_alive(self) -> bool:
        """Whether what the lab needs is still there."""
        return all(name in self._running and self._running[name].is_alive() for name in self.lab.needs)

    def running(self, service: str) -> Any:
        """The lease on a service (`services.service.Running`). Raises CourseError when the lab has none."""
        return self._of(self._running, service)

    def place(self, service: str) -> Any:
        """The lab's own place in a service (`services.service.Place`). Raises CourseError when the lab has none."""
        return self._of(self._places, service)

    def places(self) -> list[tuple[Service, Any, Any]]:
        """Each service that the lab needs, with its lease and the lab's place in it."""
        return [(services.named(name), self.running(name), self.place(name)) for name in self.lab.needs]

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
        return {**(saved.answers(path, self.lab.answers) if path else {}), **self.answers}

    def ask_checks(self, name: str) -> Pending:
        """Asks for the checks of one answer and returns at once; hidden ones come after the visible ones, where they are here.

        The others go along, as a check may need them.
        """
        answers = {key: text for key, text in self.known_answers().items() if key in self.lab.answers}
        self._judged_with[name] = answers
        return self.checker.ask("check", self.lab.key, answers=answers, only=[name], hidden="after")

    def out_of_date(self, name: str) -> list[str]:
        """The answers above `name` that are other ones now than when it was judged: its verdicts may be others, too."""
        if name not in self.verdicts:
            return []
        order, known, then = list(self.lab.answers), self.answers, self._judged_with.get(name, {})
        return [above for above in order[: order.index(name)] if above in known and known[above] != then.get(above)]

    def take_verdicts(self, name: str, pending: Pending) -> str:
        """Waits for the verdicts, keeps them and the progress.

        Returns a warning, usually empty. Raises CheckerFault.
        """
        reply = pending.result(_waiting(f"Checking {name}"))
        self.verdicts[name] = [Verdict.from_json(data) for data in reply["verdicts"]]
        earned = sum(verdict.earned for verdict in self.verdicts[name])
        return progress.record(self.lab, name, progress.earned(earned, hidden.points(self.lab)[name]))

    def solution(self, name: str) -> str:
        """The solution of an answer. Raises CheckerFault when this copy of the course has none."""
        return self.checker.ask("solution", self.lab.key, answer=name).result(_waiting("Opening the solution"))["text"]

    def reset(self, *, undoable: bool = False) -> None:
        """Puts the lab's places back to how it starts. Raises ServiceFault."""
        for service, _, place in self.places():
            self._slowly(f"Resetting the {service.place}", partial(place.reset, undoable=undoable))
        if undoable:
            self._changed_before = set(self.changed)
        self.changed.clear()

    def undo_reset(self) -> bool:
        """Takes back the last undoable reset. Returns whether there was one to take back. Raises ServiceFault."""
        undone = self._slowly("Taking the reset back", lambda: [place.undo_reset() for *_, place in self.places()])
        if any(undone):
            self.changed = self._changed_before
        return any(undone)

    def changed_beside(self, name: str) -> tuple[list[str], list[str]]:
        """The answers above `name`, and those below it, that left something in a place."""
        order = list(self.lab.answers)
        place = order.index(name)
        above, below = order[:place], order[place + 1 :]
        return [n for n in above if n in self.changed], [n for n in below if n in self.changed]

    def show_fault(self, fault: Exception) -> None:
        """Shows a fault of the course, and the button that restarts the service."""
        from labkit.notebook.magics import show_fault

        show_fault(fault, self)

    def restart(self) -> None:
        """New server processes, new places, a new checker. Raises ServiceFault."""
        self.checker.stop()
        self.changed.clear()
        for name in self.lab.needs:
            self._slowly(f"Restarting {services.named(name).title}", partial(self._restart, name))
            self._slowly("Building the lab's data", partial(self._open, name))
        if self.checked:
            self.checker.ask("warm", self.lab.key)

    def close(self) -> None:
        """Ends the checker and gives the services back; without other users of it, each stops too."""
        self.checker.stop()
        places, self._places = self._places, {}
        running, self._running = self._running, {}
        try:
            for place in places.values():
                place.drop()
        except (ServiceFault, OSError):
            pass  # the service is gone, and the place with it
        finally:
            for lease in running.values():
                lease.close()

    def _of(self, known: dict[str, Any], service: str) -> Any:
        if service not in known:
            title = services.named(service).title
            raise CourseError(f"{self.lab.key} has no running {title}. Run the notebook's first cell again.")
        return known[service]

    def _join(self, name: str) -> None:
        self._running[name] = services.named(name).join()

    def _restart(self, name: str) -> None:
        self._places.pop(name, None)
        try:
            self.running(name).restart()
        except (ServiceFault, CourseError, OSError):  # the keeper is gone too: start from nothing
            self._join(name)

    def _open(self, name: str) -> None:
        self._places[name] = services.named(name).open(self._running[name], self.lab)

    def _slowly(self, what: str, do: Callable[[], T]) -> T:
        return waiting.run(do, what)


_open: Session | None = None


def open(name: str, namespace: dict[str, Any]) -> Session:
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
open_lab.is_told_by(current)
