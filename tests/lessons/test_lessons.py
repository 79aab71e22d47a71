"""The lessons: each runs from its first cell to its last on each backend, and is what its text says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from labkit import course
from labkit.authoring.lessons import lesson, lesson_files
from labkit.notebook import quiz
from tests.patience import PATIENCE

LESSONS = list(lesson_files())
LONGEST = 15  # lines of a cell
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)\)")
ALT = re.compile(r'<img [^>]*alt="(?P<alt>[^"]*)"')

every_lesson = pytest.mark.parametrize("source", LESSONS, ids=lambda path: path.stem)


def read(source: Path) -> nbformat.NotebookNode:
    """The committed notebook."""
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Its code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def links(source: Path) -> set[Path]:
    """The files that a lesson links to."""
    targets = LINK.findall(source.read_text(encoding="utf-8"))
    return {(source.parent / target).resolve() for target in targets if "://" not in target}


def test_there_is_a_lesson():
    """The other tests are about something."""
    assert [path.stem for path in LESSONS]


@every_lesson
@pytest.mark.slow
def test_a_lesson_runs_from_top_to_bottom(source: Path, backend: str):
    """Every cell runs without an error, and every picture says in words what it shows."""
    notebook = read(source)
    NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(source.parent)}}).execute()
    outputs = [output for cell in code(notebook) for output in cell.outputs if "data" in output]
    pages = [str(output["data"].get("text/html", "")) for output in outputs]
    pictures = [page for page in pages if "<img" in page]
    assert [page for page in pages if "Course fault" in page] == []
    assert not [output for output in outputs if "image/png" in output["data"]], (
        "show a figure with show_figure: it asks for words"
    )
    assert len(pictures) >= 1
    assert [page[:200] for page in pictures if not all(len(alt) > 20 for alt in ALT.findall(page) or [""])] == []


@every_lesson
def test_the_notebook_is_what_its_text_makes(source: Path):
    """`labkit release` was run, and no output is committed."""
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert text == lesson(source), "run `labkit release`"
    assert [cell for cell in code(read(source)) if cell.outputs or cell.execution_count] == []


@every_lesson
def test_cells_are_short(source: Path):
    """A cell shows one thing, in at most 15 lines."""
    assert [cell.source for cell in code(read(source)) if len(cell.source.splitlines()) > LONGEST] == []


@every_lesson
def test_every_link_leads_somewhere(source: Path):
    """What a lesson links to is there; a picture in the text has words."""
    assert [target for target in links(source) if not target.exists()] == []
    assert "![](" not in source.read_text(encoding="utf-8")


@every_lesson
def test_every_lab_of_the_section_has_its_place(source: Path):
    """A lab is linked from the part of the lesson that it belongs to."""
    labs = {(course.root() / lab.exercise).resolve() for lab in course.labs(source.stem)}
    assert labs - links(source) == set()


@every_lesson
def test_the_top_says_what_it_is_about(source: Path):
    """Minutes, questions, objectives and key points stand at the top; notes for instructors stand beside it."""
    top = read(source).cells[0].source
    assert re.search(r"\*\*\d+ minutes\*\*", top)
    assert [word for word in ("Questions", "You will be able to", "Key points") if word not in top] == []
    assert source.with_suffix(".notes.md").exists()


@every_lesson
def test_every_choice_of_the_quiz_has_its_reason(source: Path):
    """Five questions at least; the page for front ends without widgets holds each choice and each reason."""
    questions = quiz.read(source.stem)
    assert len(questions) >= 5
    for number, question in enumerate(questions, 1):
        assert len(question.choices) >= 3
        assert all(len(choice.why) > 20 for choice in question.choices)
        assert question.page(number).html.count("<details>") == len(question.choices)


def test_a_quiz_with_two_right_choices_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The author is told which question is wrong, and why."""
    (tmp_path / "notebooks").mkdir()
    text = "- question: Which?\n  choices:\n" + "    - {choice: this, why: because, right: true}\n" * 2
    (tmp_path / "notebooks" / "91-databases.quiz.yaml").write_text(text)
    monkeypatch.setattr(quiz, "root", lambda: tmp_path)
    with pytest.raises(course.CourseError, match=r"'Which\?' must have exactly one choice"):
        quiz.read("91-databases")


def test_the_quiz_counts_first_tries():
    """Each question counts once, whatever is tried afterwards."""
    questions = quiz.read("91-databases")
    shown = quiz.Quiz(questions)
    box = shown.widget()
    for number, question in enumerate(questions):
        right = next(place for place, choice in enumerate(question.choices) if choice.right)
        radio, said = box.children[number].children[1:]
        if number == 0:
            radio.value = (right + 1) % len(question.choices)
            assert "Not this one" in said.value
        radio.value = right
        assert "Right." in said.value
    assert f"{len(questions) - 1} of {len(questions)} right at the first try" in shown.count.value
