"""What a learner's own folder comes to: half a notebook, copies, other programs' files. It costs that lab a line, and no other lab anything."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labkit import course
from labkit.checking import check_command
from labkit.course import CourseError, sealed
from labkit.notebook.course_map import course_map
from tests.room import COURSE

SECTION = "91-databases"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A learner's exercises."""
    for name in ("exercises", "graders"):
        (tmp_path / name).mkdir()
    shutil.copytree(COURSE / "exercises" / SECTION, tmp_path / "exercises" / SECTION)
    monkeypatch.setenv("LABKIT_COURSE", str(tmp_path))
    course.root.cache_clear()
    yield tmp_path
    course.root.cache_clear()


def checked(lab: str) -> Result:
    return CliRunner().invoke(check_command.command, [lab])


WHOLE = (COURSE / "exercises" / SECTION / "jsonb-search.ipynb").read_text(encoding="utf-8")
HALF = {
    "empty": b"", "cut": WHOLE[:5000].encode(), "conflict": f"<<<<<<< HEAD\n{WHOLE}".encode(), "UTF-16": WHOLE.encode("utf-16"), "list": b"[]",
    "null": b"null", "metadata null": b'{"metadata": null, "cells": []}', "metadata list": b'{"metadata": [1]}', "lab list": b'{"metadata": {"lab": []}}',
    "lab of another time": b'{"metadata": {"lab": {"name": "jsonb-search"}}}', "binary": bytes(range(256)), "deep": b"[" * 200_000,
}  # fmt: skip


@pytest.mark.parametrize("kind", HALF)
def test_half_a_notebook_costs_its_lab_a_line_and_the_others_nothing(kind: str, copy: Path):
    before = {lab.key for lab in course.labs()}
    (copy / "exercises" / SECTION / "jsonb-search.ipynb").write_bytes(HALF[kind])
    assert {lab.key for lab in course.labs()} == before - {f"{SECTION}/jsonb-search"}
    assert course.find("right-index").name == "right-index"
    for name in ("jsonb-search", f"{SECTION}/jsonb-search", f"exercises/{SECTION}/jsonb-search.ipynb"):
        with pytest.raises(CourseError, match=r"jsonb-search.*(as it was|anew)"):
            course.find(name)
    if kind != "metadata null":  # which is another program's notebook
        assert "jsonb-search.ipynb cannot be read" in course_map().text


def test_a_folder_or_a_link_to_nowhere_is_no_notebook(copy: Path):
    (copy / "exercises" / SECTION / "new.ipynb").mkdir()
    (copy / "exercises" / SECTION / "gone.ipynb").symlink_to("nowhere")
    assert course.find("jsonb-search")
    assert len(course.unreadable()) == 2


@pytest.mark.parametrize("name", ["jsonb-search-Copy1", "jsonb-search (1)", "Untitled", "a", "zz", ".hidden"])
def test_a_copy_is_no_lab_of_its_own(name: str, copy: Path):
    before = [lab.key for lab in course.labs()]
    (copy / "exercises" / SECTION / f"{name}.ipynb").write_text(WHOLE, encoding="utf-8")
    checkpoints = copy / "exercises" / SECTION / ".ipynb_checkpoints"
    checkpoints.mkdir()
    (checkpoints / "jsonb-search-checkpoint.ipynb").write_text(WHOLE, encoding="utf-8")
    assert [lab.key for lab in course.labs()] == before
    assert course.find("jsonb-search").exercise.name == "jsonb-search.ipynb"


def test_lost_metadata_is_told(copy: Path):
    path = copy / "exercises" / SECTION / "jsonb-search.ipynb"
    path.write_text(json.dumps(json.loads(WHOLE) | {"metadata": {}}), encoding="utf-8")
    with pytest.raises(CourseError, match="lost what the course keeps in its metadata"):
        course.find("jsonb-search")


def test_a_lab_is_found_by_whatever_a_shell_completes(copy: Path):
    for name in (
        "jsonb-search", f"{SECTION}/jsonb-search", f"exercises/{SECTION}/jsonb-search.ipynb", "jsonb-search.ipynb",
        f"./exercises/{SECTION}/jsonb-search.ipynb", str(copy / "exercises" / SECTION / "jsonb-search.ipynb"),
    ):  # fmt: skip
        assert course.find(name).key == f"{SECTION}/jsonb-search"
    for name in ("", "/", "..", "jsonb", f"{SECTION}/", "*", "[", "\0", "x" * 5000):
        with pytest.raises(CourseError, match="No lab is called"):
            course.find(name)


@pytest.mark.parametrize(
    "change", [lambda data: data + b"\n", lambda data: data[:60] + b"\r\n" + data[60:] + b"\r\n", lambda data: data]
)
def test_line_ends_are_no_part_of_what_is_sealed(change: Callable[[bytes], bytes], copy: Path):
    lab = course.find("jsonb-search")
    sealed.write(copy, lab.section, lab.name, {"refunds": "SELECT 1"}, {}, {})
    path = sealed.path(copy, lab.section, lab.name)
    path.write_bytes(change(path.read_bytes()))
    assert sealed.read(lab) == {"refunds": "SELECT 1"}


@pytest.mark.parametrize(
    "content", [b"", b"<<<<<<< HEAD", b"\xff\xfe", b"version https://git-lfs.github.com/spec/v1", b"0" * 10_000]
)
def test_what_is_not_what_was_sealed_is_a_line(content: bytes, copy: Path):
    lab = course.find("jsonb-search")
    for path, read in (
        (sealed.path, sealed.read),
        (sealed.checks_path, sealed.read_checks),
        (sealed.debrief_path, sealed.read_debrief),
    ):
        file = path(copy, lab.section, lab.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        with pytest.raises(CourseError, match="is damaged"):
            read(lab)


def test_the_command_says_it_in_a_line(copy: Path):
    (copy / "exercises" / SECTION / "jsonb-search.ipynb").write_bytes(b"")
    result = checked("jsonb-search")
    assert result.exit_code == 1
    assert "jsonb-search.ipynb cannot be read" in result.output
