"""What an author uses: new-lab makes a complete red lab, verify finds what is wrong with one, publish leaves solutions out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import course

SECTION = "91-databases"


@pytest.fixture
def clone(tmp_path) -> Path:
    """A checkout of the course that a test may change: the files that git has or would add, committed."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    folder = tmp_path / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=course.root(),
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (course.root() / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(course.root() / name, folder / name, follow_symlinks=False)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def labkit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a course's folder."""
    environment = {**os.environ, "LABKIT_COURSE": str(folder), "LABKIT_BACKEND": "embedded", "COLUMNS": "200"}
    argv = [sys.executable, "-m", "labkit", *arguments]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_a_new_lab_is_complete_and_red(clone):
    """It can be released and judged, and lacks only what its author must think of: more wrong and right answers."""
    assert labkit(clone, "new-lab", f"{SECTION}/my-lab").returncode == 0
    assert labkit(clone, "release", f"{SECTION}/my-lab").returncode == 0
    verified = labkit(clone, "verify", "--record", f"{SECTION}/my-lab", "--backend", "embedded")
    assert verified.returncode == 1
    assert verified.stdout.count(" ok ") == 4, verified.stdout
    answers = clone / "graders" / "hidden" / SECTION / "my-lab"
    said = (answers / "wrong" / "first-wrong-answer.said").read_text()
    assert (
        "test_finds_the_things: The query finds every large thing, and nothing else.\n  why: Say what is missing"
        in said
    )
    assert "has 1 answers, at least 4 are asked for" in verified.stdout
    assert "has 1 answers, at least 2 are asked for" in verified.stdout
    again = labkit(clone, "new-lab", f"{SECTION}/my-lab")
    assert again.returncode == 1
    assert "is there already" in again.stderr


@pytest.mark.slow
def test_a_new_lab_of_another_kind_is_complete_and_red(clone):
    """It says what it needs, can be released, and each of its answers is complained of by the check that its author has yet to write."""
    assert labkit(clone, "new-lab", f"{SECTION}/other", "--kind", "flyway").returncode == 0
    assert "needs: [postgres]" in (clone / "solutions" / SECTION / "other.md").read_text()
    assert not (clone / "graders" / SECTION / "other.sql").exists()
    assert labkit(clone, "release", f"{SECTION}/other").returncode == 0
    verified = labkit(clone, "verify", f"{SECTION}/other", "--backend", "embedded")
    assert verified.returncode == 1
    assert "not judged" not in verified.stdout, verified.stdout
    unknown = labkit(clone, "new-lab", f"{SECTION}/third", "--kind", "prose")
    assert "'prose' is not one of" in unknown.stderr


@pytest.mark.slow
def test_verify_finds_what_is_wrong_with_a_lab(clone):
    """A wrong answer that passes, a right one that fails, a stub that passes, a first line that names no check."""
    assert labkit(clone, "new-lab", f"{SECTION}/my-lab").returncode == 0
    answers = clone / "graders" / "hidden" / SECTION / "my-lab"
    (answers / "wrong" / "passes.sql").write_text(
        "-- fails: test_finds_the_things — it does not\n%%answer first\nSELECT id, size FROM things WHERE size > 90;"
    )
    (answers / "wrong" / "no-check.sql").write_text("-- fails: test_nothing — no such check\n%%answer first\nSELECT 1;")
    (answers / "right" / "fails.sql").write_text("-- right: not at all\n%%answer first\nSELECT 1, 2;")
    source = clone / "solutions" / SECTION / "my-lab.md"
    given = "-- ### BEGIN SOLUTION\nSELECT id, size FROM things WHERE size > 90;\n-- ### END SOLUTION"
    assert given in source.read_text()
    gives_it_away = "SELECT id, size FROM things WHERE size > 90;\n-- ### BEGIN SOLUTION\n-- ### END SOLUTION"
    source.write_text(source.read_text().replace(given, gives_it_away))
    assert labkit(clone, "release", f"{SECTION}/my-lab").returncode == 0
    verified = " ".join(
        labkit(clone, "verify", f"{SECTION}/my-lab", "--backend", "embedded").stdout.replace("│", " ").split()
    )
    for complaint in (
        "passes without an answer: test_finds_the_things",
        "should fail test_finds_the_things, and does not",
        "names test_nothing, which is no check of first",
        "should get full marks, but test_finds_the_things",
    ):
        assert complaint in verified


def test_a_stale_exercise_is_found(clone):
    source = clone / "solutions" / SECTION / "jsonb-search.md"
    source.write_text(re.sub(r"minutes: \d+", "minutes: 1", source.read_text()))
    checked = labkit(clone, "release", "--check")
    assert checked.returncode == 1
    assert "exercises/91-databases/jsonb-search.ipynb" in checked.stderr


def test_the_learners_copy_has_no_solution_in_sight(clone, tmp_path):
    """Neither sources nor hidden checks travel but sealed, and not even so for an assessment."""
    assert labkit(clone, "publish", str(tmp_path / "copy")).returncode == 0
    assert labkit(clone, "publish", str(tmp_path / "exam"), "--assessment").returncode == 0
    for copy in (tmp_path / "copy", tmp_path / "exam"):
        assert not (copy / "solutions").exists()
        assert not (copy / "graders" / "hidden").exists()
        assert (copy / "exercises" / SECTION / "jsonb-search.ipynb").exists()
        files = [
            path for path in copy.rglob("*") if path.is_file() and path.suffix in (".py", ".sql", ".md", ".ipynb", "")
        ]
        for secret in (
            "CREATE INDEX events_doc ON events",
            "c-limit-text",
            "lateral join",
        ):  # of a solution, hidden data, a right answer
            assert not [str(path) for path in files if secret in path.read_text(errors="replace")]
    sealed = tmp_path / "copy" / "graders" / "sealed" / SECTION / "jsonb-search"
    assert sealed.exists()
    assert sealed.with_suffix(".checks").exists()
    assert sealed.with_suffix(".debrief").exists()
    assert not (tmp_path / "exam" / "graders" / "sealed").exists()
    script = "from labkit import course; from labkit.checking import modules; print(modules.solution(course.find('jsonb-search'), 'index'))"
    environment = {**os.environ, "LABKIT_COURSE": str(tmp_path / "copy")}
    opened = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "USING gin" in opened.stdout, opened.stderr
    again = labkit(clone, "publish", str(tmp_path / "copy"))
    assert again.returncode == 1
    assert "is not empty" in again.stderr


def test_check_judges_the_saved_notebook_of_the_learners_copy(clone, tmp_path):
    """The exit status says it: 1 for stubs, 0 when all is right, on other data too."""
    copy = tmp_path / "copy"
    assert labkit(clone, "publish", str(copy)).returncode == 0
    red = labkit(copy, "check", "jsonb-search")
    assert red.returncode == 1, red.stdout + red.stderr
    assert "The answer is empty: there is no statement in it yet." in red.stdout
    from tests.grading.submissions import lab_source, notebook

    lab = course.find("jsonb-search")
    (copy / lab.exercise).write_text(json.dumps(notebook(lab, lab_source(lab).solutions())), encoding="utf-8")
    green = labkit(copy, "check", "jsonb-search")
    assert green.returncode == 0, green.stdout + green.stderr
    assert "12 of 12 points" in green.stdout
