"""kill -9 in the middle of a run, of whoever takes part in it: the same command goes on, nothing is lost, nothing doubled."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.small_course import SECTION, SmallCourse
from tests.patience import PATIENCE

pytestmark = [pytest.mark.fault, pytest.mark.slow]

# What each run is hit by, one run after the other. The numbers count changes: about five when a submission is judged, and fifteen
# when it is marked, which is done towards the end.
FEW = ("checker@9,engine@25", "server@8,engine@20", "keeper@6,engine@47", "engine@12")
MANY = tuple(
    f"{victim}@{20 + step % 19},engine@{40 + step * 3 % 23}"
    for step, victim in enumerate(["checker", "server", "keeper", "engine", "engine", "engine"] * 5)
)


@pytest.mark.parametrize(
    ("number", "plans"), [(12, FEW), pytest.param(60, MANY, marks=pytest.mark.full)], ids=["few", "many"]
)
def test_a_killed_run_goes_on(number, plans, tmp_path, monkeypatch):
    """Marks, comments, notebooks and feedback are those of a run that nothing happened to; each verdict is there once."""
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    disturbed = SmallCourse(tmp_path / "disturbed")
    worth = disturbed.submit_many(number)
    quiet = disturbed.copy(tmp_path / "quiet")
    quiet.grade()
    hits = [line for plan in plans for line in hit(disturbed, plan, tmp_path / "log")]
    killed = Counter(line.split()[1] for line in hits)
    assert killed["engine"] >= (20 if number == 60 else len(plans)), killed
    assert {"checker", "server", "keeper"} <= set(killed)
    assert "0 faults" in disturbed.grade()
    assert disturbed.marks() == worth
    if number == 60:
        for course in (quiet, disturbed):
            course.nbgrader("generate_feedback", SECTION)
        assert len(list((disturbed.exam / "feedback").rglob("*.html"))) == number
    assert disturbed.results() == quiet.results()
    assert [entry["fault"] for entry in disturbed.audited() if entry["fault"]] == []
    judged = Counter(entry["student"] for entry in disturbed.audited())
    assert judged == dict.fromkeys(worth, 1)


def hit(course: SmallCourse, plan: str, log: Path) -> list[str]:
    """Grades with these hits, which must end it. Returns a line for each that met somebody."""
    log.unlink(missing_ok=True)
    process = course.start("-m", "tests.faults.interrupted", plan, str(log), "grade", SECTION, "--jobs", "2")
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, said
    hits = [line for line in log.read_text().splitlines() if line.startswith("--")]
    return [*hits, "-- engine killed"]
