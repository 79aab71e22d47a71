"""Kept verdicts: found again, gone stale with what they depend on, and never a fault among them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from labkit import course
from labkit.course.verdict import Verdict
from labkit.grading import verdict_store
from labkit.grading.verdict_store import JUDGES, VerdictStore

PASSED = Verdict(check="test_x", answer="index", sentence="It holds.", points=1, outcome="pass")
FAULT = Verdict(check="test_x", answer="index", sentence="It holds.", points=1, outcome="fault")


def test_a_verdict_is_found_by_its_answers_and_checks(tmp_path, monkeypatch):
    lab = course.find("jsonb-search")
    store = VerdictStore(tmp_path)
    store.put(lab, {"index": "a"}, [PASSED])
    assert store.get(lab, {"index": "a"}) == [PASSED]
    assert store.get(lab, {"index": "b"}) is None
    monkeypatch.setattr(verdict_store, "checks_key", lambda lab: "other checks")
    assert store.get(lab, {"index": "a"}) is None


def test_a_fault_of_the_course_is_not_kept(tmp_path):
    lab = course.find("jsonb-search")
    VerdictStore(tmp_path).put(lab, {"index": "a"}, [PASSED, FAULT])
    assert VerdictStore(tmp_path).get(lab, {"index": "a"}) is None


def test_the_key_covers_what_the_checker_runs():
    """Every module of checking, kinds, sandbox and services that the checker or a check loads is part of the key."""
    checks = "\n".join(file.read_text(encoding="utf-8") for file in (course.root() / "graders").rglob("test_*.py"))
    used = sorted(set(re.findall(r"^from (labkit\.\S+) import", checks, re.MULTILINE)))
    assert "labkit.kinds.alembic.rollout" in used
    script = (
        f"import sys, labkit.checking.checker, {', '.join(used)}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith(('labkit.checking.', 'labkit.kinds.', 'labkit.sandbox.', 'labkit.services.'))], sep='\\n')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    library = Path(verdict_store.__file__).parents[1]
    covered = {str(file) for pattern in JUDGES for file in library.glob(pattern)}
    assert set(ran.stdout.split()) - covered == set()


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"[7]", b"null", b'[{"check": 1}]', b"\xff\xfe", b"[[]]", b'"x"']
)
def test_what_cannot_be_understood_is_not_kept(content, tmp_path):
    """As a full disk or an editor leaves a file: it is judged again."""
    lab, answers, store = course.find("jsonb-search"), {"index": "SELECT 1"}, VerdictStore(tmp_path)
    store.put(lab, answers, [PASSED], student="ada")
    assert store.get(lab, answers, student="ada") == [PASSED]
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(content)
    assert store.get(lab, answers, student="ada") is None
