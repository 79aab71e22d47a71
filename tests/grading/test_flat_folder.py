"""Notebooks as an LMS exports them: whose is which, what is left out and said, and no way out of `submitted/`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labkit.grading import flat_folder

SECTION, LAB = "91-databases", "jsonb-search"


@pytest.fixture
def export(tmp_path, monkeypatch):
    """A folder to put files into, beside an empty examiner's folder in which we are."""
    (tmp_path / "exam").mkdir()
    monkeypatch.setenv("LABKIT_COURSE", str(Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path / "exam")
    folder = tmp_path / "export"
    folder.mkdir()
    return folder


def put(folder: Path, name: str, text: str = "notebook", when: float = 1_000_000_000) -> Path:
    """One exported file, last changed at `when`."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (when, when))
    return path


def handed_in() -> dict[str, str]:
    """What lies in `submitted/`."""
    return {str(path): path.read_text() for path in sorted(Path("submitted").rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("pattern", "name", "student"),
    [
        ("{student}_{lab}.ipynb", f"ada_l_{LAB}.ipynb", "ada_l"),
        ("{student}_*_assignsubmission_file_{lab}.ipynb", f"Ada Lovelace_4711_assignsubmission_file_{LAB}.ipynb", "Ada Lovelace"),
        ("{student}_*_assignsubmission_file/{lab}.ipynb", f"Ada Lovelace_4711_assignsubmission_file/{LAB}.ipynb", "Ada Lovelace"),
        ("{student}_*_{lab}*.ipynb", f"lovelaceada_LATE_815_4711_{LAB}-1.ipynb", "lovelaceada"),
    ],
    ids=["plain", "moodle", "moodle-folders", "canvas"],
)  # fmt: skip
def test_a_name_says_whose_notebook_it_is(export, pattern, name, student):
    """The file lies where nbgrader looks, with its time beside it."""
    put(export, name, when=datetime(2031, 1, 1, 10, tzinfo=UTC).timestamp())
    assert list(flat_folder.hand_in(export, pattern, SECTION)) == []
    folder = f"submitted/{student}/{SECTION}"
    assert handed_in() == {f"{folder}/{LAB}.ipynb": "notebook", f"{folder}/timestamp.txt": "2031-01-01 10:00:00 UTC\n"}


def test_a_newer_file_replaces_and_an_older_one_does_not(export):
    """Nothing is overwritten silently, and the same export twice changes nothing."""
    target = f"submitted/ada/{SECTION}/{LAB}.ipynb"
    path = put(export, f"ada_{LAB}.ipynb", "first", when=1000)
    assert list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION)) == []
    assert list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION)) == []
    put(export, path.name, "second", when=2000)
    assert list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION)) == [
        f"{path.name}: newer, it replaces {target}"
    ]
    put(export, path.name, "third", when=1500)
    assert list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION)) == [
        f"{path.name}: left out, as {target} is not older"
    ]
    assert handed_in()[target] == "second"
    assert "1970-01-01 00:33:20 UTC" in handed_in()[f"submitted/ada/{SECTION}/timestamp.txt"]


def test_what_does_not_fit_is_named_and_nothing_leaves_the_folder(export, tmp_path):
    """A line for each; the good one among them is taken."""
    secret = put(tmp_path, "secret.ipynb", "secret")
    (export / f"link_{LAB}.ipynb").symlink_to(secret)
    os.mkfifo(export / f"pipe_{LAB}.ipynb")
    refused = ("notes.txt", "ada_no-such-lab.ipynb", f"..._{LAB}.ipynb", f".hidden_{LAB}.ipynb", f"a*_{LAB}.ipynb", f"a\\b_{LAB}.ipynb", f" _{LAB}.ipynb")  # fmt: skip
    for name in refused:
        put(export, name)
    put(export, f"ben_{LAB}.ipynb")
    lines = list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION))
    assert len(lines) == len(refused) + 2
    for name in (*refused, f"link_{LAB}.ipynb", f"pipe_{LAB}.ipynb"):
        assert any(line.startswith(f"{name}: left out") for line in lines), name
    assert {Path(path).parts[1] for path in handed_in()} == {"ben"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exam", "export", "secret.ipynb"]


def test_a_folder_is_no_student_unless_the_pattern_says_so(export):
    """`{student}` and `*` never match a slash."""
    put(export, f"deep/ada_{LAB}.ipynb")
    assert len(list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION))) == 1
    assert handed_in() == {}


@pytest.mark.parametrize("pattern", ["{student}.ipynb", "{lab}.ipynb", "{student}{student}_{lab}"])
def test_a_pattern_without_both_names_is_refused(pattern):
    """With what it needs."""
    with pytest.raises(flat_folder.BadPattern, match="must have"):
        flat_folder.compiled(pattern, SECTION)
