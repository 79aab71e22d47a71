"""nbgrader's own autograde, run in this process: it stays the one that writes marks, folders and penalties.

It opens its gradebook ten times a notebook, each time asking for all its tables; here all of these are one.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator


def load() -> None:
    """Imports nbgrader, which takes two seconds."""
    # jsonschema compiles a grammar for IRIs, which no notebook has, in 1.5 s on import; it does without where it is not there.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import nbgrader.apps  # noqa: F401


def autograde(section: str, student: str) -> bool:
    """Lets nbgrader write marks and autograded notebooks of all that has none yet. Returns whether all went well."""
    from nbgrader.apps import AutogradeApp
    from sqlalchemy.exc import SAWarning

    from labkit.grading import preprocessor

    app = AutogradeApp()
    app.initialize([section, "--log-level=ERROR", f"--student={student}"])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with _one_gradebook(), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader 0.9.6 autoflushes objects that are not in a session yet
        try:
            app.start()
        except SystemExit as ended:
            return not ended.code
        finally:
            preprocessor.end_checker()
    return True


def late(section: str) -> dict[str, float]:
    """Who handed in after the date in the gradebook, and by how many seconds."""
    from nbgrader.api import Gradebook

    with Gradebook("sqlite:///gradebook.db") as gradebook:
        seconds = {entry.student.id: entry.total_seconds_late for entry in gradebook.assignment_submissions(section)}
    return {student: over for student, over in seconds.items() if over > 0}


@contextlib.contextmanager
def _one_gradebook() -> Iterator[None]:
    """Gives all parts of nbgrader the same open gradebook, instead of one each, and closes it at the end."""
    from nbgrader import api

    opened: dict[str, api.Gradebook] = {}

    class Shared(api.Gradebook):
        def close(self) -> None:
            """Stays open: others use it, too."""

    def gradebook(db_url: str, course_id: str = "default_course", authenticator: object = None) -> api.Gradebook:
        if db_url not in opened:
            opened[db_url] = Shared(db_url, course_id, authenticator)  # type: ignore[arg-type]
        return opened[db_url]

    users = [module for name, module in list(sys.modules.items()) if name.startswith("nbgrader.")]
    users = [module for module in users if module is not api and getattr(module, "Gradebook", None) is api.Gradebook]
    for module in users:
        module.Gradebook = gradebook  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in users:
            module.Gradebook = api.Gradebook  # type: ignore[attr-defined]
        for shared in opened.values():
            api.Gradebook.close(shared)
