"""From what a test raised to a verdict: whose failure it is, and in which words."""

from __future__ import annotations

import psycopg
import pytest

from labkit.grading import answers, checks, sandbox
from labkit.grading.fixtures import Bench
from labkit.services.postgres import ServiceFault
from labkit.services.sql import is_fault
from labkit.verdict import Outcome, Verdict

SHORT = 600  # characters of an expected or got value that are shown
LONGEST = 3_000  # characters of a reason: what an answer may have put into it is cut before


def judge(
    item: pytest.Function,
    check: checks.Check,
    raised: BaseException | None,
    seconds: float,
    bench: Bench,
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


def _told(raised: BaseException | None, bench: Bench) -> tuple[Outcome, str, str, str]:
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
        case psycopg.Error() if bench.is_alive() and not _server_fault(raised):
            return "fail", f"While the check looked at what the answer made: {answers.words(raised)}", "", ""
        case psycopg.Error():
            why = f"The database server failed ({answers.words(raised)}) Restart the service and run the check again."
            return "fault", why, "", ""
        case ServiceFault():
            return "fault", str(raised), "", ""
        case _:
            why = (
                f"The check itself broke: {type(raised).__name__}: {raised}. This is a fault of the course; report it."
            )
            return "fault", why, "", ""


def _server_fault(error: psycopg.Error) -> bool:
    """An answer can end its own sessions; that is its own failure while the server is well."""
    ended_itself = error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))
    return is_fault(error) and not ended_itself


def _assertion(error: AssertionError, bench: Bench) -> tuple[str, str, str]:
    """The author's words, and both sides of the comparison: `assert got == expected, why`."""
    why = str(error).split("\nassert ")[0]
    why = "" if why.startswith("assert ") else why
    if bench.compared and bench.compared[0] == "==":
        return why, repr(bench.compared[2]), repr(bench.compared[1])
    return why, "", ""
