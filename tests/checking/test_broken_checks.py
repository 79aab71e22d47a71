"""A check that breaks: by what the answer gives, which is then a failure in the learner's words, or by itself, which is the course's fault."""

from __future__ import annotations

import pytest

from labkit import course

VISIBLE = '''
import errno
import os

made = 0


@pytest.fixture(scope="module")
def words(answers):
    global made
    made += 1
    words = dict(enumerate(answers["first"].split()))
    if "disk" in words.values():
        raise OSError(errno.ENOSPC, "No space left on device")
    if "once" in words.values() and made == 1:
        raise RuntimeError("a connection was lost")
    return words


def test_second(words):
    """Its second word is two."""
    assert words[1] == "two", "The second word is another one."


def test_third(words, answers):
    """Its third word is three."""
    assert answers["first"].strip().endswith(words[2])
'''
PROGRAM = '''
import contextlib


@contextlib.contextmanager
def program(stack, before):
    if before and not before["open"]:
        raise RuntimeError("what went before is closed")
    made = {"open": True}
    stack.callback(made.update, open=False)
    yield made


@pytest.fixture(scope="module")
def running(in_turn):
    with in_turn(program) as made:
        yield made


def test_second(running, answers):
    """Its second word is two."""
    assert answers["first"].split()[1] == "two"


def test_is_open(running):
    """It is open."""
    if not running["open"]:
        raise RuntimeError("closed")
'''
ALWAYS = '''
def test_always(answers):
    """It is a word."""
    raise KeyError(answers["first"][0])
'''


def told(verdicts):
    return [verdict.outcome for verdict in verdicts.values()]


def test_what_only_the_answer_breaks_is_the_answers(plain):
    """Each check that it breaks, with the error and the place; and the next answer is judged as ever."""
    check = plain(VISIBLE)
    verdicts = check("one")
    assert told(verdicts) == ["fail", "fail"], verdicts
    why = verdicts["test_second"].why
    assert why.startswith(
        "The check could make nothing of what your answer gives (KeyError: 1, in test_plain.py, line "
    )
    assert told(check("one two")) == ["pass", "fail"]
    assert told(check("one two three")) == ["pass", "pass"]
    assert told(check("one three three")) == ["fail", "pass"]


def test_what_is_kept_for_hidden_checks_is_not_kept_of_an_answer_that_breaks(plain):
    """A program that was started for the visible ones has ended by then, and another one is started."""
    hidden = "\nfrom test_plain import running\nfrom test_plain import test_second as test_again\n"
    verdicts = plain(PROGRAM, hidden)("one", hidden=True)
    assert [verdict.outcome for verdict in verdicts.values()] == ["fail", "pass", "fail"]


def test_half_a_character_is_the_answers(plain):
    """JSON can hold one, so a notebook can."""
    assert "a character that no tool can read (U+D800) in line 2" in plain(VISIBLE)("one\n\ud800")["test_second"].why


def test_what_breaks_with_the_solution_too_is_the_courses(plain):
    verdicts = plain(ALWAYS)("one")
    assert told(verdicts) == ["fault"]
    assert "The check itself broke: KeyError: 'o'" in verdicts["test_always"].why


def test_what_breaks_once_or_for_want_of_something_is_the_courses(plain):
    """Neither says anything of the answer."""
    check = plain(VISIBLE)
    assert told(check("one two three once"))[0] == "fault"
    assert told(check("one two disk")) == ["fault", "fault"]


@pytest.mark.parametrize("purpose", ["learner", "grading"])
def test_without_a_solution_it_is_the_courses(plain, purpose):
    """As in the copy for an assessment."""
    check = plain(VISIBLE, purpose=purpose)
    (course.root() / "solutions" / "91-databases" / "plain.md").unlink()
    assert told(check("one")) == ["fault", "fault"]
