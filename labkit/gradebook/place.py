"""Where nbgrader has this course's gradebook: by its own settings, which may come from the user's Jupyter folder, too."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from labkit import quickly
from labkit.course import CourseError
from labkit.machine import told

SQLITE = "sqlite:///"


class BadGradebook(CourseError):
    """The gradebook cannot be used: which one, why, and the next step."""


@contextlib.contextmanager
def opened() -> Iterator[Any]:
    """The gradebook, as nbgrader gives it; its columns have no types that a checker could read. Raises BadGradebook."""
    quickly.skip_grammars()
    from nbgrader.api import Gradebook

    with trouble_told(), Gradebook(db_url()) as gradebook:
        yield gradebook


@contextlib.contextmanager
def trouble_told() -> Iterator[None]:
    """What SQLAlchemy raises inside is raised as BadGradebook; also that it has no driver for the gradebook's address."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise bad(error) from error


def bad(error: Exception) -> BadGradebook:
    """What is to be told of an error of the gradebook's."""
    why = told.line(str(getattr(error, "orig", None) or error), 200).rstrip(".")
    return BadGradebook(
        f"The gradebook {_without_password(db_url())} cannot be used: {why}. It is what nbgrader's setting db_url names. Look whether it is there "
        "and whole; a damaged file can be moved away: `labkit course .` makes a new one, and `labkit grade` fills it from the kept verdicts."
    )


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return repr(url)


def db_url() -> str:
    """The gradebook's address, as nbgrader would take it in this folder: `sqlite:////path/gradebook.db` unless it is set otherwise."""
    return _db_url(Path.cwd())


def gradebook() -> Path | None:
    """Its file; None where it is in a database server."""
    url = db_url()
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def root(folder: Path) -> str:
    """The option by which nbgrader works in this folder, whatever the user's own settings say."""
    return f"--CourseDirectory.root={folder.resolve()}"


def start(app: Any, arguments: list[str]) -> None:
    """Lets an application of nbgrader read its configuration. Raises CourseError where a file of that is broken.

    Else it would go on with its defaults, and perhaps into another gradebook (traitlets 5.16).
    """
    app.raise_config_file_errors = True
    try:
        app.initialize(["--log-level=ERROR", *arguments])
    except Exception as error:
        where = (
            f"{getattr(error, 'filename', None) or 'a file called nbgrader_config.py'}: {told.line(str(error), 200)}"
        )
        raise CourseError(
            f"nbgrader's configuration cannot be read ({where}). Mend it, then run this again."
        ) from error


@cache
def _db_url(folder: Path) -> str:
    quickly.skip_grammars()
    from nbgrader.apps.baseapp import NbGrader

    app: Any = NbGrader()
    start(app, [root(folder)])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return app.coursedir.db_url
