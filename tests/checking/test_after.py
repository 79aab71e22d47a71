"""A check that comes after another one is not run when that one did not pass; it earns nothing and is no second mistake."""

from __future__ import annotations

import json

import pytest

from labkit.authoring.release import describe
from labkit.authoring.verify import Candidate
from labkit.course import CourseError
from labkit.course.verdict import Verdict
from labkit.notebook.verdict_panel import passed, verdict_panel
from labkit.pages import feedback
from tests.checking.plain_course import LAB, make
from tests.grading.submissions import lab_source

VISIBLE = '''
import errno

@pytest.fixture(scope="module")
def words(answers):
    return answers["first"].split()


@points(1)
def test_one(words):
    """It has a one."""
    if "broken" in words:
        raise OSError(errno.ENOSPC, "broken")
    if "skip" in words:
        pytest.skip("no ones here")
    assert "one" in words, "There is no one."


@after("test_one")
@points(1)
def test_two(words):
    """It has a two."""
    assert words.index("two") > words.index("one")


@after("test_two")
@points(1)
def test_three(words):
    """It has a three."""
    assert "three" in words
'''
HIDDEN = '''
from test_plain import words


@after("test_two")
@review("counting")
@points(2)
def test_two_of_others(words):
    """It has a two in other data."""
    assert len(words) > 2
'''


def outcomes(verdicts: dict[str, Verdict]) -> list[str]:
    return [verdict.outcome for verdict in verdicts.values()]


def test_only_the_first_mistake_is_told(plain):
    """In one checker, one after the other: what one answer missed is not held against the next."""
    check = plain(VISIBLE, HIDDEN)
    missed = check("two three", hidden=True)
    assert outcomes(missed) == ["fail", "unchecked", "unchecked", "unchecked"]
    assert {v.why for v in list(missed.values())[1:]} == {"Not checked, because this is not so yet: It has a one."}
    assert sum(v.earned for v in missed.values()) == 0
    assert outcomes(check("one two three", hidden=True)) == ["pass"] * 4
    assert outcomes(check("one two", hidden=True)) == ["pass", "pass", "fail", "fail"]
    assert outcomes(check("two one three", hidden=False)) == ["pass", "fail", "unchecked"]


@pytest.mark.parametrize(("text", "outcome"), [("broken one two", "fault"), ("skip", "unverified")])
def test_what_could_not_be_judged_is_no_mistake(plain, text, outcome):
    verdicts = plain(VISIBLE)(text)
    assert outcomes(verdicts) == [outcome, "unchecked", "unchecked"]
    assert verdicts["test_three"].why == "Not checked, because this could not be judged: It has a one."


def test_it_is_told_as_what_it_is(plain):
    """In the notebook, in a terminal and in the feedback: no mistake, and of a hidden check no more than its sentence."""
    verdicts = list(plain(VISIBLE, HIDDEN)("two", hidden=True).values())
    page = verdict_panel(LAB, "first", verdicts[:3])
    assert "– not checked: It has a two. (0/1)" in page.text
    assert page.text.count("this is not so yet: It has a one.") == 1  # and then: for the same reason
    assert '<li class="lk-unchecked">' in page.html
    assert not passed(verdicts[1:2])
    text = feedback.text(verdicts)
    assert "not checked: It has a two in other data. (hidden check) 0 of 2\n    Why: Not checked, because" in text
    assert "counting" not in text
    assert "not checked" in feedback.html(verdicts)


def test_a_wrong_answer_fails_only_what_was_checked(plain):
    verdicts = list(plain(VISIBLE)("two").values())
    assert Candidate("w", {}, "test_one").complaint(verdicts) == ""
    assert "test_two, which is not checked there: it fails test_one" in Candidate("w", {}, "test_two").complaint(
        verdicts
    )
    assert Candidate("stub", {}, "all").complaint(verdicts) == ""
    assert "should get full marks" in Candidate("right", {}, "").complaint(verdicts[1:])


@pytest.mark.parametrize("named", ["test_three", "test_none", "test_two"])
def test_what_it_comes_after_must_be_a_check_above_it(plain, tmp_path, named):
    plain(VISIBLE)
    lab = make(tmp_path, VISIBLE.replace('after("test_one")', f'after("{named}")'), HIDDEN)
    with pytest.raises(CourseError, match=f"test_two comes after {named}, which is no check of first above it"):
        describe(lab_source(lab))


def test_a_verdict_travels_as_json(plain):
    for verdict in plain(VISIBLE)("two").values():
        assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
