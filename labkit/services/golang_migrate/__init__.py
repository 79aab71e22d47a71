"""golang-migrate, the real program: a trusted tool over SQL that is not."""

from collections.abc import Iterator

from labkit.services.golang_migrate.runner import DEADLINE, Migrate, Psql, Step, run, version
from labkit.services.service import Finding

__all__ = ["DEADLINE", "FETCHES", "Migrate", "Psql", "Step", "doing", "run", "version"]

FETCHES = "golang-migrate (some 20 MB)"  # what the first use gets from the internet


def doing() -> str:
    """What is being waited for, for people: the program itself, the first time."""
    from labkit.services.golang_migrate import binary

    return "golang-migrate is at work" if binary.found() else f"Getting {FETCHES}, only this once; it may take minutes"


def doctor() -> Iterator[Finding]:
    """Whether it is here; else the first lab that needs it fetches it, and needs a network."""
    from labkit.services.golang_migrate import binary

    if binary.found():
        yield Finding("golang-migrate", "ok", "here")
    else:
        to_do = "Be connected to the internet when you open that lab the first time"
        yield Finding("golang-migrate", "note", "fetched by the first lab that needs it", to_do)
