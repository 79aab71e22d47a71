"""What the checks say of a wrong answer is recorded beside it; what varies from run to run makes no difference, any other word does."""

from __future__ import annotations

import dataclasses

import pytest

from labkit.authoring import said
from labkit.authoring.verify import Candidate
from labkit.course.verdict import Verdict

FAILED = Verdict(
    "test_finds",
    "first",
    "The query finds it.",
    1,
    "fail",
    why="3 refunds are missing, for example event 17: its amount is a JSON string.",
    expected="571",
    got="{'a': 568,\n 'b': 12}",
)
PASSED = Verdict("test_runs", "first", "It runs.", 1, "pass")
AFTER = Verdict("test_after", "first", "It is quick.", 1, "unchecked", why="Not checked, because …")
HIDDEN = dataclasses.replace(FAILED, check="test_others", hidden=True, why="An answer.", expected="", got="")


@pytest.fixture
def answer(tmp_path):
    """A wrong answer with its record."""
    path = tmp_path / "like.sql"
    path.write_text("-- fails: test_finds — why\n%%answer first\nSELECT 1")
    said.record(path, [FAILED, PASSED, AFTER, HIDDEN])
    return path


def test_it_reads_as_a_learner_reads_it(answer):
    assert said.path_of(answer).read_text() == (
        "test_finds: The query finds it.\n"
        "  why: 3 refunds are missing, for example event 17: its amount is a JSON string.\n"
        "  expected: 571\n"
        "  got: {'a': 568,\n"
        "     'b': 12}\n\n"
        "test_others (hidden): The query finds it.\n"
        "  why: An answer.\n\n"
        "not checked: test_after\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("3 refunds are missing, for example event 17", "12,004 refunds are missing, for example event 9"),
        ("3 refunds", "3 refunds in lab_jsonb_search_0a1b2c3d"),
        ("3 refunds", "3 refunds after 850 ms"),
    ],
)
def test_what_varies_makes_no_difference(answer, before, after):
    one = dataclasses.replace(FAILED, why=FAILED.why.replace("3 refunds", before))
    other = dataclasses.replace(one, why=one.why.replace(before, after))
    first = other if "lab_" in after else one
    said.path_of(answer).write_text(said.text([first]))
    again = dataclasses.replace(
        first, why=first.why.replace("0a1b2c3d", "ffeeddcc").replace("850 ms", "1.2 s").replace("17", "9")
    )
    assert said.difference(answer, [again]) == ""
    recorded = said.path_of(answer).read_text()
    said.record(answer, [again])
    assert said.path_of(answer).read_text() == recorded


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (
            [dataclasses.replace(FAILED, why="Something else."), PASSED, AFTER, HIDDEN],
            "says 'why: Something else.', recorded is 'why: # refunds",
        ),
        (
            [dataclasses.replace(FAILED, expected="none"), PASSED, AFTER, HIDDEN],
            "says 'expected: none', recorded is 'expected: #'",
        ),
        ([FAILED, PASSED, HIDDEN], "says no more 'not checked: test_after'"),
        ([FAILED, PASSED, AFTER], "says no more 'test_others (hidden): The query finds it.'"),
        (
            [FAILED, dataclasses.replace(PASSED, outcome="fail"), AFTER, HIDDEN],
            "says 'test_runs: It runs.', recorded is 'nothing'",
        ),
    ],
)
def test_any_other_word_is_a_difference(answer, now, told):
    assert told in said.difference(answer, now)
    assert "labkit verify --record" in said.difference(answer, now)


def test_where_a_run_says_this_or_that_both_are_recorded(answer):
    """As where two threads race, and a check notices this first, or that. Then either will do, and nothing else."""
    other = [dataclasses.replace(FAILED, why="Another reason."), PASSED]
    assert said.difference(answer, other)
    said.record(answer, other, add=True)
    assert said.path_of(answer).read_text().startswith("One run says this, another one that.\n\ntest_finds: The query")
    for verdicts in (other, [FAILED, PASSED, AFTER, HIDDEN], [FAILED]):
        assert said.difference(answer, verdicts) == ""
    assert "says 'why: A third.'" in said.difference(answer, [dataclasses.replace(FAILED, why="A third.")])
    said.record(answer, [FAILED], add=True)
    said.record(answer, [dataclasses.replace(FAILED, why="A third.")])
    assert "Another" not in said.path_of(answer).read_text()


def test_verify_asks_for_the_record(answer):
    """Of a wrong answer that fails as it should; where it does not, that comes first."""
    wrong = Candidate("wrong/like", {}, "test_finds", ("first",), answer)
    assert wrong.complaint([FAILED, PASSED, AFTER, HIDDEN]) == ""
    assert "says" in wrong.complaint([FAILED])
    said.path_of(answer).unlink()
    assert "is not recorded" in wrong.complaint([FAILED])
    assert "should fail" in wrong.complaint([dataclasses.replace(FAILED, outcome="pass")])


def test_which_request_a_check_happened_to_send_makes_no_difference(answer):
    """And a quote within a value of SQL is no end of it."""
    one = dataclasses.replace(
        FAILED,
        why="It reads another name. Version n sent: UPDATE a SET b = 'c' WHERE id = 5. Why?",
        got="'O''Neill', ''",
    )
    other = dataclasses.replace(
        one,
        why="It reads another name. Version n-1 sent: INSERT INTO a VALUES ('x@example.org'). Why?",
        got="'Ada', ''",
    )
    said.record(answer, [one])
    assert said.difference(answer, [other]) == ""
    assert said.difference(answer, [dataclasses.replace(other, why=other.why.replace("Why?", "Why not?"))])
