"""What was saved comes back: elsewhere, in a newer course, and nothing that it replaces is lost."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from labkit import cli
from labkit.course import CourseError, root
from labkit.notebook import keepsake, progress, saved

ANSWER = "SELECT 'ü', 1 -- ½\n\nFROM t"


def write(lab, text):
    """An answer into the saved notebook."""
    path = root() / lab.exercise
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if "".join(cell["source"]).startswith("%%answer dear"):
            cell["source"] = f"%%answer dear\n{text}"
    path.write_text(json.dumps(notebook))


@pytest.fixture
def notebook(lab):
    """The lab's notebook as it is released; it is put back."""
    path = root() / lab.exercise
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def test_what_was_saved_comes_back(lab, notebook):
    """Answer, points, hints; the notebook of a new machine is as it is released."""
    released = notebook.read_bytes()
    write(lab, ANSWER)
    progress.record(lab, "dear", progress.earned(2, 3))
    progress.record(lab, "dear", progress.hint_seen("test_x", 2))
    data = keepsake.save()
    assert len(data) < 2_000
    notebook.write_bytes(released)
    progress.path().unlink()
    done = keepsake.restore(data)
    assert (done.answers, done.lines) == (1, [])
    assert saved.answers(notebook, ["dear"]) == {"dear": ANSWER}
    kept = progress.read()[lab.key]["dear"]
    assert (kept["earned"], kept["hints"]) == (2, {"test_x": 2})


def test_what_is_as_given_is_not_saved(lab, notebook):
    """So it never replaces an answer."""
    assert "dear" not in json.loads(keepsake.save())["answers"][lab.key]


def test_a_restore_can_be_taken_back(lab, notebook):
    """Another answer that stood there, and what was reached since."""
    write(lab, ANSWER)
    data = keepsake.save()
    write(lab, "SELECT 2")
    before = notebook.read_bytes()
    progress.record(lab, "dear", progress.earned(1, 3))
    reached = progress.path().read_bytes()
    assert keepsake.restore(data).answers == 1
    assert keepsake.undo() == 2
    assert (notebook.read_bytes(), progress.path().read_bytes()) == (before, reached)
    assert keepsake.undo() == 2  # an undo can be taken back, too
    assert saved.answers(notebook, ["dear"]) == {"dear": ANSWER}


def test_the_best_of_both_counts(lab, notebook):
    """A restore takes no points away, and no hint is unseen."""
    progress.record(lab, "dear", progress.earned(1, 3))
    progress.record(lab, "dear", progress.hint_seen("test_x", 1))
    data = keepsake.save()
    progress.record(lab, "dear", progress.earned(3, 3))
    progress.record(lab, "dear", progress.hint_seen("test_y", 2))
    keepsake.restore(data)
    kept = progress.read()[lab.key]["dear"]
    assert (kept["earned"], kept["hints"]) == (3, {"test_x": 1, "test_y": 2})


def test_what_no_longer_fits_is_named(lab, notebook):
    """A lab and an answer of another version of the course."""
    write(lab, ANSWER)
    work = json.loads(keepsake.save())
    work["answers"] = {lab.key: {"gone": "SELECT 1", "dear": "SELECT 3"}, "91-databases/older": {"x": "SELECT 1"}}
    done = keepsake.restore(json.dumps(work).encode())
    assert done.answers == 1
    assert done.lines == [
        f"{lab.title}: there is no cell for the answer gone; it stays in the file.",
        "91-databases/older is no lab of this course; its answers stay in the file.",
    ]


NO_WORK = {
    "empty": b"",
    "cut": b"{",
    "a list": b"[]",
    "no UTF-8": b"\xff\xfe{",
    "no texts": b'{"format": "labkit work 1", "answers": {"x": {"y": 1}}}',
    "deep": b"[" * 100_000,
    "no progress": b'{"format": "labkit work 1", "answers": {}, "progress": {"x": {"y": {}}}}',
    "large": b" " * 2_000_001,
}


@pytest.mark.parametrize("data", NO_WORK.values(), ids=list(NO_WORK))
def test_what_is_no_saved_work_changes_nothing(lab, notebook, data):
    """With a line that says so."""
    before = notebook.read_bytes()
    with pytest.raises(CourseError, match="Take a file that `labkit save`"):
        keepsake.restore(data)
    assert notebook.read_bytes() == before
    assert not progress.path().exists()


def test_in_a_terminal(lab, notebook, tmp_path):
    """Save, restore, undo; a file is not overwritten."""
    write(lab, ANSWER)
    file = str(tmp_path / "work.json")
    run = CliRunner()
    assert run.invoke(cli.main, ["save", file]).exit_code == 0
    assert "is there already" in run.invoke(cli.main, ["save", file]).output
    write(lab, "SELECT 2")
    assert run.invoke(cli.main, ["restore", file]).output.startswith("1 answer brought back.\n")
    assert run.invoke(cli.main, ["restore", "--undo"]).output == "1 file as before.\n"
    assert run.invoke(cli.main, ["restore"]).exit_code == 2
    assert saved.answers(notebook, ["dear"]) == {"dear": "SELECT 2"}
