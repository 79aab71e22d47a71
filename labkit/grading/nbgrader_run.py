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
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from labkit import quickly
from labkit.grading.submission import EXCHANGE_FILES

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
        self._app.initialize([f"--assignment={section}", "--log-level=ERROR"])
        self._app.coursedir.autograded_directory = str(STAGING)
        self._app.coursedir.ignore = ["*"]  # only notebooks are taken: it would copy what a link beside them leads to
        self._is_indexed = False
        for log in (self._app.log, api.app_log):
            log.addFilter(_without_traceback)
        logging.getLogger("alembic").setLevel(logging.WARNING)

    def close(self) -> None:
        """Closes the gradebook and takes away what was not committed."""
        from labkit.grading import preprocessor

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
        from sqlalchemy.exc import SAWarning

        shutil.rmtree(STAGING / student, ignore_errors=True)
        self._app.coursedir.student_id = glob.escape(student)
        with warnings.catch_warnings():
            # nbgrader 0.9.6 autoflushes objects that are not in a session yet.
            warnings.simplefilter("ignore", SAWarning)
            try:
                self._index()
                _converter()(coursedir=self._app.coursedir, parent=self._app).start()
            except (NbGraderException, SystemExit):
                self._gradebook.roll_back()
                self._is_indexed = False
                return False
            self._gradebook.commit()
        unmark(student, self.section)
        place = _place(student, self.section)
        place.parent.mkdir(parents=True, exist_ok=True)
        self._keep_exchange_files(student)
        os.replace(STAGING / student / self.section, place)
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
            if file.is_file() and not file.is_symlink() and file.stat().st_size < EXCHANGE_BYTES:
                shutil.copyfile(file, STAGING / student / self.section / name)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Of a traceback its last line says what happened; the others are for who works on nbgrader itself."""
    lines = record.getMessage().strip().splitlines() or [""]
    record.msg, record.args = (lines[-1] if lines[0].startswith("Traceback") else lines[0]), ()
    record.exc_info = record.exc_text = None
    return True


def unmark(student: str, section: str) -> None:
    """Takes away the autograded copy, so that the student counts as not marked. Marks by hand stay in the gradebook."""
    shutil.rmtree(_place(student, section), ignore_errors=True)


def _place(student: str, section: str) -> Path:
    return AUTOGRADED / student / section


def late(section: str) -> dict[str, float]:
    """Who handed in after the date in the gradebook, and by how many seconds."""
    from nbgrader.api import Gradebook

    with Gradebook("sqlite:///gradebook.db") as gradebook:
        seconds = {entry.student.id: entry.total_seconds_late for entry in gradebook.assignment_submissions(section)}
    return {student: over for student, over in seconds.items() if over > 0}


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
