"""What a service offers. Each is one folder here with a `service.py` that defines SERVICE, and one line in `services/__init__.py`.

running   a lease on the server that somebody keeps (`keeper`), or starts: it ends with its last user
place     where one lab or one answer works: a database, a namespace, an experiment, a function space
bench     what a checker keeps of the service from one request to the next
watch     what a grading worker sees of it, beside its checker: that it lived on, and that an answer left nothing behind
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

from labkit.course import Lab
from labkit.machine.backend import BACKENDS, Backend, asked, choose
from labkit.machine.fault import ServiceFault

Progress = Callable[[str], None] | None
State = Literal["ok", "note", "missing"]
LEARNER = "learner"  # the purpose of what a learner's kernels share; any other one is for grading


@dataclass(frozen=True)
class Finding:
    """One line of `labkit doctor`. Only with "missing" can labs not be done; a "note" is about something else."""

    what: str
    state: State
    here: str
    to_do: str = ""


@dataclass(frozen=True)
class Leftover:
    """Something that `labkit clean` removes; `name` says what it is."""

    name: str
    remove: Callable[[], object]


class Server(Protocol):
    """What a keeper keeps."""

    def start(self) -> dict[str, Any]:
        """Starts it and says how to reach it, with "where" and "version" for people. Raises ServiceFault."""
        ...

    def stop(self) -> None:
        """Ends it; nothing of it is left but its data. Also after a start that failed."""
        ...

    def forget(self) -> None:
        """Removes the data of one that was stopped."""
        ...


class Place(Protocol):
    """Where one lab or one answer works. A context manager: leaving it drops it."""

    @property
    def name(self) -> str:
        """Its name within the service."""
        ...

    @property
    def where(self) -> str:
        """Where it is, for people."""
        ...

    @property
    def connect_with(self) -> str:
        """What another program of the learner's reaches it with, to copy into a terminal; empty where there is nothing to say."""
        ...

    def reset(self, *, undoable: bool = False) -> None:
        """Back to how the lab starts. Raises ServiceFault."""
        ...

    def undo_reset(self) -> bool:
        """Takes back the last undoable reset. Returns whether there was one. Raises ServiceFault."""
        ...

    def is_there(self) -> bool:
        """Whether its service still has it."""
        ...

    def given(self) -> dict[str, str]:
        """The `fingerprint` of a place as the lab gave it."""
        ...

    def fingerprint(self) -> dict[str, str]:
        """What became of what the lab gave, by its parts' names: where it is as in `given`, it was left alone."""
        ...

    def difference(self, name: str) -> tuple[str, str]:
        """For people, what the lab gave as this part, and what it is now."""
        ...

    def drop(self) -> None:
        """Removes all of it. A service that is gone has done so already."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class EmptyAtFirst:
    """What a place says of itself in which a lab gives nothing that could be changed."""

    def given(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def fingerprint(self) -> dict[str, str]:
        """As `given`."""
        return {}

    def difference(self, name: str) -> tuple[str, str]:
        """There is none."""
        return "", ""


class Running(Protocol):
    """A lease on a service that runs. A context manager: leaving it gives the lease back."""

    backend: Backend

    @property
    def where(self) -> str:
        """Where it runs and its version, for people."""
        ...

    def is_alive(self) -> bool:
        """Whether it answers. It takes milliseconds to tell."""
        ...

    def restart(self) -> None:
        """A new server process; what the old one's places held may be gone. Raises ServiceFault."""
        ...

    def renew(self) -> None:
        """As `restart`, and over new data. Raises ServiceFault."""
        ...

    def close(self) -> None:
        """Gives the lease back."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...


class Service(ABC):
    """One service. An instance of a subclass stands in its folder's `service.py` as SERVICE."""

    name: ClassVar[str]  # what a lab says it `needs`
    title: ClassVar[str]  # for people
    place: ClassVar[str]  # for people, what a lab has of it: "database"
    backends: ClassVar[tuple[Backend, ...]] = BACKENDS
    fixtures: ClassVar[str] = ""  # the module with the pytest fixtures of its checks

    @abstractmethod
    def server(self, purpose: str, backend: Backend) -> Server:
        """What the keeper keeps."""

    @abstractmethod
    def join(self, purpose: str = LEARNER, backend: Backend | None = None) -> Any:
        """A lease (`Running`): joins the one of that purpose, or starts it. Raises ServiceFault."""

    @abstractmethod
    def open(self, running: Any, lab: Lab, progress: Progress = None) -> Any:
        """The learner's own place (`Place`) for a lab, or for a section's lesson where `lab.name` is "lesson". Raises ServiceFault, CourseError."""

    def not_here(self, backend: Backend) -> str:
        """Why its labs open here on this backend and cannot be verified, with what changes that; empty where they can."""
        return "" if backend in self.backends else self.runs_only_on()

    def runs_only_on(self) -> str:
        """For people, which backends it has."""
        return f"{self.title} runs on {' or '.join(self.backends)} only."

    def template(self, lab: Lab) -> Any:
        """What a lab's place starts as; None where nothing is built for it. Raises CourseError."""
        return None

    def bench(self, purpose: str) -> Bench:
        """What a checker keeps of it."""
        return Bench(self, purpose)

    def watch(self, purpose: str, backend: str | None) -> Watch:
        """What a grading worker sees of it."""
        return Watch(self, purpose, backend)

    def left_behind(self, running: Any) -> Iterable[str]:
        """What an answer left outside of its place, in a word or two each; a grading worker then replaces the server."""
        return ()

    def told(self, error: BaseException) -> str | None:
        """In the learner's words, an error of this service that a check met while the service is well; None when it is not the service's."""
        return None

    def doctor(self) -> Iterator[Finding]:
        """What it would run on here, what is missing, and the one line that gets it."""
        yield Finding(self.name, "ok", f"on {choose()}")

    def leftovers(self, kept: set[str]) -> Iterator[Leftover]:
        """What no living keeper owns; `kept` are the living ones, e.g. "NAME-learner-embedded". Containers are found by their label."""
        return iter(())

    def cache(self) -> Iterator[Leftover]:
        """What is kept between runs and would be made again."""
        return iter(())


class Bench:
    """What a checker keeps of one service: a lease, taken on first use, and anew where the service is gone."""

    def __init__(self, service: Service, purpose: str) -> None:
        self.service, self.purpose = service, purpose
        self._running: Any = None

    def running(self) -> Any:
        """The service, joined or started. Raises ServiceFault."""
        if self._running and not self._running.is_alive():
            self._running.close()
            self._running = None
            self.lost()
        if self._running is None:
            self._running = self.service.join(self.purpose)
        return self._running

    def is_alive(self) -> bool:
        """Whether the service answers now."""
        return self._running is not None and self._running.is_alive()

    def where(self) -> str:
        """Which one it is, with its version; nothing when no check needed it."""
        return self._running.where if self._running else ""

    def lost(self) -> None:
        """Forgets what was kept on a service that is gone."""

    def warm(self, lab: Lab) -> None:
        """Brings up what a lab's visible checks need, so that the first verdict is as quick as the others. Raises ServiceFault."""
        self.running()

    def between(self) -> None:
        """After each request: makes ready what the next one will need."""

    def interrupt(self) -> None:
        """Ends what answers are at in places that this bench handed out. Another thread calls it while a check waits for them."""

    def close(self) -> None:
        """Gives everything back."""
        if self._running:
            self._running.close()
            self._running = None


class Watch:
    """A grading worker's own lease on a service, beside its checker's, so that the service outlives a checker that dies."""

    def __init__(self, service: Service, purpose: str, backend: str | None) -> None:
        self.service, self.purpose, self.backend = service, purpose, backend
        self._running: Any = None

    def revive(self) -> bool:
        """Starts the service, or starts it again where it is gone. Returns whether another one was there before. Raises ServiceFault."""
        if self._running and self._running.is_alive():
            return False
        before = self._running
        if before:
            before.restart()
        else:
            self._running = self.service.join(self.purpose, asked(self.backend))
        return before is not None

    def survived(self) -> bool:
        """Whether the service has run on since `revive`."""
        return self._running is not None and self._running.is_alive()

    def left(self) -> list[str]:
        """What of an answer is left on it. Raises ServiceFault."""
        return list(self.service.left_behind(self._running)) if self._running else []

    def cleaned(self) -> str:
        """Replaces the server where anything of an answer is left on it. Returns what was left. Raises ServiceFault."""
        if not (left := self.left()):
            return ""
        self._running.restart()
        if self.left():
            self._running.renew()
        if still := self.left():
            raise ServiceFault(
                f"A new grading server has {', '.join(still)}, which is not the course's. Run `labkit clean --cache`."
            )
        return ", ".join(left)

    def close(self) -> None:
        """Gives the lease back; the next `revive` joins or starts one anew."""
        if self._running:
            self._running.close()
        self._running = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
