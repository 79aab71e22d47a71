"""Which answers a run judges: each check is covered, a few commits see all, and a lab that changed is judged whole."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from labkit import course
from labkit.authoring import verify
from tests.backends import BACKENDS
from tests.course import selection
from tests.grading.submissions import lab_source
from tests.units import SLOW

LABS = [lab.key for lab in course.labs()]
COMMITS = [f"{number:040x}" for number in range(120)]


@pytest.fixture(autouse=True)
def everything_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "why_not", lambda backend: "")
    monkeypatch.setattr(selection, "why_no_lab", lambda lab, backend: "")


def found(key: str) -> list[verify.Candidate]:
    return list(verify.candidates(course.find(key), lab_source(course.find(key))))


@pytest.mark.parametrize("key", LABS)
def test_each_commit_judges_an_answer_for_each_check_that_any_names(key: str) -> None:
    lab, all_of_it = course.find(key), found(key)
    for commit in COMMITS:
        by_backend = {backend: selection.chosen(lab, all_of_it, backend, commit) for backend in BACKENDS}
        assert all([c.name for c in judged][:2] == ["stub", "solution"] for judged in by_backend.values())
        judged = [candidate for candidates in by_backend.values() for candidate in candidates if candidate.only]
        assert {c.fails for c in judged} == {c.fails for c in all_of_it if c.only}
        assert sum(len(candidates) > 2 for candidates in by_backend.values()) == 1


@pytest.mark.parametrize("key", LABS)
def test_a_few_commits_judge_all(key: str) -> None:
    lab, all_of_it = course.find(key), found(key)
    seen = {(c.name, b) for commit in COMMITS for b in BACKENDS for c in selection.chosen(lab, all_of_it, b, commit)}
    whole = [selection.its_backend(lab, "")] if SLOW & set(lab.needs) else BACKENDS
    short = {(name, b) for b in BACKENDS for name in ("stub", "solution")}
    assert seen == {(c.name, b) for b in whole for c in all_of_it} | short


def test_it_is_far_less_than_all() -> None:
    labs = [(course.find(key), found(key)) for key in LABS]
    everything = len(BACKENDS) * sum(len(all_of_it) for _, all_of_it in labs)
    judged = [
        sum(len(selection.chosen(lab, all_of_it, backend, commit)) for lab, all_of_it in labs for backend in BACKENDS)
        for commit in COMMITS
    ]
    print(f"of {everything} judgements a commit makes {sum(judged) / len(judged):.0f}")
    assert sum(judged) / len(judged) < 0.75 * everything


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a repository with one commit, which stands in for the course."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "--quiet")
    commit(origin, "solutions/91-databases/first.md")
    git(tmp_path, "clone", "--quiet", f"file://{origin}", str(clone))
    monkeypatch.setattr(course, "root", lambda: clone)
    selection.changed_files.cache_clear()
    yield clone
    selection.changed_files.cache_clear()


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, name: str) -> None:
    """One more commit, which touches this file."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        file.write("more\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", name)


def changed() -> set[str]:
    selection.changed_files.cache_clear()
    return set(selection.changed_files() or ())


def test_what_changed_is_what_others_do_not_have(clone: Path) -> None:
    assert changed() == {"solutions/91-databases/first.md"}  # the last commit
    commit(clone, "graders/91-databases/second.sql")
    commit(clone, "docs/third.md")
    assert changed() == {"graders/91-databases/second.sql", "docs/third.md"}
    git(clone, "tag", "v1")
    assert changed() == {"docs/third.md"}
    (clone / "fourth").touch()
    assert changed() == {"docs/third.md", "fourth"}


def test_where_nobody_can_tell_all_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "root", lambda: tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    selection.changed_files.cache_clear()
    assert selection.changed_files() is None
    monkeypatch.undo()
    selection.changed_files.cache_clear()


@pytest.mark.parametrize("many", [0, 1, selection.MOST, selection.MOST + 1])
def test_a_few_labs_that_changed_are_judged_whole_and_many_are_not(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    files = frozenset(f"solutions/{key}.md" for key in LABS[:many])
    monkeypatch.setattr(selection, "changed_files", lambda: files)
    selection.changed_labs.cache_clear()
    judged_whole = [key for key in LABS if selection.has_changed(course.find(key))]
    selection.changed_labs.cache_clear()
    assert judged_whole == (LABS[:many] if many <= selection.MOST else [])


@pytest.mark.parametrize(
    ("file", "is_its"),
    [
        ("solutions/91-databases/right-index.md", True),
        ("exercises/91-databases/right-index.ipynb", True),
        ("graders/91-databases/right-index.checks.sql", True),
        ("graders/91-databases/test_right_index.py", True),
        ("graders/91-databases/right-index/000001_a.up.sql", True),
        ("graders/hidden/91-databases/right-index/wrong/trigrams.sql", True),
        ("graders/91-databases/test_right_index_too.py", False),
        ("graders/91-databases/jsonb-search.sql", False),
        ("docs/right-index.md", False),
    ],
)
def test_a_labs_files_are_known_by_its_name(file: str, is_its: bool) -> None:
    assert selection._is_of(course.find("right-index"), file) == is_its
