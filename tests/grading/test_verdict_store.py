"""Kept verdicts: found again, gone stale with what they depend on, and never a fault among them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from labkit import course
from labkit.grading import verdict_store
from labkit.grading.verdict_store import JUDGES, VerdictStore
from labkit.verdict import Verdict

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
    """Every module of grading and services that the checker or a check loads is part of the key."""
    checks = "\n".join(file.read_text(encoding="utf-8") for file in (course.root() / "graders").rglob("test_*.py"))
    used = sorted(set(re.findall(r"^from (labkit\.\S+) import", checks, re.MULTILINE)))
    assert "labkit.grading.rollout" in used
    script = (
        f"import sys, labkit.grading.checker, {', '.join(used)}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith(('labkit.grading.', 'labkit.services.'))], sep='\\n')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    library = Path(verdict_store.__file__).parents[1]
    covered = {str(file) for pattern in JUDGES for file in library.glob(pattern)}
    finds_files = {str(library / "grading" / "modules.py")}
    assert set(ran.stdout.split()) - covered - finds_files == set()
