"""nbgrader's own autograde, run in this process: it stays the one that writes marks, folders and penalties.

Three things are other than in its command, and none of them changes a mark (tests/grading/test_nbgrader.py compares them):
a notebook is converted once and not twice, all parts share one open gradebook, and a student's marks are committed together,
before the autograded notebooks come to their place. So a run that is killed leaves a student either marked or not.
"""

from __future__ import annotations

import contextlib
import gc
import glob
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from labkit import quickly
from labkit.course import timestamp
from labkit.course.submission import EXCHANGE_FILES, SUBMITTED, TIMESTAMP
from labkit.gradebook import place
from labkit.machine import told

AUTOGRADED = Path("autograded")
EXCHANGE_BYTES = 1000
STAGING = Path(".labkit", "autograded")  # where a student's notebooks lie until their marks are committed
INDEXED = (("grade", "notebook_id"), ("comment", "notebook_id"), ("submitted_notebook", "assignment_id"))


def load() -> None:
    """Imports nbgrader, which takes a second."""
    quickly.skip_grammars()
    gc.disable()  # all that is imported stays: the collector need not walk it again and again, nor at the end
    try:
        import nbgrader.apps  # noqa: F401

        from labkit.gradebook import nbgrader_guards

        nbgrader_guards.install()
        gc.freeze()
    finally:
        gc.enable()
    _trust_the_schema()


def _trust_the_schema() -> None:
    """nbgrader has its schema of a cell's metadata checked itself with every cell, which is a seventh of marking: it never changes."""
    from jsonschema import Draft4Validator
    from nbgrader.nbgraderformat import common

    common.jsonschema = SimpleNamespace(validate=lambda cell, schema: Draft4Validator(schema).validate(cell))


class Marker:
    """Writes marks and autograded notebooks of one student after the other, until it is closed."""

    def __init__(self, section: str) -> None:
        from nbgrader import api
        from nbgrader.apps import AutogradeApp

        self.section = section
        self._exits = contextlib.ExitStack()
        self._gradebook = self._exits.enter_context(_one_gradebook())
        self._app: Any = AutogradeApp()
        place.start(self._app, [f"--assignment={section}", place.root(Path())])
        self._app.coursedir.submitted_directory = str(
            SUBMITTED
        )  # where we looked, whatever the user's own settings say
        self._app.coursedir.autograded_directory = str(STAGING)
        self._app.coursedir.ignore = ["*"]  # only notebooks are taken: it would copy what a link beside them leads to
        self._is_indexed = False
        self.why: dict[str, str] = {}  # who could not be marked, and what nbgrader said of it
        self._said = _Said()
        for log in (self._app.log, api.app_log):
            log.addFilter(_without_traceback)
            log.addHandler(self._said)
        logging.getLogger("alembic").setLevel(logging.WARNING)

    def close(self) -> None:
        """Closes the gradebook and takes away what was not committed."""
        from labkit.gradebook import preprocessor

        self._exits.close()
        preprocessor.end_checker()
        shutil.rmtree(STAGING, ignore_errors=True)

    def is_marked(self, student: str) -> bool:
        """Whether the student's latest submission is marked, as far as folders and gradebook say."""
        from nbgrader.api import MissingEntry

        coursedir, place = self._app.coursedir, _place(student, self.section)
        submitted = coursedir.format_path(coursedir.submitted_directory, student, self.section)
        then, now = map(coursedir.get_existing_timestamp, (str(place), submitted))
        if not place.is_dir() or (then and now and now > then):
            return False
        try:
            submission = self._gradebook.opened(coursedir.db_url).find_submission(self.section, student)
        except MissingEntry:
            return False
        return all(grade.auto_score is not None for notebook in submission.notebooks for grade in notebook.grades)

    def mark(self, student: str) -> bool:
        """Writes one student's marks, from kept verdicts where there are any. Returns whether that went well."""
        from nbgrader.converters.base import NbGraderException
        from sqlalchemy.exc import DataError, IntegrityError, SAWarning

        if not self._has_a_place(student):
            return False
        shutil.rmtree(STAGING / student, ignore_errors=True)
        self._said.first = ""
        self._app.coursedir.student_id = glob.escape(student)
        with warnings.catch_warnings():
            # nbgrader 0.9.6 autoflushes objects that are not in a session yet.
            warnings.simplefilter("ignore", SAWarning)
            try:
                self._index()
                _converter()(coursedir=self._app.coursedir, parent=self._app).start()
                self._gradebook.commit()
            except (
                NbGraderException,
                SystemExit,
                ValueError,
                TypeError,
                LookupError,
                AttributeError,
                RecursionError,
                IntegrityError,
                DataError,
            ) as error:
                self._gradebook.roll_back()
                self._is_indexed = False
                self.why[student] = _with_next_step(
                    told.line(self._said.first or f"{type(error).__name__}: {error}", 300)
                )
                return False
        unmark(student, self.section)
        self._keep_exchange_files(student)
        os.replace(STAGING / student / self.section, _place(student, self.section))
        return True

    def _has_a_place(self, student: str) -> bool:
        """Whether the autograded copy can come to its place, looked at before there are marks: a file may stand there, or a link."""
        place = _place(student, self.section)
        try:
            if place.is_symlink() or place.is_file():  # nothing but our own folder belongs there
                place.unlink()
            place.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            self.why[student] = told.line(
                f"{error.strerror}: {error.filename}. Remove what stands there, and grade again", 300
            )
            return False
        return True

    def _index(self) -> None:
        """nbgrader looks for a student's grades by columns that have no index: without one, each mark of 10,000 takes twice as long as of 100."""
        from sqlalchemy import text

        if not self._is_indexed:
            session = self._gradebook.opened(self._app.coursedir.db_url).db
            for table, column in INDEXED:
                session.execute(text(f"CREATE INDEX IF NOT EXISTS labkit_{table}_{column} ON {table} ({column})"))
            self._is_indexed = True

    def _keep_exchange_files(self, student: str) -> None:
        """All besides the notebooks that is taken of a submission, and only where it is what the exchange wrote."""
        coursedir = self._app.coursedir
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, student, self.section))
        for name in EXCHANGE_FILES:
            file = submitted / name
            if name == TIMESTAMP and not _tells_a_time(submitted):
                continue
            if file.is_file() and not file.is_symlink() and file.stat().st_size < EXCHANGE_BYTES:
                shutil.copyfile(file, STAGING / student / self.section / name)


def _with_next_step(why: str) -> str:
    """What nbgrader says of a gradebook that is new, or of which the section was removed, is no line to go on from."""
    return (
        f"{why}. Run `labkit course .` here, which adds it, and grade again" if why.startswith("No assignment") else why
    )


def _tells_a_time(submitted: Path) -> bool:
    try:
        return timestamp.read(submitted) is not None
    except timestamp.NoTime:
        return False


class _Said(logging.Handler):
    """Keeps the first error that nbgrader tells while it marks a student."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if not self.first and not said.startswith("There was an error processing"):
            self.first = said


def _without_traceback(record: logging.LogRecord) -> bool:
    """Of a traceback its last line says what happened; the others are for who works on nbgrader itself."""
    lines = record.getMessage().strip().splitlines() or [""]
    record.msg, record.args = told.line(lines[-1] if lines[0].startswith("Traceback") else lines[0]), ()
    record.exc_info = record.exc_text = None
    return True


def unmark(student: str, section: str) -> None:
    """Takes away the autograded copy, so that the student counts as not marked. Marks by hand stay in the gradebook."""
    shutil.rmtree(_place(student, section), ignore_errors=True)


def _place(student: str, section: str) -> Path:
    return AUTOGRADED / student / section


def due(section: str) -> datetime | None:
    """When the section is due, in UTC; None where no date is set."""
    from nbgrader.api import MissingEntry

    with place.opened() as gradebook:
        try:
            assignment: Any = gradebook.find_assignment(section)
            return assignment.duedate
        except MissingEntry:
            return None


def late(section: str) -> dict[str, float]:
    """Who handed in after the date in the gradebook, and by how many seconds."""
    with place.opened() as gradebook:
        seconds = {entry.student.id: entry.total_seconds_late for entry in gradebook.assignment_submissions(section)}
    return {student: over for student, over in seconds.items() if over > 0}


def without_mark(section: str, students: list[str]) -> list[str]:
    """Which of these have no mark, or a part of one only, in the gradebook."""
    from nbgrader.api import MissingEntry

    missing = []
    with place.opened() as gradebook:
        for student in students:
            try:
                notebooks = gradebook.find_submission(section, student).notebooks
            except MissingEntry:
                notebooks = []
            grades = [grade.auto_score for notebook in notebooks for grade in notebook.grades]
            if not grades or None in grades or not _place(student, section).is_dir():
                missing.append(student)
    return missing


@cache
def _converter() -> Any:
    """nbgrader's converter with all preprocessors in one pass, validated once."""
    from nbgrader.converters import Autograde
    from nbgrader.converters.base import BaseConverter

    class OnePass(Autograde):
        def _init_preprocessors(self) -> None:
            self.exporter._preprocessors = []
            self.exporter.optimistic_validation = True
            last = self.autograde_preprocessors
            for preprocessor in [*(one for one in self.sanitize_preprocessors if one not in last), *last]:
                self.exporter.register_preprocessor(preprocessor)

        def convert_single_notebook(self, notebook_filename: str) -> None:
            self._init_preprocessors()
            BaseConverter.convert_single_notebook(self, notebook_filename)

    return OnePass


class _Opened:
    """The gradebooks that are open, by their URL. What their users commit waits until `commit`."""

    def __init__(self) -> None:
        self._by_url: dict[str, Any] = {}

    def opened(self, db_url: str, course_id: str = "default_course", authenticator: object = None) -> Any:
        """The gradebook, which its users cannot close."""
        from nbgrader import api

        if db_url not in self._by_url:
            gradebook: Any = api.Gradebook(db_url, course_id, authenticator)  # type: ignore[arg-type]
            gradebook.really_close, gradebook.close = gradebook.close, lambda: None
            gradebook.really_commit, gradebook.db.commit = gradebook.db.commit, gradebook.db.flush
            self._by_url[db_url] = gradebook
        return self._by_url[db_url]

    def commit(self) -> None:
        """Commits what was written since the last time."""
        for gradebook in self._by_url.values():
            gradebook.really_commit()

    def roll_back(self) -> None:
        """Takes it back."""
        for gradebook in self._by_url.values():
            gradebook.db.rollback()

    def close(self) -> None:
        """Closes them; what is not committed is taken back."""
        for gradebook in self._by_url.values():
            gradebook.really_close()


@contextlib.contextmanager
def _one_gradebook() -> Iterator[_Opened]:
    """Gives all parts of nbgrader the same open gradebook, instead of one each, and closes it at the end."""
    from nbgrader import api

    opened = _Opened()
    users = [module for name, module in list(sys.modules.items()) if name.startswith("nbgrader.")]
    users = [module for module in users if module is not api and getattr(module, "Gradebook", None) is api.Gradebook]
    for module in users:
        module.Gradebook = opened.opened  # type: ignore[attr-defined]
    try:
        yield opened
    finally:
        for module in users:
            module.Gradebook = api.Gradebook  # type: ignore[attr-defined]
        opened.close()
