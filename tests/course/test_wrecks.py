"""Answers that ruin everything, in the ways of their kind: no check breaks on one, and none gets full marks.

Each run judges a few of each lab, others after each commit; `labkit verify --wrecks` judges all.
"""

from __future__ import annotations

import hashlib

import pytest

from labkit import course, kinds
from labkit.authoring import verify
from labkit.course.verdict import Verdict
from labkit.grading.engine import Pool
from labkit.kinds.wrecks import wrecks
from tests.backends import why_no_lab
from tests.course import selection
from tests.grading.submissions import lab_source

LABS = [lab.key for lab in course.labs()]
FEW = 3  # of each lab in a run


def chosen(found: list[verify.Candidate]) -> list[verify.Candidate]:
    """A few, by the commit; none that takes until its deadline."""
    quick = [one for one in found if "/slow" not in one.name and "/each-slow" not in one.name]
    return sorted(quick, key=lambda one: hashlib.sha256(f"{selection.commit()}{one.name}".encode()).digest())[:FEW]


@pytest.mark.slow
@pytest.mark.parametrize("key", LABS)
def test_no_check_breaks_on_what_ruins_everything(key):
    lab = course.find(key)
    if reason := why_no_lab(lab, "embedded"):
        pytest.skip(reason)
    with Pool(1, "embedded") as pool:
        judged = verify.judge(pool, lab, chosen(list(verify.wrecked(lab, lab_source(lab)))))
        complaints = {candidate.name: complaint for candidate, _, complaint in judged if complaint}
    if complaints and all("Not verified here" in complaint for complaint in complaints.values()):
        pytest.skip(next(iter(complaints.values()))[:200])
    assert complaints == {}


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_each_kind_can_be_ruined(kind):
    """Also where the solution is the shortest that there is."""
    assert {"nothing", "prose", "huge", "nul"} <= set(wrecks(kind, "def answer():\n    return 1\n"))


@pytest.mark.parametrize("key", LABS)
def test_what_ruins_is_not_the_solution(key):
    """Each wreck of an answer is another text, and none is the solution's."""
    lab = course.find(key)
    for answer, solution in lab_source(lab).solutions().items():
        texts = [one.answers[answer] for one in verify.wrecked(lab, lab_source(lab)) if one.only == (answer,)]
        assert len(set(texts)) == len(texts)
        assert solution not in texts


def test_full_marks_and_a_broken_check_are_complaints():
    """A wreck that passes says that no check looks; one that is not judged, that a check breaks."""
    wreck = verify.Candidate("wreck/first/nothing", {}, "any", ("first",))
    passed, failed = (Verdict("test_a", "first", "A.", 1, outcome) for outcome in ("pass", "fail"))
    assert wreck.complaint([passed, failed]) == ""
    assert wreck.complaint([passed]) == "gets full marks, though it ruins everything"
    assert "not judged: test_a" in wreck.complaint([Verdict("test_a", "first", "A.", 1, "fault")])
