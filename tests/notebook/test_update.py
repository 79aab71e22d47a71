"""`labkit update`: what was begun stays and is told what is new in it; all else is new; one undo brings back what was replaced."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit import cli, course

TINY = Path(__file__).parent / "tiny"
EXERCISE = Path("exercises/91-databases/tiny.ipynb")
MINE = "SELECT id FROM item -- mine"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The learner's copy."""
    folder = give(tmp_path / "here")
    monkeypatch.setenv("LABKIT_COURSE", str(folder))
    course.root.cache_clear()
    yield folder
    course.root.cache_clear()


@pytest.fixture
def newer(tmp_path) -> Path:
    """The same course later: other checks, another text and another answer in the lab, and a file that is new."""
    folder = give(tmp_path / "newer")
    (folder / "graders/91-databases/tiny.sql").write_text("-- newer\n")
    (folder / "docs").mkdir()
    (folder / "docs/new.md").write_text("new\n")
    with changed(folder / EXERCISE) as notebook:
        notebook["cells"].insert(0, {"cell_type": "markdown", "id": "t", "metadata": {}, "source": "A new task."})
        answers = notebook["metadata"]["lab"]["answers"]
        answers.append({**answers[-1], "name": "third", "given": "-- your SQL here"})
        notebook["cells"].append(
            {
                "cell_type": "code",
                "id": "third",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": "%%answer third\n-- your SQL here",
            }
        )
    return folder


def give(folder: Path) -> Path:
    """The small course as `labkit release` makes it."""
    shutil.copytree(TINY, folder)
    with changed(folder / EXERCISE) as notebook:
        texts = {"index": "CREATE INDEX ON item (word)", "dear": "-- your SQL here"}
        for answer in notebook["metadata"]["lab"]["answers"]:
            answer["given"] = texts[answer["name"]]
    return folder


class changed:
    """A notebook's JSON, written when the block ends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self):
        self.notebook = json.loads(self.path.read_text())
        return self.notebook

    def __exit__(self, *_):
        self.path.write_text(json.dumps(self.notebook))


def begin(folder: Path) -> bytes:
    """An answer in the lab; the notebook with it."""
    with changed(folder / EXERCISE) as notebook:
        cell = next(cell for cell in notebook["cells"] if "".join(cell["source"]).startswith("%%answer dear"))
        cell["source"] = f"%%answer dear\n{MINE}"
    return (folder / EXERCISE).read_bytes()


def run(*words: str) -> str:
    result = CliRunner().invoke(cli.main, ["update", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_what_was_begun_stays_with_a_line_that_says_what_is_new(here, newer):
    mine = begin(here)
    told = run(str(newer))
    assert (here / EXERCISE).read_bytes() == mine
    assert "you have begun it, so its notebook stays. New in it: the answer third, 1 text. " in told
    assert "labkit update --take 91-databases/tiny" in told
    assert (here / "graders/91-databases/tiny.sql").read_text() == "-- newer\n"
    assert (here / "docs/new.md").exists()


def test_what_was_not_begun_becomes_new(here, newer):
    assert run(str(newer)).startswith("3 files new.\n")
    assert (here / EXERCISE).read_bytes() == (newer / EXERCISE).read_bytes()
    assert run(str(newer)) == "The course is the newest already.\n"


def test_an_update_can_be_taken_back(here, newer):
    def course():
        return {p: p.read_bytes() for p in here.rglob("*") if p.is_file() and ".labkit" not in p.parts}

    before = course()
    run(str(newer))
    updated = course()
    assert run("--undo") == "3 files as before.\n"
    assert course() == before  # what is new in the course is gone, too
    run("--undo")
    assert course() == updated


def test_the_new_notebook_can_be_taken_with_the_answers(here, newer):
    mine = begin(here)
    run(str(newer))
    assert run("--take", "tiny") == "A tiny lab is the new one, with 1 answer of yours in it.\n"
    text = (here / EXERCISE).read_text()
    assert "A new task." in text
    assert MINE in text
    assert "%%answer third" in text
    run("--undo")
    assert (here / EXERCISE).read_bytes() == mine


def test_nothing_of_ones_own_is_touched(here, newer):
    """Files beside the course, progress, what git keeps; nor what another copy has of that."""
    own = {
        here / ".labkit/progress.json": "{}",
        here / "my notes.txt": "mine",
        here / "exercises/91-databases/mine.ipynb": "{}",
    }
    for path, text in own.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (newer / ".labkit").mkdir()
    (newer / ".labkit/progress.json").write_text("theirs")
    run(str(newer))
    assert {path: path.read_text() for path in own} == own


def test_a_folder_without_a_course_changes_nothing(here, tmp_path):
    (tmp_path / "empty").mkdir()
    result = CliRunner().invoke(cli.main, ["update", str(tmp_path / "empty")])
    assert result.exit_code == 1
    assert "has no exercises/ and graders/" in result.output


def test_a_copy_that_is_no_clone_says_what_to_do(here):
    result = CliRunner().invoke(cli.main, ["update"])
    assert result.exit_code == 1
    assert "labkit update FOLDER" in result.output


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    return subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(here, newer, tmp_path):
    """A clone of the course, and what is pushed to its origin meanwhile."""
    origin = tmp_path / "origin"
    shutil.copytree(here, origin)
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "first")
    shutil.rmtree(here)
    git(tmp_path, "clone", "--quiet", f"file://{origin}", str(here))
    (here / ".git/info/exclude").write_text(".labkit/\n")
    shutil.copytree(newer, origin, dirs_exist_ok=True)
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "second")
    return here


def test_from_git(clone):
    """Then git shows just what stayed as changed."""
    mine = begin(clone)
    assert "so its notebook stays" in run()
    assert (clone / EXERCISE).read_bytes() == mine
    assert git(clone, "status", "--short") == f" M {EXERCISE}\n"
    assert run() != ""
    assert (clone / EXERCISE).read_bytes() == mine


def test_ones_own_commits_are_not_overwritten(clone):
    (clone / "own.txt").write_text("mine")
    git(clone, "add", "own.txt")
    git(clone, "commit", "--quiet", "-m", "own")
    result = CliRunner().invoke(cli.main, ["update"])
    assert result.exit_code == 1
    assert "commits of its own" in result.output
