"""Without a sandbox a graded run of Python answers does not start; it says the line that installs one."""

from __future__ import annotations

from labkit import course, sandbox
from labkit.checking.process import CheckerProcess
from tests.grading.submissions import Course, lab_source, notebook

LINE = "apt-get install -y bubblewrap"


def test_labkit_grade_refuses_and_writes_no_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "choose", lambda kind=None: None)
    lab = course.find("alembic-expand-contract")
    made = Course(tmp_path)
    made.submit("ada", lab, notebook(lab, lab_source(lab).solutions()))
    result = made.grade()
    assert result.exit_code == 1
    assert LINE in result.output
    assert made.marks() == {}


def test_the_checker_gives_a_fault_and_not_a_zero(monkeypatch, tmp_path):
    """Without bubblewrap on PATH and without Docker in reach, as on another machine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    lab = course.find("alembic-expand-contract")
    with CheckerProcess("grading", backend="embedded") as checker:
        verdicts = checker.check(lab, lab_source(lab).solutions(), hidden=True)
    told = [verdict for verdict in verdicts if LINE in verdict.why]
    assert told
    assert {verdict.outcome for verdict in told} == {"fault"}
    assert not [verdict for verdict in verdicts if verdict.outcome == "fail"]
