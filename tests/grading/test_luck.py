"""Equal answers that are judged differently: each keeps its own mark, and the examiner is told, once for each such set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit import course
from labkit.course.verdict import Verdict
from labkit.grading import audit
from labkit.grading.engine import Judged
from labkit.grading.verdict_store import VerdictStore
from labkit.grading.work_order import Work

LAB = course.find("jsonb-search")
ANSWERS = {"index": "SELECT random()", "refunds": "SELECT 1"}


def verdicts(outcome: str) -> list[Verdict]:
    return [Verdict("test_has_a_gin_index", "index", "It has one.", 1.0, outcome)]  # pyright: ignore[reportArgumentType]


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`noted(student, outcome, answers)`: judged, and written into the audit trail."""
    monkeypatch.chdir(tmp_path)

    def note(student: str, outcome: str, answers: dict[str, str] = ANSWERS) -> None:
        audit.record(Judged(Work(student, LAB, answers), verdicts(outcome), 1.0))

    return note


def test_equal_answers_that_differ_are_told(noted):
    for student, outcome in (("ada", "pass"), ("ben", "fail"), ("cem", "pass")):
        noted(student, outcome)
    (line,) = audit.luck("91-databases")
    assert "jsonb-search: equal answers were judged differently: ada (1), ben (0), cem (1)" in line
    assert "test_has_a_gin_index" in line


def test_nothing_is_told_of_others(noted):
    """Of answers that differ, of equal ones that agree, and of one that was judged again and now agrees."""
    noted("ada", "pass")
    noted("ben", "fail", {**ANSWERS, "index": "SELECT 2"})
    noted("cem", "fail")
    noted("cem", "pass")
    assert list(audit.luck("91-databases")) == []
    assert list(audit.luck("92-containers")) == []


def test_nobody_gets_another_ones_verdict(tmp_path):
    store = VerdictStore(tmp_path)
    store.put(LAB, ANSWERS, verdicts("pass"), student="ada")
    assert store.get(LAB, ANSWERS, student="ben") is None
    store.put(LAB, ANSWERS, verdicts("fail"), student="ben")
    assert [one.outcome for one in store.get(LAB, ANSWERS, student="ada") or []] == ["pass"]
    assert [one.outcome for one in store.get(LAB, ANSWERS, student="ben") or []] == ["fail"]
    assert json.loads(next(tmp_path.rglob("*.json")).read_text())
