"""What all kinds of answers have: a text of some length, which is given to a service for some time."""

from __future__ import annotations

from typing import ClassVar

from labkit.sandbox.limits import Limits


class Kind:
    """A kind of answer. Its folder's `kind.py` has a subclass of it as KIND."""

    characters = 200_000  # the longest solution has some 3,000
    stub: ClassVar[str]  # what stands in the place of the solution, as a comment in the answer's own language
    service: ClassVar[str] = ""  # which it is given to, if any
    fetches: ClassVar[str] = ""  # a tool that its first use gets from the internet, with its size
    fixtures: ClassVar[str] = ""  # the module with the pytest fixtures of its checks
    seconds: ClassVar[
        float
    ]  # wall time, which the kind's own modules keep; some twenty times what the slowest right answer takes
    sandbox: ClassVar[Limits | None] = None  # of an answer that is a program


class ProgramKind(Kind):
    """Python in the sandbox; a socket to its one place is all that leads out."""

    sandbox: ClassVar[Limits] = Limits(seconds=60, cpu_seconds=30)  # pyright: ignore[reportIncompatibleVariableOverride]
    seconds = sandbox.seconds
    sessions = 6  # at a time; Alembic needs two
    imports: ClassVar[tuple[str, ...]] = ()  # what takes long, and a program may find imported
