"""What a learner sees: `%load_ext labkit.notebook` brings the magics; the functions here are for a lab's own cells.
Those about one kind of answer are with it, in `labkit.kinds`.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from labkit.course.verdict import Verdict

__all__ = [
    "answer_text",
    "load_ipython_extension",
    "unload_ipython_extension",
    "verdicts",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext labkit.notebook`."""
    _learners_files_last()
    from labkit.kinds import MAGICS
    from labkit.machine.environment import without_database_settings
    from labkit.notebook.lesson import LessonMagics
    from labkit.notebook.magics import LabMagics

    without_database_settings()
    shell.register_magics(LabMagics, LessonMagics, *(importlib.import_module(name).MAGICS for name in MAGICS))


def _learners_files_last() -> None:
    """A learner's own mlflow.py or websockets.py beside the notebook is not taken for the library: IPython looks there before what is installed."""
    if "" in sys.path:
        sys.path.remove("")
        sys.path.append("")


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%unload_ext labkit.notebook`: gives back the services and ends the checker."""
    from labkit.notebook import session

    session.close()


def answer_text(name: str) -> str:
    """The text of an answer as it was last run, else as it was last saved.

    Raises CourseError when there is none.
    """
    from labkit.notebook import session

    return session.current().answer(name)


def verdicts(name: str | None = None) -> list[Verdict]:
    """What the visible checks last said of an answer, or of all answers, with their `extra` data; empty before a first run."""
    from labkit.notebook import session

    known = session.current().verdicts
    named = [known.get(name, [])] if name else known.values()
    return [verdict for found in named for verdict in found if not verdict.hidden]
