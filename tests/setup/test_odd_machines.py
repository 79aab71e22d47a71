"""Other people's machines: umasks, names of folders, files of a learner's own, settings of other programs, terminals, homes that cannot be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.course.answer_cells import answer_name
from labkit.services.postgres import postgres
from tests.backends import why_not
from tests.faults.small_course import LAB, SECTION, light_course

pytestmark = pytest.mark.slow

LABKIT = str(Path(sys.executable).with_name("labkit"))
RIGHT, WRONG = "SELECT id, size FROM things WHERE size > 90", "SELECT id, sizes, '✓ ∑ 日本' FROM things"
HIJACKED = "raise SystemExit('a file of the learner\\'s own was imported')\n"


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    """A server that stays up, so that each check need not start one."""
    if reason := why_not("embedded"):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_BACKEND", "embedded")
        with postgres("learner", "embedded"):
            yield


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one, that a server's own user may pass through."""
    path = Path(tempfile.mkdtemp(prefix="odd-"))
    path.chmod(0o755)
    yield path
    subprocess.run(["chmod", "-R", "u+rwx", str(path)], check=True)
    shutil.rmtree(path)


def some(*values: Any, often: int = 2) -> list[Any]:
    """All of them in the long series; the first in every run."""
    return [*values[:often], *(pytest.param(value, marks=pytest.mark.full) for value in values[often:])]


def learner(folder: Path, answer: str = RIGHT) -> Path:
    """A learner's copy, with this answer in its one lab."""
    for name in ("exercises", "solutions", "graders"):
        shutil.copytree(light_course() / name, folder / name)
    path = folder / "exercises" / SECTION / f"{LAB}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if answer_name("".join(cell["source"])) == "first":
            cell["source"] = f"%%answer first\n{answer}"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return folder


def labkit(copy: Path, *words: str, **more: str | None) -> tuple[int, str]:
    """A command's exit status, and all that it said."""
    kept = {name: value for name, value in os.environ.items() if name != "LABKIT_COURSE"} | {"COLUMNS": "400"}
    environment = {name: value for name, value in (kept | more).items() if value is not None}
    done = subprocess.run([LABKIT, *words], cwd=copy, env=environment, capture_output=True, stdin=subprocess.DEVNULL)
    return done.returncode, (done.stdout + done.stderr).decode(errors="backslashreplace")


def passes(copy: Path, **more: str | None) -> str:
    """What `labkit check` says of a right answer. The status must be that of one."""
    status, said = labkit(copy, "check", LAB, **more)
    assert status == 0, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    "name",
    some("exam [WS 26]", "a::b", "100 % {done}", "Übung é 日本", "it's \"mine\"", "$HOME", "-k nothing", "[[a]*?", "a;b&c", "~"),
)  # fmt: skip
def test_whatever_the_folder_is_called(name: str, folder: Path):
    """pytest takes `[ ]` and `::` for a test's name, glob takes brackets for a pattern, and shells some others."""
    passes(learner(folder / name))


@pytest.mark.parametrize("mask", some(0o027, 0o077, 0o037, often=1))
def test_whatever_the_umask_is(mask: int, folder: Path):
    """Of root's files a server's own user can read what it must; each home is new."""
    copy = learner(folder / "course")
    before = os.umask(mask)
    try:
        passes(copy, TMPDIR=str(folder), LABKIT_HOME=str(folder / "new" / "home"))
        assert labkit(copy, "clean", TMPDIR=str(folder), LABKIT_HOME=str(folder / "new" / "home"))[0] == 0
    finally:
        os.umask(before)


def test_a_checkout_with_the_line_ends_of_windows(folder: Path):
    """As git makes it with core.autocrlf, on a disk that a Linux beside Windows shares."""
    copy = learner(folder / "course")
    for path in [*(copy / "graders").rglob("*"), *(copy / "exercises").rglob("*")]:
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    passes(copy)


MODULES = "queue email random json select statistics secrets pytest psycopg labkit conftest sitecustomize test typing"


@pytest.mark.parametrize("place", [f"exercises/{SECTION}", "."])
def test_a_learners_own_modules_are_not_the_courses(place: str, folder: Path):
    copy = learner(folder / "course")
    for name in MODULES.split():
        (copy / place / f"{name}.py").write_text(HIJACKED)
    (copy / place / "rich").mkdir()
    (copy / place / "rich" / "__init__.py").write_text(HIJACKED)
    passes(copy)
    status, said = labkit(copy, "doctor", "--quick")
    assert status == 0, said


SETTINGS: tuple[dict[str, str], ...] = (
    {"PGCLIENTENCODING": "LATIN1", "PGDATESTYLE": "SQL, DMY", "PGTZ": "Mars", "PGOPTIONS": "-c search_path=nowhere"},
    {"PGHOST": "db.example", "PGHOSTADDR": "127.0.0.9", "PGPORT": "1", "PGUSER": "me", "PGDATABASE": "production"},
    {"PGSERVICE": "production", "PGSERVICEFILE": "/nonexistent", "PGPASSFILE": "/nonexistent", "PGSSLMODE": "verify-full"},
    {"PGTARGETSESSIONATTRS": "read-only", "PGCONNECT_TIMEOUT": "soon", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none"},
    {"PYTEST_PLUGINS": "acme.testing", "PYTEST_ADDOPTS": "--nonsense -x", "PYTEST_DEBUG": "1"},
    {"PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "PYTHONHASHSEED": "random"},
    {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C", "LANG": "de_DE"},
    {"NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": "1", "PAGER": "false", "EDITOR": "false"},
    {"ALEMBIC_CONFIG": "/nonexistent", "FLYWAY_URL": "jdbc:x", "JAVA_TOOL_OPTIONS": "-Dx", "SQLALCHEMY_WARN_20": "1"},
    {"TZ": "Asia/Kathmandu", "LC_NUMERIC": "de_DE.UTF-8", "LC_TIME": "tr_TR.UTF-8", "PGTZ": "PST8PDT"},
)  # fmt: skip


@pytest.mark.parametrize("settings", some(*SETTINGS, often=3), ids=lambda settings: next(iter(settings)))
def test_the_users_own_settings_reach_no_verdict(settings: dict[str, str], folder: Path):
    """Neither what is judged under them, in a home whose data is made under them, nor what is judged without them afterwards."""
    copy, home = learner(folder / "course"), str(folder / "home")
    passes(copy, LABKIT_HOME=home, **settings)
    passes(copy, LABKIT_HOME=home)


@pytest.mark.parametrize("encoding", some("latin-1", "ascii", "cp1252", "utf-16-le", "koi8-r", often=1))
def test_a_terminal_that_has_not_all_characters_gets_escapes(encoding: str, folder: Path):
    """And the status is that of the answer."""
    copy = learner(folder / "Übung 日本", WRONG)
    for words, expected in ((("check", LAB), 1), (("check",), 1), (("doctor", "--quick"), 0), (("check", "日本"), 1)):
        status, said = labkit(copy, *words, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert (status, "Traceback" in said, "UnicodeEncodeError" in said) == (expected, False, False), said


COMMANDS = (
    ("check", LAB),
    ("doctor", "--quick"),
    ("doctor",),
    ("clean",),
    ("clean", "--cache"),
    ("verify", f"{SECTION}/{LAB}"),
)


@pytest.mark.parametrize(
    "home",
    some(
        "/sys/labkit",
        "/proc/1/labkit",
        "/dev/null",
        "/dev/null/labkit",
        "a file",
        "a link to nowhere",
        "x" * 300,
        often=1,
    ),
)
def test_a_home_that_cannot_be_written_is_a_line(home: str, folder: Path):
    copy = learner(folder / "course")
    (folder / "a file").write_text("")
    (folder / "a link to nowhere").symlink_to("/sys/nothing/there")
    for words in COMMANDS:
        status, said = labkit(copy, *words, LABKIT_HOME=str(folder / home))
        assert status, said
        assert "Traceback" not in said
        assert "report it" not in said
        assert "LABKIT_HOME" in said


@pytest.mark.parametrize("length", some(108, 240, 60, 107, 200, often=1))
def test_a_temporary_folder_with_a_long_path(length: int, folder: Path):
    """A socket's path has at most 107 bytes."""
    copy = learner(folder / "course")
    long = folder
    while (missing := length - len(str(long))) > 1:
        long /= "d" * min(missing - 1, 100)
    long.mkdir(parents=True, exist_ok=True)
    long.chmod(0o1777)
    passes(copy, TMPDIR=str(long), LABKIT_HOME=str(folder / "home"))


@pytest.mark.parametrize("temporary", some("/nonexistent", "/sys", "/dev/null", "a file", often=1))
def test_a_temporary_folder_that_is_none(temporary: str, folder: Path):
    """Python takes another one, and so do we."""
    (folder / "a file").write_text("")
    passes(learner(folder / "course"), TMPDIR=str(folder / temporary))
