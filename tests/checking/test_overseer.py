"""One bound on all checks of a lab: what only the answer makes slow, or large, is told as the answer's, and the next one is judged as ever."""

from __future__ import annotations

import time

import psycopg
import pytest

from labkit import course, kinds
from labkit.checking.fixtures import CheckerBench
from labkit.checking.overseer import LONGEST, Bounds, Overseer, Stopped, bounds
from labkit.checking.process import DEADLINE
from labkit.services.postgres.bench import PostgresBench
from labkit.services.postgres.lab_template import checks_template

SHORT = """
import time

from labkit.checking import overseer

overseer.BASE, overseer.LARGEST, overseer.AGAIN = 4 - 120, 48 * 2**20, 0.3  # 4 s for an answer in SQL


def test_first(answers):
    \"\"\"It is a word.\"\"\"
    assert answers["first"]


def test_reads(answers):
    \"\"\"It can be read.\"\"\"
    if "patient" in answers["first"]:
        try:
            time.sleep(30)
        except Exception:
            pass
    while "slow" in answers["first"]:
        time.sleep(0.01)
    if "large" in answers["first"]:
        kept = []
        while True:
            kept.append(bytearray(2**20))
            time.sleep(0.005)


def test_last(answers):
    \"\"\"It is a word, still.\"\"\"
    assert answers["first"]
"""
ALWAYS = SHORT.replace('while "slow" in answers["first"]', "while True")


def told(verdicts):
    return [verdict.outcome for verdict in verdicts.values()]


@pytest.mark.parametrize(
    ("text", "what"), [("slow", "took over 4 s in all"), ("patient", "took over 4 s"), ("large", "over 48 MB")]
)
def test_what_the_answer_makes_slow_or_large_is_the_answers(plain, text, what):
    check = plain(SHORT)
    verdicts = check(text)
    assert told(verdicts) == ["pass", "fail", "unchecked"], verdicts
    assert what in verdicts["test_reads"].why
    assert "with the solution this check is done soon" in verdicts["test_reads"].why
    assert "Not checked any more" in verdicts["test_last"].why
    assert told(check("one")) == ["pass", "pass", "pass"]


def test_what_is_slow_with_the_solution_too_is_nobodys_fail(plain):
    """It is slow for eight seconds, whoever answers."""
    slow = ALWAYS.replace("while True:\n        time.sleep(0.01)", "for _ in range(800):\n        time.sleep(0.01)")
    verdicts = plain(slow)("one")
    assert verdicts["test_reads"].outcome == "fault"
    assert "it is not seen that the answer makes them so" in verdicts["test_reads"].why


def test_the_process_of_the_checker_has_a_bound_of_its_own(plain):
    """Whatever wants more gets a MemoryError; with the solution it does not, so it is the answer's."""
    huge = SHORT.replace("kept = []", 'kept = [bytearray(4 * 2**30) for _ in ["at once"]]')
    verdicts = plain(huge)("large")
    assert told(verdicts) == ["pass", "fail", "pass"]
    assert "MemoryError" in verdicts["test_reads"].why


def test_a_session_that_a_check_waits_for_is_ended():
    """A view that sleeps is slow only when it is read."""
    bench = CheckerBench("grading")
    try:
        postgres: PostgresBench = bench.service("postgres")
        with postgres.database(checks_template("91-databases/jsonb-search")) as database, database.connect() as session:
            session.execute("CREATE VIEW slow AS SELECT pg_sleep(60)::text")
            started = time.monotonic()
            overseer, ended = Overseer(Bounds(0.5), bench.used), (Stopped, psycopg.OperationalError)
            with overseer, overseer.at_work(), pytest.raises(ended):
                session.execute("SELECT * FROM slow")
            assert time.monotonic() - started < 30
            session.close()  # it may have been stopped in the middle of a command
            assert overseer.stopped == "took over 0 s in all"
            with database.admin() as catalog:
                left = catalog.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [database.role])
                assert left.fetchone() == (0,)
    finally:
        bench.close()


def test_nothing_is_stopped_between_two_checks():
    with Overseer(Bounds(0.0), list) as overseer:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            time.sleep(0.01)
        assert not overseer.stopped


@pytest.mark.parametrize("lab", course.labs(), ids=lambda lab: lab.key)
def test_every_lab_has_its_bound(lab):
    """As long as its slowest answer may run, at least twice; and the other end of the checker waits for longer."""
    most = max(kinds.named(kind).seconds for kind in lab.answers.values())
    assert most < bounds(lab).seconds <= LONGEST < DEADLINE
