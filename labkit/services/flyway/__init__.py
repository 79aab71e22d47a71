"""Flyway, the real one, in a JVM of its own: a trusted tool over SQL that is not."""

from collections.abc import Iterator

from labkit.services.flyway.runner import DEADLINE, Command, Flyway, Migration, Report, flyway
from labkit.services.service import Finding

__all__ = ["DEADLINE", "FETCHES", "Command", "Flyway", "Migration", "Report", "doing", "flyway"]

FETCHES = "Flyway (seven files, 4.4 MB)"  # what the first use gets from the internet


def doing() -> str:
    """What is being waited for, for people: Flyway's own files, the first time."""
    from labkit.services.flyway import jars

    return "Flyway is at work" if jars.are_here() else f"Getting {FETCHES}, only this once"


def doctor() -> Iterator[Finding]:
    """Whether it is here; else the first lab that needs it fetches it, and needs a network."""
    from labkit.services.flyway import jars

    if jars.are_here():
        yield Finding("Flyway", "ok", "here")
    else:
        to_do = "Be connected to the internet when you open that lab the first time"
        yield Finding("Flyway", "note", "fetched by the first lab that needs it", to_do)
