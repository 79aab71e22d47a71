"""The seam to nbgrader: instead of executing a submission, judge its answers and put the verdicts into its grade cells."""

from __future__ import annotations

import atexit
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, cast

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from labkit import course
from labkit.checking.process import CheckerProcess
from labkit.course import submission
from labkit.course.verdict import Verdict
from labkit.grading.verdict_store import STORE, VerdictStore
from labkit.machine import told
from labkit.pages import feedback


class NotGraded(Exception):
    """The course could not judge this submission; nbgrader reports it, goes on with the others and exits with an error."""


class ReadWhatCanBeRead(NotebookExporter):
    """Gives nbgrader the release's notebook with the submitted cells' texts in it: all that it ever sees of a submission.

    One that cannot be read is graded as an untouched exercise that says so: a broken file costs a learner that notebook and not the
    whole assignment.
    """

    def from_filename(self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        """Looks before it opens: a pipe would wait for ever. Raises Unreadable where the machine, not the file, is to blame."""
        assert resources is not None
        student, path, lab = resources["nbgrader"]["student"], Path(filename), lab_of(resources)
        try:
            found = submission.read_notebook(path, lab)
        except submission.Unreadable:
            raise
        except submission.BadSubmission as bad:
            self.log.error("%s: %s", told.line(student), told.line(str(bad)))
            said = told.line(str(bad).replace(str(path), path.name))
            made = submission.exercise(lab)
            for cell in made["cells"]:  # as of any other submission: only what nbgrader keeps of a cell
                if "nbgrader" not in cell["metadata"]:
                    cell["metadata"] = {}
            note = {"cell_type": "markdown", "id": "unreadable", "metadata": {}}
            made["cells"].insert(0, note | {"source": f"**This notebook could not be read.** {escape(said)}"})
        else:
            made = found.notebook
            if getattr(self.parent, "_sanitizing", True):  # nbgrader reads it again from its own folder
                for remark in found.remarks:
                    self.log.warning("%s, %s: %s", told.line(student), lab.name, told.line(remark))
        node = cast(NotebookNode, nbformat.from_dict(made))
        return self.from_notebook_node(node, resources, **kwargs)


def lab_of(resources: dict[str, Any]) -> course.Lab:
    """The lab that nbgrader's notebook is about: by the gradebook's names, never by what the submission says of itself."""
    return course.find(f"{resources['nbgrader']['assignment']}/{resources['nbgrader']['notebook']}")


class GradeAnswers(NbGraderPreprocessor):
    """Judges the answers with all checks and writes each grade cell's outputs: feedback, and the points as its value."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises NotGraded where the course, not the answer, failed, so that nobody gets a mark from it."""
        lab = lab_of(resources)
        verdicts = verdicts_on(lab, submission.answers_in(nb.cells, lab), resources["nbgrader"]["student"])
        graded = dict.fromkeys(lab.answers, False)
        for cell in nb.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removeprefix("check-")
            if cell.metadata.get("nbgrader", {}).get("grade") and name in graded:
                cell.outputs = outputs([verdict for verdict in verdicts if verdict.answer == name])
                graded[name] = True
        if not all(graded.values()):
            raise NotGraded(
                f"No grade cell for {', '.join(n for n, done in graded.items() if not done)}. Release the course again."
            )
        return nb, resources


def outputs(verdicts: list[Verdict]) -> list[NotebookNode]:
    """A grade cell's outputs. Raises NotGraded when there is no verdict: an empty cell would get full marks."""
    if not verdicts:
        raise NotGraded("A grade cell has no verdict. This is a fault of the course; nothing was graded.")
    shown = {"text/html": feedback.html(verdicts), "text/plain": feedback.text(verdicts)}
    earned = str(sum(verdict.earned for verdict in verdicts))
    return [
        NotebookNode(output_type="display_data", data=NotebookNode(shown), metadata=NotebookNode()),
        NotebookNode(
            output_type="execute_result",
            data=NotebookNode({"text/plain": earned}),
            metadata=NotebookNode(),
            execution_count=1,
        ),
    ]


def verdicts_on(lab: course.Lab, answers: dict[str, str], student: str) -> list[Verdict]:
    """The verdicts on a submission's answers, reached now or earlier. Raises NotGraded on any fault of the course."""
    store = VerdictStore(STORE)
    verdicts = store.get(lab, answers, student=student)
    if verdicts is None:
        verdicts = _checker().check(lab, answers, hidden=True)
        store.put(lab, answers, verdicts, student=student)
    unjudged = [verdict for verdict in verdicts if verdict.outcome in ("fault", "unverified")]
    if unjudged:
        raise NotGraded(f"not graded: {unjudged[0].sentence} {unjudged[0].why}")
    return verdicts


@cache
def _checker() -> CheckerProcess:
    """One checker for as long as nbgrader runs."""
    checker = CheckerProcess("grading")
    atexit.register(checker.stop)
    return checker


def end_checker() -> None:
    """Ends the checker, where one was needed, in a process that goes on after nbgrader."""
    if _checker.cache_info().currsize:
        _checker().stop()
