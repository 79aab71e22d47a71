"""Hidden checks of drift: other columns, another time of year, rare categories, and weeks without news."""

import pytest
from test_drift import (
    LATE,
    LENDER,
    NOTHING,
    SLOW,
    Branch,
    Change,
    Number,
    Text,
    Watch,
    World,
    imports,
    monitor,
    points,
)

from labkit.checking.checks import after, keeps, review

CARD = {
    "age": Number(3.6, 0.3, year=0.1, risk=-0.8, missing=0.0),
    "limit": Number(7.0, 0.6, year=-0.2, weekend=0.2, risk=0.9, missing=0.05),
    "region": Text({"north": 0.3, "south": 0.34, "east": 0.33, "abroad": 0.03}, {"south": 0.7}, {}, {"abroad": 0.6}),
    "device": Text(
        {"phone": 0.5, "tablet": 0.2, "computer": 0.3}, {"tablet": 0.5}, {"computer": -0.9}, {"tablet": 0.5}
    ),
}


@pytest.fixture(scope="module")
def watch(monitor):
    """Branches of two worlds, watched."""
    card, spring = World("card", CARD, 51, 3.5), World("spring", LENDER, 52, 5.0)
    return Watch(
        monitor,
        Branch(card, 1, silence=(25, 44)),
        Branch(card, 3, Change("gone", 12, "device", within=0)),
        Branch(card, 4, Change("missing", 8, "limit", 1.0, within=0)),
        Branch(card, 5, Change("missing", 9, "region", 1.0, within=0)),
        Branch(card, 6, Change("moves", 10, "age", -0.3)),
        Branch(card, 7, Change("more of", 14, "region", 0.25, "islands")),
        Branch(card, 8, Change("missing", 12, "region", 0.3)),
        Branch(card, 9, Change("without", 9, "device", category="computer")),
        Branch(card, 10, Change("creeps", 11, "limit", -0.015, within=SLOW)),
        Branch(spring, 12),
        Branch(spring, 14, Change("more of", 10, "purpose", 0.25, "dentist")),
        Branch(spring, 15, Change("wider", 9, "income", 4.0)),
        Branch(spring, 16, Change("scores", 12, "score", 0.3)),
        Branch(spring, 17, Change("unlike", 9, "accuracy", within=LATE), silence=(5, 30)),
        Branch(spring, 18, Change("riskier", 14, "accuracy", 2.5, within=LATE)),
    )


@points(3)
@after("test_tells_sudden_changes")
@keeps("silent", "season", "noise", "columns")
@review("What stays the same in a year, what differs from day to day, and what a night without rows or news comes to.")
def test_is_silent_elsewhere(watch):
    """With other columns, at other times of the year, and with weeks without news of loans, at most 2 of 100 nights have a false alarm."""
    watch.must_be_silent()


@points(2)
@after("test_tells_slow_changes", "test_is_silent_elsewhere")
@keeps("slow", "columns")
@review("What you compare with, and whether it drifts along.")
def test_tells_slow_changes_elsewhere(watch):
    """A column that creeps down is told within 56 nights."""
    watch.must_tell("creeps")


@points(2)
@after("test_tells_what_is_lost")
@keeps("lost", "columns")
@review("What of your code knows the names of columns.")
def test_tells_what_is_lost_elsewhere(watch):
    """A lost column is told on the first night, whatever its name and type."""
    watch.must_tell("gone", "missing", lost=True)


@points(3)
@after("test_tells_sudden_changes", "test_is_silent_elsewhere")
@keeps("sudden", "names", "columns")
@review("Rare categories, new and old ones; missing values; a column whose middle stays; the score.")
def test_tells_other_changes(watch):
    """Other columns, the score, rare categories and a wider spread are told within 28 nights, and no other column."""
    watch.must_tell("moves", "more of", "missing", "without", "wider", "scores")


@points(3)
@after("test_tells_worse_decisions", "test_is_silent_elsewhere")
@keeps("accuracy")
@review("How labels that come late, or all at once, are counted.")
def test_tells_worse_decisions_elsewhere(watch):
    """Worse decisions are told within 70 nights, also after weeks without news, and when as many pay late as before."""
    watch.must_tell("riskier", "unlike")
