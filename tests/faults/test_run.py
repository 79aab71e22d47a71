"""A run that is stopped, met by a second one, or whose submissions, clock and order change under it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable

import psutil
import pytest

from tests import patience
from tests.faults.small_course import ANSWERS, SECTION, SmallCourse

pytestmark = [pytest.mark.fault, pytest.mark.slow]


@pytest.fixture
def exam(tmp_path, monkeypatch) -> SmallCourse:
    """An exam without submissions."""
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    return SmallCourse(tmp_path / "exam")


def start(exam: SmallCourse, *options: str) -> subprocess.Popen[str]:
    """A run that is under way: its first verdict is noted."""
    process = exam.start("-m", "labkit", "grade", SECTION, *options)
    until(lambda: len(exam.audited()) > 0, process)
    return process


def until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Waits for something that a run does; it must not end before."""
    assert patience.until(lambda: happened() or process.poll() is not None)
    assert happened(), process.communicate()[0]


def test_a_second_grader_is_refused_and_ctrl_c_says_how_to_go_on(exam):
    """The second says who is at work; the first ends soon, whatever it is at, leaves no process, and the same command does the rest."""
    worth = exam.submit_many(20)
    slow = exam.submit("a-slow-one", "SELECT id, size FROM things, pg_sleep(58)")
    first = start(exam, "--jobs", "2")
    refused = exam.grade(status=1)
    assert f"Another labkit grade is at work in {exam.exam} (process {first.pid})" in refused
    family = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGINT)
    said, _ = first.communicate(timeout=patience.PATIENCE)
    assert "a-slow-one" not in {entry["student"] for entry in exam.audited()}  # it was not waited for
    # A shell says 130 of both. Python dies of the signal when it came while a library (fastjsonschema) ran code from a string.
    assert first.returncode in (130, -signal.SIGINT), said
    kept = int(re.search(r"Stopped\. (\d+) notebooks were judged and are kept; the same command goes on", said)[1])
    assert "Traceback" not in said
    assert 1 <= kept == len(exam.audited()) < len(worth)
    assert psutil.wait_procs(family, timeout=patience.PATIENCE)[1] == []
    shutil.rmtree(slow.parents[1])
    assert f"{len(worth) - kept} judged, {kept} judged before" in exam.grade()
    assert exam.marks() == worth


def test_a_submission_that_changes_while_it_is_graded(exam):
    """The mark is that of the notebook that was marked, and the next run marks what was handed in last."""
    exam.submit_many(6)
    exam.submit("zoe", ANSWERS[3][0])
    run = start(exam, "--jobs", "1")
    exam.submit("zoe", ANSWERS[0][0])
    said, _ = run.communicate(timeout=patience.PATIENCE)
    assert run.returncode == 0, said
    (marked,) = (exam.exam / "autograded" / "zoe" / SECTION).glob("*.ipynb")
    cells = json.loads(marked.read_text())["cells"]
    answer = next(text for cell in cells if (text := "".join(cell["source"])).startswith("%%answer first"))
    assert exam.marks()["zoe"] == sum(dict(ANSWERS)[answer.removeprefix("%%answer first\n")])
    exam.grade()
    assert exam.marks()["zoe"] == sum(ANSWERS[0][1])
    assert "0 judged, 7 judged before" in exam.grade()


@pytest.mark.full
def test_a_clock_that_jumps(exam):
    """Verdicts from the future are neither lost nor preferred: what counts is the order in which they were noted."""
    exam.submit("ada", ANSWERS[3][0])
    exam.grade()
    trail = exam.exam / ".labkit" / "audit.jsonl"
    trail.write_text(re.sub(r'"when": "[^"]+"', '"when": "2099-01-01T00:00:00+00:00"', trail.read_text()))
    for path in (exam.exam / "autograded").rglob("*"):
        os.utime(path, (4e9, 4e9))
    assert "0 judged, 1 judged before" in exam.grade()
    exam.submit("ada", ANSWERS[0][0])
    assert "1 judged, 0 judged before" in exam.grade()
    assert exam.marks() == {"ada": 2.0}
    assert "0 judged, 1 judged before" in exam.grade()
    assert all(0 <= entry["seconds"] < 120 for entry in exam.audited())


@pytest.mark.full
def test_order_and_parallelism_change_nothing(exam, tmp_path):
    """The same submissions in three runs: same marks, and feedback that is equal byte by byte, but for times."""
    worth = exam.submit_many(6)
    others = [exam.copy(tmp_path / name) for name in ("second", "third")]
    exam.grade()
    for student in sorted(worth, reverse=True):
        others[0].grade("--student", student, "--jobs", "1")
    others[1].grade("--jobs", "3")
    for course in (exam, *others):
        course.nbgrader("generate_feedback", SECTION)
    expected = exam.results()
    assert exam.marks() == worth
    assert sum(name.startswith("feedback") for name in expected) == len(worth)
    assert [course.results() for course in others] == [expected, expected]
