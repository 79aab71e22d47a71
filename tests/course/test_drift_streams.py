"""What the lab drift says of its branches is so: a change is as large as the task says, and without one there is none."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from labkit.course import root

sys.path.insert(0, str(root() / "graders" / "93-mlops"))
from test_drift import ENOUGH, LENDER, NIGHTS, NOTHING, PAST, Change, World

SINCE = 10
SAME = Change("nothing", SINCE)  # as many applications as with a change


@pytest.fixture(scope="module")
def world():
    """One past."""
    return World("lender", LENDER, 7, 0.5)


def fed(world, change, nights=NIGHTS):
    """All applications and all settled loans of a branch, each in a table, with the night."""
    feed = list(world.branch(3, change, nights))
    tables = (pd.concat([night[at].assign(night=number) for number, night in enumerate(feed)]) for at in (0, 1))
    return *tables, feed


def both(world, change, nights=NIGHTS):
    """The applications from the change on, and the same people without it."""
    tables = (fed(world, each, nights)[0] for each in (change, SAME))
    return tuple(table[table["night"] > SINCE] for table in tables)


def test_labels_of_the_last_weeks_come_later(world):
    given = world.given()
    unknown = given.loc[given["late"].isna(), "day"]
    assert unknown.min() >= PAST - 35
    settled = fed(world, NOTHING)[1]
    assert (settled["day"] < PAST).sum() == len(unknown)
    assert (PAST + settled["night"] - settled["day"]).between(21, 34).all()


def test_weeks_without_news_end_with_all_of_it(world):
    feed = list(world.branch(3, NOTHING, silence=(25, 44)))
    assert [len(settled) for _, settled, _ in feed[25:44]] == [0] * 19
    assert len(feed[44][1]) > 300


@pytest.mark.parametrize("to", [0.4, -0.5])
def test_a_number_moves_by_a_quarter(world, to):
    changed, same = both(world, Change("moves", SINCE, "income", to))
    assert abs(changed["income"].median() / same["income"].median() - 1) > 0.25


def test_a_number_creeps_by_one_percent(world):
    changed, same = both(world, Change("creeps", SINCE, "income", 0.01))
    last = [table.loc[table["night"] > NIGHTS - 15, "income"].median() for table in (changed, same)]
    assert last[0] / last[1] > 1.01 ** (NIGHTS - 15 - SINCE)


def test_a_number_spreads_around_the_same_middle(world):
    changed, same = both(world, Change("wider", SINCE, "income", 4.0))
    assert abs(changed["income"].median() / same["income"].median() - 1) < 0.1
    wide, usual = (table["income"].quantile(0.9) / table["income"].quantile(0.5) for table in (changed, same))
    assert wide > usual**2.5


@pytest.mark.parametrize("category", ["boat", "dentist"])
def test_25_of_100_have_another_category(world, category):
    changed, same = (
        (table["purpose"] == category).mean()
        for table in both(world, Change("more of", SINCE, "purpose", 0.25, category))
    )
    assert 0.19 < changed - same < 0.28


def test_a_category_of_20_percent_is_gone(world):
    changed, same = (
        (table["channel"] == "branch").mean()
        for table in both(world, Change("without", SINCE, "channel", category="branch"))
    )
    assert changed == 0
    assert same > 0.2


def test_scores_are_higher(world):
    changed, same = (table["score"].mean() for table in both(world, Change("scores", SINCE, "score", 0.3)))
    assert changed - same > 0.15


@pytest.mark.parametrize("what", ["riskier", "unlike"])
def test_decisions_become_worse_and_inputs_stay(world, what):
    change = Change(what, SINCE, "accuracy", 2.5)
    (today, settled, _), (same, usual, _) = (fed(world, each, 200) for each in (change, SAME))
    pd.testing.assert_frame_equal(today[["day", *LENDER, "score"]], same[["day", *LENDER, "score"]])
    since = [loans[loans["day"] >= PAST + SINCE] for loans in (settled, usual)]
    right, late = zip(
        *(((each["score"] >= 0.5).eq(each["late"] == 1).mean(), each["late"].mean()) for each in since), strict=True
    )
    assert right[1] - right[0] > 0.15
    assert what == "riskier" or abs(late[0] - late[1]) < 0.04


def test_the_night_of_a_change_has_enough_applications(world):
    for since in range(5, 15):
        feed = fed(world, Change("gone", since, "rent", within=0))[2]
        assert len(feed[since][0]) >= ENOUGH
        assert [night[2] for night in feed[since - 1 : since + 1]] == [[], ["rent"]]
