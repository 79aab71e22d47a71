"""Courses of a test's own, and a checker in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from labkit import course
from labkit.checking.process import CheckerProcess
from labkit.course.verdict import Verdict
from tests.checking.plain_course import make

Checked = Callable[..., dict[str, Verdict]]


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Checked]]:
    """`plain(visible, hidden)`: a course with these checks; what it gives judges an answer's text: verdicts by the check's name."""
    monkeypatch.setenv("LABKIT_COURSE", str(tmp_path))
    course.root.cache_clear()
    with ExitStack() as stack:

        def made(visible: str, hidden: str = "", purpose: str = "grading") -> Checked:
            lab = make(tmp_path, visible, hidden)
            checker = stack.enter_context(CheckerProcess(purpose))

            def check(text: str, **how) -> dict[str, Verdict]:
                verdicts = checker.check(lab, {"first": text}, **how)
                return {verdict.check: verdict for verdict in verdicts}

            return check

        yield made
    course.root.cache_clear()
