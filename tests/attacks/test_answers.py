"""Attacks by answers of every section: none gets what it is after, and nothing outside is touched.

The grading engine judges a section's one after the other on one server, and an honest answer last. `make test` has one of each kind and
section; `make test-all` has all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labkit import course
from labkit.grading.engine import Pool, Work
from labkit.grading.outcome import Judged
from tests.attacks import canaries
from tests.attacks.attack import Attack, attacks_on
from tests.attacks.canaries import Canaries
from tests.grading.submissions import lab_source

pytestmark = [pytest.mark.attack, pytest.mark.slow]

HONEST = {  # who is judged after them
    "91-databases": "jsonb-search",
    "93-mlops": "same-run-twice",
    "94-serverless": "exactly-once-enough",
    "95-websockets": "life-of-a-socket",
}
ATTACKS = {section: attacks_on(section) for section in HONEST}


@dataclass
class Run:
    """What came of each attack, and of the honest answer after them."""

    judged: dict[str, Judged] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)


def in_short(section: str) -> Iterator[Attack]:
    """The first quick one of each kind; of a section whose attacks have no kinds, all."""
    kinds = set()
    for attack in ATTACKS[section]:
        if not attack.full and (attack.kind not in kinds or not attack.kind):
            kinds.add(attack.kind)
            yield attack


def series() -> list:
    """Each section, with a short share of its attacks or with all of them."""
    short = [pytest.param((section, list(in_short(section))), id=section) for section in HONEST]
    whole = [
        pytest.param((section, ATTACKS[section]), id=f"{section}-all", marks=pytest.mark.full) for section in HONEST
    ]
    return short + whole


@pytest.fixture(scope="module", params=series())
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Attack], Run]:
    """All of them, on one grading server."""
    section, chosen = request.param
    told_more = {
        "neighbour": str(tmp_path_factory.mktemp("neighbour")),
        "hidden": str(course.root() / "graders" / "hidden"),
        "gradebook": str(Path(tmp_path_factory.mktemp("book"), "gradebook.db")),
    }
    found = Run()
    honest = course.find(HONEST[section])
    with Canaries(told_more) as planted, Pool(1, "embedded", stay=True) as pool:
        work = [Work(attack.name, attack.lab, attack.answers(planted.told), ()) for attack in chosen]
        last = [Work("honest", honest, lab_source(honest).solutions(), ())]
        for judged in (one for some in (work, last) for one in pool.judge(iter(some))):
            found.judged[judged.work.student] = judged
        found.touched = planted.touched()
    return chosen, found


def told(judged: Judged) -> str:
    """What is read about it."""
    return "\n".join(f"{verdict.why} {verdict.got}" for verdict in judged.verdicts if verdict.outcome != "pass")


def test_none_gets_more_than_its_honest_content_is_worth(run):
    """And none is taken for a fault of the course. (One may get less: a check that looks at time sees a busy machine, too.)"""
    chosen, found = run
    wrong = []
    for attack in chosen:
        judged = found.judged[attack.name]
        earned = sum(verdict.earned for verdict in judged.verdicts)
        if judged.fault or earned > attack.honest:
            said = judged.fault or told(judged)
            wrong.append(f"{attack.name}: {attack.intent} It got {earned:g} of {attack.honest:g}. {said}")
    assert not wrong, "\n\n".join(wrong)


def test_each_is_told_and_tells_nothing(run):
    chosen, found = run
    for attack in chosen:
        said = told(found.judged[attack.name])
        assert not [secret for secret in canaries.SECRETS if secret in said], attack.name
        assert "canary" not in said, attack.name
        whole = attack.honest == sum(attack.lab.points.values())
        assert whole or re.search(attack.says, said), f"{attack.name}: {said}"


def test_nothing_outside_is_touched_and_nothing_lives_on(run):
    assert run[1].touched == []


def test_the_honest_one_after_them_notices_nothing(run):
    assert all(verdict.outcome == "pass" for verdict in run[1].judged["honest"].verdicts)


def test_there_are_fresh_ones_of_each_kind():
    """At least three of each of the twelve; those of the kinds 8, 9 and 11 are whole submissions."""
    from tests.attacks.attack import attacks

    kinds = [attack.kind for attack in [*attacks(), *(one for some in ATTACKS.values() for one in some)]]
    assert {kind: kinds.count(kind) for kind in range(1, 13) if kinds.count(kind) < 3} == {}
    assert len(kinds) >= 100
