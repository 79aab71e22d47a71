"""Who works alone gets the whole verdict: hidden checks follow the visible ones, sealed or open, and of each only its sentence is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labkit import course
from labkit.course import hidden, sealed
from labkit.notebook.verdict_panel import verdict_panel
from labkit.pages import feedback
from tests.checking.plain_course import LAB

VISIBLE = '''
@pytest.fixture(scope="module")
def words(answers):
    return answers["first"].split()


@points(3)
def test_one(words):
    """It has a one."""
    if "skip" in words:
        pytest.skip("no ones here")
    assert "one" in words, "There is no one."
'''
HIDDEN = '''
import beside
from test_plain import words


@points(1)
@review("what comes after one")
def test_two(words, note):
    """It has a two."""
    note("seen", "SECRET")
    if "two" not in words:
        raise Wrong("SECRET", expected="SECRET", got="SECRET")


@after("test_two")
@points(1)
def test_three(words):
    """It has a three."""
    assert words[2] == beside.THREE
'''


@pytest.fixture(params=["open", "sealed"])
def check(request, plain, tmp_path: Path):
    """Judges as for a learner alone, with the hidden checks open, or sealed."""
    judged = plain(VISIBLE, HIDDEN, purpose="learner")
    (hidden.folder(LAB) / "beside.py").write_text("THREE = 'three'\n")
    (hidden.folder(LAB) / "wrong").mkdir()
    (hidden.folder(LAB) / "wrong" / "none.sql").write_text("none")
    if request.param == "sealed":
        sealed.write(tmp_path, LAB.section, LAB.name, {}, hidden.files(LAB), {})
        shutil.rmtree(tmp_path / "graders" / "hidden")
        assert "Wrong" not in sealed.checks_path(tmp_path, LAB.section, LAB.name).read_text()
    assert set(hidden.files(LAB)) == {"test_plain_hidden.py", "beside.py"}
    return lambda text: judged(text, hidden="after")


def told(verdicts) -> dict[str, str]:
    return {name: verdict.outcome for name, verdict in verdicts.items()}


def test_hidden_checks_follow_the_visible_ones(check):
    """Only when these pass; one after the other, as often as the learner tries."""
    for _ in range(2):
        assert told(check("two")) == {"test_one": "fail"}
        assert told(check("one two three")) == {"test_one": "pass", "test_two": "pass", "test_three": "pass"}
        assert told(check("one two four")) == {"test_one": "pass", "test_two": "pass", "test_three": "fail"}
        assert told(check("one")) == {"test_one": "pass", "test_two": "fail", "test_three": "unchecked"}
    assert told(check("one skip two"))["test_two"] == "pass"  # what cannot be verified here stands in nobody's way


def test_of_a_hidden_check_its_sentence_is_told(check):
    """And what to review; in the card, in the terminal, and in what the notebook keeps."""
    verdicts = list(check("one").values())
    page = verdict_panel(LAB, "first", verdicts)
    for shown in (page.text, page.html, feedback.text(verdicts), str([v.to_json() for v in verdicts])):
        assert "SECRET" not in shown
        assert "It has a two." in shown
        assert "what comes after one" in shown
    assert "✗ not yet: It has a two. (on other data) (0/1)" in page.text
    assert "(3 of 5 points" in page.text


def test_points_are_the_same_everywhere(check):
    assert hidden.worth(LAB) == "5 points"
    assert hidden.judged_later(LAB) == 0
    page = verdict_panel(LAB, "first", list(check("two").values()))
    assert "(0 of 5 points" in page.text
    assert "When these pass, checks on other data follow, for 2 more points." in page.text


def test_in_a_copy_for_an_exam_some_points_are_judged_later(plain):
    check = plain(VISIBLE, purpose="learner")
    verdicts = check("one", hidden="after")
    assert told(verdicts) == {"test_one": "pass"}
    assert hidden.worth(LAB) == "3 points, and 2 judged later"
    page = verdict_panel(LAB, "first", list(verdicts.values()))
    assert "(3 of 3 points" in page.text
    assert "2 more points are judged later, by checks on other data." in page.text
    with pytest.raises(course.CourseError, match=r"hidden data\.sql of 91-databases/plain is not here"):
        hidden.text(LAB, "data.sql")


def test_a_grader_is_told_all(plain):
    plain_verdicts = plain(VISIBLE, HIDDEN.replace("import beside", "").replace("beside.THREE", "'three'"))(
        "one", hidden=True
    )
    assert plain_verdicts["test_two"].why == "SECRET"
    assert plain_verdicts["test_two"].extra == {"seen": "SECRET"}
