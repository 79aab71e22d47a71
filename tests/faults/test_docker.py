"""Docker's part of a run: its container is killed in the middle, as when Docker is restarted."""

from __future__ import annotations

import contextlib
import os

import docker
import pytest

from tests.faults.small_course import SECTION, SmallCourse
from tests.faults.test_run import until
from tests.patience import PATIENCE

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.docker, pytest.mark.full]


def test_a_container_that_is_killed_is_started_again(tmp_path, monkeypatch):
    """The run goes on over a new one, and all marks are right."""
    monkeypatch.setenv("LABKIT_BACKEND", "docker")
    exam = SmallCourse(tmp_path / "exam")
    worth = exam.submit_many(12)
    run = exam.start("-m", "labkit", "grade", SECTION, "--jobs", "1")
    until(lambda: len(exam.audited()) > 1, run)
    with contextlib.closing(docker.from_env()) as engine:
        (container,) = engine.containers.list(filters={"label": f"labkit.home={os.environ['LABKIT_HOME']}"})
        container.kill()
    said, _ = run.communicate(timeout=PATIENCE)
    assert (run.returncode, "0 faults of the course" in said) == (0, True), said
    assert exam.marks() == worth
    assert len({entry["server"] for entry in exam.audited()}) == 2
