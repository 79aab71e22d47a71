"""Notebooks as an LMS exports them: whose is which, what is left out and said, and no way out of `submitted/`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labkit.gradebook import flat_folder

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


MOODLE = "{student}_*_assignsubmission_file_{lab}.ipynb"
FOLDERS = "{student}_*_assignsubmission_file/{lab}.ipynb"
CANVAS = "{student}_*_{lab}*.ipynb"
TWO = {
    "moodle": (MOODLE, "Ada Lee_{n}_assignsubmission_file_{lab}.ipynb", "Ada Lee"),
    "moodle-folders": (FOLDERS, "Ada Lee_{n}_assignsubmission_file/{lab}.ipynb", "Ada Lee"),
    "canvas": (CANVAS, "leeada_{n}_99_{lab}.ipynb", "leeada"),
    "canvas-late": (CANVAS, "leeada_LATE_{n}_99_{lab}-1.ipynb", "leeada"),
}


@pytest.mark.parametrize("kind", TWO)
def test_two_people_of_one_name_are_two_students(export, kind):
    """By the number in the file's name; and the same ones when the export comes again, or with a third."""
    pattern, name, student = TWO[kind]
    for number in (11, 12):
        put(export, name.format(n=number, lab=LAB), f"of {number}", when=1_000_000_000 + number)
    lines = list(flat_folder.hand_in(export, pattern, SECTION))
    assert any(line.startswith(f"{student}: there are several people of this name") for line in lines)
    assert not any("replaces" in line for line in lines)
    two = {f"submitted/{student}-{n}/{SECTION}/{LAB}.ipynb": f"of {n}" for n in (11, 12)}
    assert {path: text for path, text in handed_in().items() if path.endswith("ipynb")} == two
    put(export, name.format(n=13, lab=LAB), "of 13", when=1_000_000_013)
    list(flat_folder.hand_in(export, pattern, SECTION))
    three = two | {f"submitted/{student}-13/{SECTION}/{LAB}.ipynb": "of 13"}
    assert {path: text for path, text in handed_in().items() if path.endswith("ipynb")} == three


def test_somebody_of_the_same_name_who_comes_later_is_another_student(export):
    first = put(export, f"Ada Lee_11_assignsubmission_file_{LAB}.ipynb", "of 11")
    list(flat_folder.hand_in(export, MOODLE, SECTION))
    first.unlink()
    put(export, f"Ada Lee_12_assignsubmission_file_{LAB}.ipynb", "of 12", when=2_000_000_000)
    list(flat_folder.hand_in(export, MOODLE, SECTION))
    assert handed_in()[f"submitted/Ada Lee/{SECTION}/{LAB}.ipynb"] == "of 11"
    assert handed_in()[f"submitted/Ada Lee-12/{SECTION}/{LAB}.ipynb"] == "of 12"


def test_one_person_has_another_number_in_another_assignment(export):
    """Moodle numbers the participants of each assignment anew."""
    put(export, f"Ada Lee_11_assignsubmission_file_{LAB}.ipynb").with_suffix(".ipynb")
    list(flat_folder.hand_in(export, MOODLE, SECTION))
    (export / f"Ada Lee_11_assignsubmission_file_{LAB}.ipynb").unlink()
    put(export, "Ada Lee_21_assignsubmission_file_right-index.ipynb")
    assert list(flat_folder.hand_in(export, MOODLE, SECTION)) == []
    assert {Path(path).parts[1] for path in handed_in()} == {"Ada Lee"}


@pytest.mark.parametrize(
    ("one", "other"), [("Zo\u00e9", "Zoe\u0301"), ("\u00c5sa", "A\u030asa"), ("\ud55c", "\u1112\u1161\u11ab")]
)
def test_two_spellings_of_one_name_are_one_student(export, one, other):
    put(export, f"{one}_{LAB}.ipynb", "one")
    put(export, f"{other}_right-index.ipynb", "other", when=1_000_000_100)
    list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION))
    assert {Path(path).parts[1] for path in handed_in()} == {one}


@pytest.fixture
def machine_in(monkeypatch) -> Iterator[Callable[[str], None]]:
    """Puts this machine into a zone, for one test."""

    def put_into(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put_into
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("here", ["UTC", "America/Los_Angeles", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    ("zone", "clock", "utc"),
    [
        ("Europe/Berlin", datetime(2031, 7, 1, 10), "2031-07-01 08:00:00"),
        ("Europe/Berlin", datetime(2031, 1, 1, 10), "2031-01-01 09:00:00"),
        ("America/New_York", datetime(2031, 1, 1, 20), "2031-01-02 01:00:00"),
        ("Asia/Kathmandu", datetime(2031, 1, 1, 0, 15), "2030-12-31 18:30:00"),
        ("UTC", datetime(2031, 2, 28, 23, 59, 59), "2031-02-28 23:59:59"),
    ],
)
def test_times_are_of_the_zone_that_the_examiner_names(export, machine_in, here, zone, clock, utc):
    """An archive keeps what the clock showed; unpacking takes it for this machine's zone."""
    machine_in(here)
    put(export, f"ada_{LAB}.ipynb", when=clock.timestamp())
    times = flat_folder.Times(zone)
    list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION, times))
    assert handed_in()[f"submitted/ada/{SECTION}/timestamp.txt"] == f"{utc} UTC\n"
    assert zone in times.told()


@pytest.mark.parametrize("zone", ["Mars", "Europe/", "../../etc/passwd", "/etc/localtime", "x" * 300, "CET 1", "\0"])
def test_what_is_no_zone_is_told(export, zone):
    put(export, f"ada_{LAB}.ipynb")
    with pytest.raises(flat_folder.BadPattern, match="no time zone"):
        list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION, flat_folder.Times(zone)))
    assert handed_in() == {}


@pytest.mark.parametrize(
    ("seconds", "is_one_time"),
    [((0, 0, 0), True), ((0, 0.4, 0.9), True), ((0, 0, 2), False), ((0,), False), ((0, 3600), False)],
)
def test_one_time_of_all_files_is_no_time_of_handing_in(export, seconds, is_one_time):
    """An unpacking program that does not keep times gives all of them its own."""
    for number, second in enumerate(seconds):
        put(export, f"ada{number}_{LAB}.ipynb", str(number), when=1_000_000_000 + second)
    lines = list(flat_folder.hand_in(export, flat_folder.PATTERN, SECTION))
    assert any("all files have the same time" in line for line in lines) == is_one_time
    assert any(path.endswith("timestamp.txt") for path in handed_in()) != is_one_time


@pytest.mark.parametrize(
    ("name", "is_late"),
    [
        ("leeada_LATE_1_9_{lab}", True), ("leeada_LATE_1_9_{lab}-2", True), ("leeada_1_9_{lab}", False), ("leeada_1_9_{lab}-LATE", False),
        ("latelee_1_9_{lab}", False), ("LATEada_1_9_{lab}", False), ("late_1_9_{lab}", False),
    ],
)  # fmt: skip
def test_what_canvas_says_of_lateness_counts(export, name, is_late):
    """Not the files' times, which are half an hour on the other side of the due date."""
    due = datetime(2031, 1, 1, 10)  # in UTC, as nbgrader keeps it
    seconds = due.replace(tzinfo=UTC).timestamp()
    put(export, f"{name.format(lab=LAB)}.ipynb", "x", when=seconds + (-1800 if is_late else 1800))
    put(export, f"zoe_LATE_3_9_{LAB}.ipynb", "late", when=seconds - 7200)  # so that it is an export that tells
    lines = list(flat_folder.hand_in(export, CANVAS, SECTION, flat_folder.Times(due=due)))
    student = name.partition("_")[0]
    assert (f"{student}: handed in late, as the file's name says" in lines) == is_late
    expected = "2031-01-01 10:00:01" if is_late else "2031-01-01 10:00:00"
    assert handed_in()[f"submitted/{student}/{SECTION}/timestamp.txt"] == f"{expected} UTC\n"
