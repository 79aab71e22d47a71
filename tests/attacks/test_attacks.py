"""Attacks on the grading: none gets what it is after, each is told to the examiner, and the honest ones notice nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labkit.kinds.python.kind import Python
from tests.attacks.attack import Attack, attacks
from tests.attacks.exam import HONEST, LABS, Exam, sitting
from tests.backends import why_no_sandbox, why_not

pytestmark = [pytest.mark.attack, pytest.mark.slow]

EVERY_RUN = ("embedded", "bubblewrap", False)
PLACES = [  # backend, sandbox, with the long ones too
    pytest.param(EVERY_RUN, id="embedded-bubblewrap"),
    pytest.param(("embedded", "bubblewrap", True), id="embedded-bubblewrap-long", marks=pytest.mark.full),
    pytest.param(("docker", "container", True), id="docker-container", marks=[pytest.mark.full, pytest.mark.docker]),
]


@pytest.fixture(scope="module", params=PLACES)
def exam(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exam]:
    """All attacks in one run, among honest submissions."""
    backend, sandbox, everything = request.param
    if reason := why_not(backend) or why_no_sandbox(sandbox):
        pytest.skip(reason)
    chosen = [attack for attack in attacks() if attack.full == everything or backend == "docker"]
    with sitting(tmp_path_factory.mktemp("exam"), chosen, backend, sandbox) as held:
        yield held


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name)
def test_the_attack_gets_what_its_honest_content_is_worth_and_nothing_else(exam: Exam, attack: Attack):
    if attack not in exam.attacks:
        pytest.skip("it belongs to the other series")
    assert exam.findings(attack) == [], attack.intent


def test_nothing_outside_is_touched_and_nothing_lives_on(exam: Exam):
    assert exam.touched == []
    assert exam.changed == set()


def test_the_honest_ones_among_them_notice_nothing(exam: Exam):
    """None waits for as long as an answer may run."""
    for lab in LABS:
        seconds = {student: exam.trail[student]["seconds"] for student in HONEST if student.endswith(lab)}
        before = min(taken for student, taken in seconds.items() if student < "b")
        assert max(seconds[student] for student in seconds if student > "b") < 3 * before + Python.seconds, seconds
        full = {sum(verdict["of"] for verdict in exam.trail[student]["verdicts"]) for student in seconds}
        assert {exam.earned(student) for student in seconds} == full
