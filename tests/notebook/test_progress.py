"""Progress survives what may happen to its file."""

from __future__ import annotations

import json
import subprocess
import sys

from labkit.notebook import progress
from tests.patience import PATIENCE

ADD_HINTS = """
from labkit import course
from labkit.notebook import progress
import sys
for number in range(20):
    progress.record(course.find("tiny"), "dear", progress.hint_seen(f"{sys.argv[1]}-{number}", 1))
"""


def test_the_best_run_counts(lab):
    progress.record(lab, "dear", progress.earned(2, 3))
    progress.record(lab, "dear", progress.earned(1, 3))
    progress.record(lab, "dear", progress.hint_seen("test_x", 2))
    progress.record(lab, "dear", progress.solution_seen)
    kept = progress.read()[lab.key]["dear"]
    assert (kept["earned"], kept["of"], kept["hints"], kept["solution"]) == (2, 3, {"test_x": 2}, True)
    assert progress.share(lab, progress.read()) == 0.5  # 2 of the lab's 4 visible points


def test_two_kernels_at_once_lose_nothing(lab):
    run = [sys.executable, "-c", ADD_HINTS]
    kernels = [subprocess.Popen([*run, name]) for name in ("one", "two")]
    assert [kernel.wait(timeout=PATIENCE) for kernel in kernels] == [0, 0]
    assert len(progress.read()[lab.key]["dear"]["hints"]) == 40


def test_a_damaged_file_is_kept_aside(lab, course):
    for damage in ('{"91-databases/tiny": {"dear": {"ear', "[]", '{"91-databases/tiny": {"dear": 7}}'):
        progress.path().parent.mkdir(exist_ok=True)
        progress.path().write_text(damage)
        assert progress.read() == {}
        assert "kept as progress.json.bad" in progress.record(lab, "dear", progress.earned(3, 3))
        assert (course / ".labkit/progress.json.bad").read_text() == damage
        assert json.loads(progress.path().read_text())[lab.key]["dear"]["earned"] == 3
        assert progress.record(lab, "dear", progress.earned(3, 3)) == ""


def test_a_folder_that_cannot_be_written_is_told_and_no_error(lab, course):
    (course / ".labkit").write_text("a file where the folder should be")
    try:
        assert "could not be saved" in progress.record(lab, "dear", progress.earned(3, 3))
    finally:
        (course / ".labkit").unlink()
