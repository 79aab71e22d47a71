"""What people hand in besides notebooks, under which names, and what an examiner's folder comes to: from public reports of courses like this one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.small_course import ANSWERS, LAB, SECTION, SmallCourse

pytestmark = [pytest.mark.nbgrader, pytest.mark.slow]
RIGHT = ANSWERS[0][0]


@pytest.fixture
def exam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallCourse:
    """With one honest student, who sorts last."""
    monkeypatch.setenv("LABKIT_BACKEND", "embedded")
    made = SmallCourse(tmp_path / "exam")
    made.submit("zoe", RIGHT)
    return made


def put(exam: SmallCourse, path: str, data: bytes | None = None) -> None:
    """A file below `submitted/`: Ada's right answer unless it is something else."""
    file = exam.exam / "submitted" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(json.dumps(exam.notebook(RIGHT)).encode() if data is None else data)


def graded(exam: SmallCourse, *options: str) -> tuple[int, str]:
    process = exam.start("-m", "labkit", "grade", SECTION, "--jobs", "1", *options)
    said, _ = process.communicate()
    assert "Traceback" not in said, said
    return process.returncode, said


ELSEWHERE = {  # where Ada's notebook came to lie -> what the line about it says
    f"ada/{SECTION}/{LAB} (1).ipynb": f"rename it to {LAB}.ipynb",
    f"bea/{SECTION}/Copy of {LAB}.ipynb": f"rename it to {LAB}.ipynb",
    f"cid/{SECTION}/{LAB}-Copy1.ipynb": f"rename it to {LAB}.ipynb",
    f"dan/{SECTION}/{LAB.upper()}.ipynb": f"rename it to {LAB}.ipynb",
    f"eli/{SECTION}/{LAB}.ipynb.txt": f"rename it to {LAB}.ipynb",
    f"fay/{SECTION}/{LAB}.IPYNB": f"rename it to {LAB}.ipynb",
    f"gus/{SECTION}/{SECTION}/{LAB}.ipynb": f"move it into {SECTION}/",
    f"hal/{LAB}.ipynb": f"move it into {SECTION}/",
    f"ian/{SECTION}.zip": "unpack it",
    f"jon/{SECTION}/work.tar.gz": "unpack it",
}


def test_a_notebook_under_another_name_or_in_another_place_is_told_with_what_to_do(exam: SmallCourse):
    """It is nobody's zero: each such student is named, has no mark, and the run does not end as a good one."""
    for path in ELSEWHERE:
        put(exam, path, b"PK" if path.endswith(("zip", "gz")) else None)
    status, said = graded(exam)
    assert status == 1, said
    assert exam.marks() == {"zoe": 2.0}
    for path, todo in ELSEWHERE.items():
        line = next((one for one in said.splitlines() if one.startswith(f"{path.partition('/')[0]}: ")), "")
        assert todo in line, (path, said)


def test_beside_the_right_notebook_such_a_copy_is_only_told(exam: SmallCourse):
    put(exam, f"zoe/{SECTION}/{LAB}-Copy1.ipynb")
    status, said = graded(exam)
    assert status == 0, said
    assert f"{LAB}-Copy1.ipynb" in said


def test_a_notebook_whose_name_is_no_text_costs_nobody_a_mark(exam: SmallCourse):
    """Linux lets a name hold any bytes; nbgrader's gradebook does not."""
    put(exam, os.fsdecode(f"zoe/{SECTION}/".encode() + b"Entw\xfcrfe.ipynb"))
    status, said = graded(exam)
    assert status == 0, said
    assert exam.marks() == {"zoe": 2.0}
    assert "is no lab of" in said


@pytest.mark.parametrize("how", ["labkit", pytest.param("nbgrader", marks=pytest.mark.full)])
def test_what_lies_beside_a_notebook_stops_neither_marks_nor_feedback(how: str, exam: SmallCourse):
    """An exported page of the same name would stand in the place of the feedback."""
    for name in (
        f"{LAB}.html",
        f"{LAB}.py",
        f"{LAB}.pdf",
        "data/x.csv",
        "Thumbs.db",
        "desktop.ini",
        ".env",
        f".~{LAB}.ipynb",
    ):
        put(exam, f"zoe/{SECTION}/{name}", b"\x00\xff of zoe's")
    if how == "labkit":
        assert graded(exam)[0] == 0
    else:
        exam.nbgrader("autograde", SECTION)
    exam.nbgrader("generate_feedback", SECTION)
    assert exam.marks() == {"zoe": 2.0}
    page = (exam.exam / "feedback" / "zoe" / SECTION / f"{LAB}.html").read_text(encoding="utf-8")
    assert "of zoe's" not in page
    assert "The query finds every large thing" in page


NAMES = (
    "O'Brien", "Lee, Ada", "ada+ben", "ada@uni.example", "100 %d", "ada.lee", "null", "0", "Ada  Lee", "N\u0303u\u0148ez \u6797", "a" * 100, "submitted",
    'Bobby "Tables"); --', "a&b<i>", "%s", "$HOME", "~root", "Ada:Lee", "ada;id", "ada|id", "#1", "=1+1", "ADA.LEE",
)  # fmt: skip


def test_whatever_the_students_are_called(exam: SmallCourse):
    """Marks, feedback, report and exports of each; or a line that says which folder to rename."""
    for name in NAMES:
        put(exam, f"{name}/{SECTION}/{LAB}.ipynb")
    _, said = graded(exam)
    refused = {name for name in NAMES if f"submitted/{name}: this cannot be a student's name" in said}
    assert refused <= {"$HOME", "~root", "#1", "=1+1", 'Bobby "Tables"); --', "%s"}, said
    assert exam.marks() == dict.fromkeys({*NAMES, "zoe"} - refused, 2.0)
    exam.nbgrader("generate_feedback", SECTION)
    assert {path.name for path in (exam.exam / "feedback").iterdir()} == {*NAMES, "zoe"} - refused
    exam.labkit("report", SECTION)
    for form in ("csv", "json", "moodle", "canvas"):
        exam.labkit("export", SECTION, "--format", form)


def test_a_fault_of_the_course_is_told_once_whatever_the_name(exam: SmallCourse):
    exam.submit("Lee, Ada", "-- kill the checker")
    status, said = graded(exam)
    assert status == 1
    assert "Lee, Ada, light: not graded: " in said
    assert "no mark" not in said


def emptied(book: Path) -> None:
    book.write_bytes(b"")


def scrambled(book: Path) -> None:
    book.write_bytes(os.urandom(20_000))


def cut(book: Path) -> None:
    os.truncate(book, book.stat().st_size // 2)


def without_the_section(book: Path) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{book}") as gradebook:
        gradebook.remove_assignment(SECTION)


def without_a_table(book: Path) -> None:
    with sqlite3.connect(book) as gradebook:
        gradebook.execute("DROP TABLE grade_cell")


def as_a_folder(book: Path) -> None:
    book.unlink()
    book.mkdir()


def of_a_newer_nbgrader(book: Path) -> None:
    with sqlite3.connect(book) as gradebook:
        gradebook.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")


BOOKS = (emptied, scrambled, cut, without_the_section, without_a_table, as_a_folder, of_a_newer_nbgrader)


@pytest.mark.parametrize("damage", [*BOOKS[:2], *(pytest.param(one, marks=pytest.mark.full) for one in BOOKS[2:])])
def test_a_damaged_gradebook_is_a_line_and_costs_no_verdict(damage: Callable[[Path], None], exam: SmallCourse):
    """What the line says to do is enough."""
    book = exam.exam / "gradebook.db"
    damage(book)
    status, said = graded(exam)
    for words in (("report", SECTION), ("export", SECTION, "--format", "csv")):
        told = exam.start("-m", "labkit", *words).communicate()[0]
        assert "Traceback" not in told, told
    if status == 0:
        assert exam.marks() == {"zoe": 2.0}
        return
    assert "labkit course" in said, said
    shutil.rmtree(book) if book.is_dir() else book.unlink()
    exam.labkit("course", ".")
    assert "0 judged, 1 judged before" in exam.grade()
    assert exam.marks() == {"zoe": 2.0}


@pytest.mark.full
@pytest.mark.parametrize(
    ("file", "contents"),
    [
        ("audit.jsonl", [b"[]\n7\nnull\n{}\n\"x\"\n", b"\xff\xfe\x00\n{\"student\": 1}\n", b"{\"student\": \"zoe\"", b"\0" * 5000]),
        ("lms-numbers.json", [b"[]", b"null", b'{"ada": 7}', b'{"ada": ["x"]}', b"\xff"]),
        ("verdicts", [b"[]", b"{}", b"[7]", b"null", b'[{"check": 1}]', b"\xff\xfe", b""]),
    ],
    ids=["audit trail", "numbers of the LMS", "kept verdicts"],
)  # fmt: skip
def test_a_file_of_our_own_that_a_full_disk_or_an_editor_left_stops_nothing(
    file: str, contents: list[bytes], exam: SmallCourse, tmp_path: Path
):
    """What cannot be understood counts as not there."""
    graded(exam)
    export = tmp_path / "export"
    export.mkdir()
    (export / f"Ada Lee_11_x_{LAB}.ipynb").write_text(json.dumps(exam.notebook(RIGHT)))
    for content in contents:
        place = exam.exam / ".labkit" / file
        for path in [place] if file != "verdicts" else list(place.rglob("*.json")):
            path.write_bytes(content)
        status, said = graded(exam, "--from", str(export), "--name-pattern", "{student}_*_x_{lab}.ipynb")
        assert status == 0, said
        assert exam.marks() == {"zoe": 2.0, "Ada Lee": 2.0}
        exam.labkit("report", SECTION)


@pytest.mark.parametrize(
    ("words", "said"),
    [((f"{SECTION}/",), ""), (("91-databse",), SECTION), ((f"{SECTION}/{LAB}",), SECTION), (("..",), SECTION)],
)
def test_a_section_as_a_shell_completes_it(words: tuple[str, ...], said: str, exam: SmallCourse):
    for command in ("grade", "report", "audit"):
        process = exam.start("-m", "labkit", command, *words)
        told, _ = process.communicate()
        assert "Traceback" not in told
        assert (process.returncode == 0) == (not said), told
        assert said in told


def without_submitted(exam: SmallCourse) -> None:
    shutil.rmtree(exam.exam / "submitted")


def submitted_is_a_file(exam: SmallCourse) -> None:
    without_submitted(exam)
    (exam.exam / "submitted").write_text("")


def labkit_is_a_file(exam: SmallCourse) -> None:
    (exam.exam / ".labkit").write_text("")


def no_configuration(exam: SmallCourse) -> None:
    (exam.exam / "nbgrader_config.py").unlink()


def broken_configuration(exam: SmallCourse) -> None:
    (exam.exam / "nbgrader_config.py").write_text("c = get_config(\n")


@pytest.mark.parametrize(
    "broken", [without_submitted, submitted_is_a_file, labkit_is_a_file, no_configuration, broken_configuration]
)
def test_an_examiners_folder_that_is_none_is_a_line(broken: Callable[[SmallCourse], None], exam: SmallCourse):
    broken(exam)
    status, said = graded(exam)
    assert status == 1, said
    assert len(said.strip().splitlines()) <= 4, said
    assert exam.marks() in ({}, {"zoe": 2.0})


def test_a_submitted_folder_that_is_a_link_is_a_folder(exam: SmallCourse, tmp_path: Path):
    """On a shared disk."""
    (exam.exam / "submitted").rename(tmp_path / "shared")
    (exam.exam / "submitted").symlink_to(tmp_path / "shared")
    assert graded(exam)[0] == 0
    assert exam.marks() == {"zoe": 2.0}


LIMITS = ("ulimit -n 128; umask 077; unset PWD", "ulimit -c 0; ulimit -s 1024", "exec <&-", "exec 2>&-", "cd /")


@pytest.mark.parametrize("limits", [LIMITS[0], *(pytest.param(one, marks=pytest.mark.full) for one in LIMITS[1:])])
def test_batch_systems_and_cron(limits: str, exam: SmallCourse):
    """Few files, no standard streams, no HOME, no name."""
    kept = {
        name: exam.environment[name]
        for name in ("PATH", "LABKIT_HOME", "LABKIT_COURSE", "PYTHONPATH", "TMPDIR", "LABKIT_BACKEND")
    }
    command = f'{limits}; exec "{sys.executable}" -m labkit grade {SECTION} --jobs 1 --course "{exam.exam}"'
    done = subprocess.run(["bash", "-c", command], cwd=exam.exam, env=kept, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert exam.marks() == {"zoe": 2.0}


ODD_TEXTS = {  # worth all points, or none without blame for the course
    f"{RIGHT}\r\n": 2.0, RIGHT.replace(" ", "\r\n"): 2.0, RIGHT.replace(" ", "\t \f"): 2.0, f"\n\n{RIGHT} ;\n\n": 2.0,
    f"{RIGHT} -- \u200b\u202e\ufeff": 2.0, f"{RIGHT} /* \U0001f600 \\ud83d ' */": 2.0, f"{RIGHT};;": 2.0,
    f"\ufeff{RIGHT}": 0.0, RIGHT.replace(" ", "\u00a0"): 0.0, f"{RIGHT}\x00": 0.0, f"{RIGHT} \u2018x\u2019": 0.0, "\x00": 0.0, "\u2028": 0.0,
    "%" * 10 + "s {x} %(y)s": 0.0, "\\copy things to /tmp/x": 0.0, "`" + RIGHT + "`": 0.0,
}  # fmt: skip


def test_odd_characters_are_judged_as_what_they_are(exam: SmallCourse):
    """As a word processor, another system's editor or a chat make them of an answer: never a fault of the course, never a lost mark."""
    for number, text in enumerate(ODD_TEXTS):
        exam.submit(f"s{number:02}", text)
    status, said = graded(exam)
    assert status == 0, said
    got = exam.marks()
    wrong = {
        repr(text): got.get(f"s{n:02}")
        for n, (text, worth) in enumerate(ODD_TEXTS.items())
        if got.get(f"s{n:02}") != worth
    }
    assert wrong == {}, "points got"


ODD_JSON = (  # what replaces the number of the notebook's minor version, wherever JSON allows it
    "NaN", "-Infinity", "1e999", "9" * 4000, "9" * 5000, '{"a": NaN}', '"\\ud83d"', '{"a": 1, "a": 2}', "4.0", "true",
)  # fmt: skip


def test_numbers_that_no_program_writes(exam: SmallCourse):
    text = json.dumps(exam.notebook(RIGHT))
    at = text.index('"nbformat_minor": ') + len('"nbformat_minor": ')
    end = next(n for n in range(at, len(text)) if not text[n].isdigit())
    for number, odd in enumerate(ODD_JSON):
        put(exam, f"s{number:02}/{SECTION}/{LAB}.ipynb", (text[:at] + odd + text[end:]).encode())
    _, said = graded(exam)
    got = exam.marks()
    for number, odd in enumerate(ODD_JSON):
        assert got.get(f"s{number:02}") == 2.0 or f"s{number:02}: " in said, odd[:30]
    assert len(got) == len(ODD_JSON) + 1
