"""The random attacker: no wrong answer gains a point by tricks, none stops the run, and none is taken for a fault of the course.

A failure names its seed: `drawn(SEED, WRONG)` makes the same answers again.
"""

from __future__ import annotations

import datetime

import pytest

from labkit import course
from labkit.grading.engine import Pool, Work
from tests.attacks.tricks import Wrong, drawn, many, tables, wrong_answers
from tests.grading.submissions import lab_source

pytestmark = [pytest.mark.attack, pytest.mark.slow]

FEW, MANY = 6, 500
TODAY = datetime.date.today().toordinal() * 100  # others each day, and the same ones all day


def points(judged) -> float:
    """What it got."""
    return sum(verdict.earned for verdict in judged.verdicts)


def gains(count: int, start: int) -> list[str]:
    """What came of so many that must not have come, a line each."""
    chosen = list(many(count, start))
    work = [drawn(seed, wrong) for seed, wrong in chosen]
    plain: dict[str, Wrong] = {wrong.name: wrong for _, wrong in chosen}
    with Pool(2, "embedded", stay=True) as pool:
        before = {
            one.work.student: one for one in pool.judge(Work(w.name, w.lab, w.answers, ()) for w in plain.values())
        }
        after = {one.work.student: one for one in pool.judge(iter(work))}
        lab = course.find("jsonb-search")
        (last,) = pool.judge(iter([Work("honest", lab, lab_source(lab).solutions(), ())]))
    found = [f"{name} was not judged" for name in {one.student for one in work} - after.keys()]
    for name, judged in after.items():
        honest = points(before[name.rpartition("-")[0]])
        if judged.fault:
            found.append(f"{name} is taken for a fault of the course: {judged.fault}\n{judged.work.answers}")
        elif points(judged) > honest:
            found.append(f"{name} got {points(judged):g}, and {honest:g} without the tricks:\n{judged.work.answers}")
    return found + (["the honest one after them lost points"] if points(last) < sum(lab.points.values()) else [])


def test_a_few_gain_nothing():
    assert gains(FEW, TODAY) == []


@pytest.mark.full
def test_five_hundred_gain_nothing():
    assert gains(MANY, TODAY + 1) == []


def test_the_same_seed_draws_the_same():
    for wrong in wrong_answers():
        assert tables(wrong.lab), wrong.lab.key
        assert drawn(7, wrong) == drawn(7, wrong)
        assert drawn(7, wrong).answers == drawn(7, wrong).answers != drawn(8, wrong).answers
