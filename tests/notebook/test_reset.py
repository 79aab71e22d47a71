"""`labkit reset`: a lab as it was given, and back; what the learner wrote beside the answers stays."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from labkit import cli, course
from labkit.notebook import keepsake, progress
from labkit.notebook.exercise_file import ExerciseFile

GIVEN = {"index": "CREATE INDEX ON item (word)", "dear": "SELECT id\nFROM item\n-- your SQL here"}
MINE = "SELECT id FROM item -- mine"


def run(*words: str) -> str:
    """What a command prints; it must succeed."""
    result = CliRunner().invoke(cli.main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def notebook(lab):
    """The lab's notebook as `labkit release` makes it, with an answer that is given in part; it is put back."""
    path = course.root() / lab.exercise
    before = path.read_bytes()
    content = json.loads(before)
    for answer in content["metadata"]["lab"]["answers"]:
        answer["given"] = GIVEN[answer["name"]]
    path.write_text(json.dumps(content))
    type_in(path, "dear", GIVEN["dear"])
    yield path
    path.write_bytes(before)


def type_in(path, answer, text):
    """Another text into an answer's cell."""

    def write(found):
        for cell in found:
            if "".join(cell["source"]).startswith(f"%%answer {answer}"):
                cell.update(source=f"%%answer {answer}\n{text}", execution_count=3)

    change(path, write)


def cells(path):
    return json.loads(path.read_text())["cells"]


def change(path, act):
    content = json.loads(path.read_text())
    act(content["cells"])
    path.write_text(json.dumps(content))


def texts(path):
    return ["".join(cell["source"]) for cell in cells(path)]


def test_a_lab_is_as_given_again_and_back(notebook):
    released = texts(notebook)
    type_in(notebook, "dear", MINE)
    mine = notebook.read_bytes()
    said = run("reset", "tiny")
    assert said.startswith("A tiny lab: 1 answer put back as given (dear).\n")
    assert "labkit reset 91-databases/tiny --undo" in said
    assert texts(notebook) == released
    assert not any(cell.get("execution_count") for cell in cells(notebook))
    assert run("reset", "tiny", "--undo").startswith("A tiny lab: as before.")
    assert notebook.read_bytes() == mine
    run("reset", "tiny", "--undo")  # the undo can be taken back, too
    assert texts(notebook) == released


def test_an_exercise_of_an_older_course_gets_a_comment(lab):
    """It does not say what was given."""
    path = course.root() / lab.exercise
    before = path.read_bytes()
    type_in(path, "dear", MINE)
    assert "(index, dear)" in run("reset", "tiny")
    assert "%%answer dear\n# your SQL here" in texts(path)
    path.write_bytes(before)


def test_nothing_to_do_keeps_the_last_undo(notebook):
    """A second reset does not replace what the first one kept."""
    type_in(notebook, "index", MINE)
    run("reset", "tiny")
    assert run("reset", "tiny") == "A tiny lab: every answer is as it was given.\n"
    run("reset", "tiny", "--undo")
    assert MINE in notebook.read_text()


def test_there_may_be_no_reset(notebook):
    assert run("reset", "tiny", "--undo") == "A tiny lab has no reset to take back.\n"


def test_what_is_ones_own_stays(lab, notebook):
    """Cells beside the answers, points and hints; a lost answer's cell comes back before its check."""
    progress.record(lab, "dear", progress.earned(2, 3))
    reached = progress.read()
    note = {"cell_type": "markdown", "id": "n", "metadata": {}, "source": "my note"}

    def spoil(found):
        found[:] = [note, *(cell for cell in found if "%%answer dear" not in "".join(cell["source"]))]

    change(notebook, spoil)
    assert "(dear)" in run("reset", "tiny")
    found = texts(notebook)
    assert found[0] == "my note"
    assert found.index(f"%%answer dear\n{GIVEN['dear']}") == len(found) - 2  # its check comes last
    assert ExerciseFile(course.find("tiny")).begun() == {}
    assert progress.read() == reached


def test_given_in_part_is_not_begun(lab, notebook):
    """So it is not saved, and never replaces an answer elsewhere."""
    assert json.loads(keepsake.save())["answers"] == {}


def test_a_broken_notebook_is_named_and_stays(notebook):
    notebook.write_text("{")
    result = CliRunner().invoke(cli.main, ["reset", "tiny"])
    assert result.exit_code == 1
    assert "cannot be read as a notebook" in result.output
    assert notebook.read_text() == "{"
