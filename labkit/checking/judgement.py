"""From what a test raised to a verdict: whose failure it is, and in which words."""

from __future__ import annotations

import errno
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from labkit import sandbox
from labkit.checking import checks
from labkit.checking.fixtures import CheckerBench
from labkit.course.verdict import Outcome, Verdict
from labkit.machine.fault import ServiceFault

SHORT = 600  # characters of an expected or got value that are shown
EXHAUSTED = (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EDQUOT, errno.EAGAIN)  # of the machine
LONGEST = 3_000  # characters of a reason: what an answer may have put into it is cut before


def judge(
    item: pytest.Function,
    check: checks.Check,
    raised: BaseException | None,
    seconds: float,
    bench: CheckerBench,
    hidden: bool,
) -> Verdict:
    """The verdict on one check from what it raised, if anything."""
    outcome, why, expected, got = _told(raised, bench)
    return Verdict(
        check=item.originalname,
        answer=check.answer,
        sentence=checks.sentence(item.function),
        points=check.points,
        outcome=outcome,
        why=why[:LONGEST],
        expected=expected[:SHORT],
        got=got[:SHORT],
        hints=check.hints,
        hidden=hidden,
        review=check.review,
        seconds=round(seconds, 4),
        unsafe=sandbox.is_unsafe() and bench.purpose != "learner",
        extra=dict(bench.notes),
    )


def because_of(before: Verdict) -> str:
    """Why a check is not run when `before`, one that it comes after, did not pass."""
    if before.outcome == "unchecked":
        return before.why
    so_far = "is not so yet" if before.outcome == "fail" else "could not be judged"
    return f"Not checked, because this {so_far}: {before.sentence}"


def unchecked(item: pytest.Function, check: checks.Check, because: str, hidden: bool) -> Verdict:
    """The verdict on a check that was not run."""
    return Verdict(
        check=item.originalname,
        answer=check.answer,
        sentence=checks.sentence(item.function),
        points=check.points,
        outcome="unchecked",
        why=because,
        hidden=hidden,
    )


def told_alone(verdict: Verdict) -> Verdict:
    """What a learner who works alone is told of a hidden check: its sentence, and what to review; the rest would give its data away."""
    if verdict.outcome in ("pass", "fail"):
        verdict = replace(verdict, why="", expected="", got="", hints=(), extra={})
    return verdict


def is_broken(raised: BaseException | None, bench: CheckerBench) -> bool:
    """Whether the check itself broke, on a machine and with services that are well."""
    if raised is None or getattr(raised, "errno", None) in EXHAUSTED:
        return False
    return (
        all(of.is_alive() for of in bench.used())
        and _told(raised, bench)[0] == "fault"
        and not isinstance(raised, ServiceFault)
    )


def of_the_answer(raised: BaseException) -> checks.AnswerError:
    """What is told where a check breaks with the answer and not with the solution, with the place where it broke."""
    frames = traceback.extract_tb(raised.__traceback__)
    place = next((frame for frame in reversed(frames) if Path(frame.filename).name.startswith("test_")), None)
    at = f", in {Path(place.filename).name}, line {place.lineno}" if place else ""
    what = f"{type(raised).__name__}: {raised}"[:SHORT]
    return checks.AnswerError(
        f"The check could make nothing of what your answer gives ({what}{at}). Look at what it gives: is it of the kind that the task asks for?"
    )


def took_too_much(stopped: str) -> checks.AnswerError:
    """What is told where the answer made the checks too long."""
    return checks.AnswerError(
        f"The checks {stopped} and were stopped here; with the solution this check is done soon. What your answer gives, or makes, is too slow or too "
        "large to be read: look at how long it takes, and at how many rows it has."
    )


def _told(raised: BaseException | None, bench: CheckerBench) -> tuple[Outcome, str, str, str]:
    """Outcome, why, expected, got."""
    match raised:
        case None:
            return "pass", "", "", ""
        case checks.Wrong():
            return "fail", raised.why, raised.expected, raised.got
        case AssertionError():
            return "fail", *_assertion(raised, bench)
        case checks.AnswerError():
            return "fail", str(raised), "", ""
        case pytest.skip.Exception():
            return "unverified", str(raised), "", ""
        case ServiceFault():
            return "fault", str(raised), "", ""
        case _ if told := next(
            (told for of in bench.used() if of.is_alive() and (told := of.service.told(raised))), ""
        ):
            return "fail", told, "", ""
        case _:
            why = (
                f"The check itself broke: {type(raised).__name__}: {raised}. This is a fault of the course; report it."
            )
            return "fault", why, "", ""


def _assertion(error: AssertionError, bench: CheckerBench) -> tuple[str, str, str]:
    """The author's words, and both sides of the comparison: `assert got == expected, why`."""
    why = str(error).split("\nassert ")[0]
    why = "" if why.startswith("assert ") else why
    if bench.compared and bench.compared[0] == "==":
        return why, repr(bench.compared[2]), repr(bench.compared[1])
    return why, "", ""
