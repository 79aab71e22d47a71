"""Faults of the machine: a full disk, a locked gradebook, services that are not there. Never a 0 for a learner, and always a line."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.small_course import ANSWERS, SECTION, SmallCourse
from tests.patience import PATIENCE

pytestmark = [pytest.mark.fault, pytest.mark.slow]


@pytest.fixture
def exam(tmp_path, monkeypatch) -> SmallCourse:
    """An exam with three submissions: of 2, 1 and 0 points."""
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    made = SmallCourse(tmp_path / "exam")
    for student, number in (("ada", 0), ("ben", 2), ("eve", 3)):
        made.submit(student, ANSWERS[number][0])
    return made


MARKS = {"ada": 2.0, "ben": 1.0, "eve": 0.0}


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own, in memory, at `folder`. Skips where nobody may mount one."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here: that needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, but: int) -> Path:
    """Fills the disk at `folder` except for `but` bytes."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    os.truncate(ballast, max(0, ballast.stat().st_size - but))
    return ballast


@pytest.mark.parametrize("free", [0, *(pytest.param(kib << 10, marks=pytest.mark.full) for kib in (48, 64))])
def test_a_full_disk_under_the_gradebook(exam, tmp_path, free):
    """The run ends with a line; with room again the same command makes the marks that it makes anyway."""
    with small_disk(tmp_path / "disk", "32m"):
        small = exam.copy(tmp_path / "disk" / "exam")
        ballast = fill(tmp_path / "disk", free)
        said = small.grade(status=1)
        assert "Traceback" not in said
        assert "full" in said or "No space left" in said
        ballast.unlink()
        small.grade()
        assert small.marks() == MARKS
        assert "0 judged, 3 judged before" in small.grade()


def test_a_full_disk_under_the_servers(exam, tmp_path, monkeypatch):
    """Each is listed as not graded and has no mark; with room again all are graded."""
    home = Path(os.environ["TMPDIR"], "small")
    with small_disk(home, "24m"):
        monkeypatch.setenv("LABKIT_HOME", str(home))
        said = exam.grade(status=1)
        assert said.count("not graded: ") == 3, said
        assert "3 faults of the course" in said
        assert exam.marks() == {}
    home.rmdir()
    monkeypatch.undo()
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    assert "3 judged" in exam.grade()
    assert exam.marks() == MARKS


@pytest.fixture
def lock(exam) -> Iterator[sqlite3.Connection]:
    """The gradebook's lock, in our hands."""
    with contextlib.closing(sqlite3.connect(exam.exam / "gradebook.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield holder


def test_a_gradebook_that_somebody_else_writes_is_waited_for(exam, lock):
    """With a line; when it is free, all marks are written."""
    run = exam.start("-m", "labkit", "grade", SECTION, "--jobs", "1")
    assert run.stdout
    assert any("gradebook.db is locked by another program: waiting" in line for line in run.stdout)
    lock.execute("ROLLBACK")
    said, _ = run.communicate(timeout=PATIENCE)
    assert (run.returncode, "3 judged" in said) == (0, True), said
    assert exam.marks() == MARKS


@pytest.mark.full
def test_a_gradebook_that_stays_locked(exam, lock):
    """The run ends with a line, and what was judged is kept; without the lock the same command goes on."""
    said = exam.grade(status=1)
    assert "gradebook.db is still locked by another program, so marks are not written" in said
    assert "Traceback" not in said
    lock.execute("ROLLBACK")
    assert "0 judged, 3 judged before" in exam.grade()
    assert exam.marks() == MARKS


def test_without_the_asked_for_backend_nothing_is_graded(exam, monkeypatch):
    """No Docker where Docker was asked for: each is listed, and nobody has a mark."""
    monkeypatch.setenv("LABKIT_BACKEND", "docker")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    said = exam.grade(status=1)
    assert said.count("not graded: ") == 3, said
    assert exam.marks() == {}
