"""Hidden checks of fairness: other columns, groups at each bound, and people whom no choice was made from."""

import numpy as np
import pandas as pd
from test_fairness import (
    LAB,
    TODAY,
    Part,
    Past,
    answer,
    applications,
    chooser,
    decided,
    imports,
    measurer,
    must_decide_alone,
    must_take_newcomers,
    points,
)

from labkit.checking.checks import Wrong, after, keeps, review

PLACES = [(contract, region) for contract in ("fixed", "own") for region in (1, 2, 3)]
SHARES = (0.2, 0.15, 0.15, 0.1, 0.2, 0.2)
WORK = tuple(
    Part(
        {"contract": contract, "region": region},
        share,
        odds=-0.6 if (contract, region) in (("own", 1), ("fixed", 3)) else 0.3 + 0.1 * region,
        thin={("own", 1): 1.0, ("fixed", 3): 0.7}.get((contract, region), 0.0),
    )
    for (contract, region), share in zip(PLACES, SHARES, strict=True)
)


@answer("measure")
@points(2)
@after("test_measures_each_group", "test_any_decision", "test_missing_groups_and_codes")
@keeps("measure", "nobody-repaid", "decisions", "unknown", "codes")
@review("Who is in no row of your table, and what you divide by.")
def test_other_groups(measurer):
    """In tables drawn from a seed, with missing groups, codes and labels that repeat, each group's numbers are right."""
    draw = np.random.default_rng(31)
    for rows, decisions in ((60, ("yes", "no")), (200, (1, 0)), (120, (True, False))):
        people = pd.DataFrame(
            {
                "sex": pd.Series(draw.choice(np.array(["f", "m", None], dtype=object), rows), dtype=object),
                "region": draw.choice([1.0, 2.0, 3.0, np.nan], rows),
                "branch": draw.integers(0, 4, rows),
                "decision": np.array(decisions, dtype=object)[draw.integers(0, 2, rows)],
                "repaid": draw.integers(0, 2, rows),
            }
        ).set_axis(draw.integers(0, 9, rows), axis="index")
        for by in (["sex"], ["branch", "sex"], ["region", "sex", "branch"]):
            measurer.must_measure(people, by)


@answer("measure")
@points(2)
@after("test_finds_the_hidden_group")
@keeps("worst", "least", "fewest", "none")
@review("Groups that are equally low, and groups in which just `least` people repaid, one fewer, or nobody.")
def test_worst_at_the_bounds(measurer):
    """worst counts a group from `least` on, prefers fewer columns among equals, and is None when no group counts."""
    people = decided(
        [
            ("young", "city", 1, 1, 41),
            ("young", "country", 1, 1, 30),
            ("young", "country", 0, 1, 20),
            ("old", "city", 1, 1, 20),
            ("old", "city", 0, 1, 20),
            ("old", "country", 1, 1, 40),
            ("old", "country", 0, 0, 90),
            ("abroad", "city", 0, 0, 30),
        ]
    )
    for least in (50, 51, 500):
        measurer.must_find(people, ["age", "place"], least)
    rows = [("young", "city", 0, 1, 20), ("young", "city", 1, 1, 10), ("old", "city", 1, 1, 30)]
    measurer.must_find(decided(rows), ["place", "age"], 20)
    large = applications(32, WORK, 600).assign(decision=lambda table: table["score"] >= TODAY)
    for least in (10, 40):
        measurer.must_find(large, ["region", "channel", "contract"], least)


@answer("choose")
@points(3)
@after("test_closes_the_gap", "test_tells_the_truth")
@keeps("written", "today", "threshold", "budget", "gap", "record", "same-names")
@review("What of your code knows the columns, the groups or the budgets of the example.")
def test_other_crossings(chooser):
    """With other columns, two low groups, people whose group is missing, and other budgets, all rules hold."""
    people = applications(33, WORK)
    people["region"] = people["region"].where(np.random.default_rng(1).random(len(people)) > 0.1)
    for by, budget in ((["contract", "region"], 0.03), (["region", "contract"], 0.01), (["region"], 0.004)):
        past = Past(people, by)
        chooser.must_keep_every_rule(past, budget)


@answer("choose")
@points(2)
@after("test_closes_the_gap")
@keeps("others")
@review("What a choice takes from `past` that holds for nobody else.")
def test_other_people(chooser):
    """People whom the choice was not made from are treated as evenly, at much the same price."""
    for parts, by, budget in ((LAB, ["age", "place"], 0.02), (WORK, ["contract", "region"], 0.03)):
        past = Past(applications(34, parts), by)
        choice, approved = chooser.choose(past, budget)
        others = Past(
            applications(35, parts, 4000).assign(score=lambda rows: rows["score"] + 0.0004), by, past.counting
        )
        then, now = past.facts(approved), others.facts(chooser.decide(choice, others.people))
        least = others.facts(others.today())["accuracy"] - budget - 0.02
        if now["accuracy"] < least or now["gap"] > then["gap"] + 0.1:
            raise Wrong(
                "On other people the choice does not hold.",
                expected=f"accuracy of at least {least:.3f}, gap of at most {then['gap'] + 0.1:.3f}",
                got=f"{now['accuracy']:.3f}, {now['gap']:.3f}",
            )


def two_groups(good, late, others=512):
    """One group that is well served, and one whose people all have a score of 0.4: some repaid, some did not."""
    low = [("b", 0.4, 1)] * good + [("b", 0.4, 0)] * late
    high = [("a", 0.5, 1), ("a", 0.3, 0)] * ((others - len(low)) // 2)
    return Past(pd.DataFrame(high + low, columns=["kind", "score", "repaid"]), ["kind"])


@answer("choose")
@points(2)
@after("test_closes_the_gap", "test_tells_the_truth")
@keeps("budget", "counts", "today", "gap")
@review("Both sides of each bound: the budget, 50 people, a score of 0.5.")
def test_at_the_bounds(chooser):
    """A step that costs just the budget is taken, one that costs more is not; a group counts from 50 on."""
    for past, budget in (
        (two_groups(60, 68), 8 / 512),
        (two_groups(60, 69), 8 / 512),
        (two_groups(50, 50), 0.0),
        (two_groups(49, 49), 0.5),
        (two_groups(49, 20, 80), 0.5),
    ):
        chooser.must_keep_every_rule(past, budget)


@answer("choose")
@points(2)
@after("test_newcomers")
@keeps("newcomers", "same-names", "alone")
@review("In which types a group can come, and what becomes of a type in a JSON file.")
def test_codes_of_groups(chooser):
    """A group's code decides alike as 2, 2.0 and "2"; a new code, also 0, is decided as today."""
    past = Past(applications(36, WORK), ["contract", "region"])
    choice, _ = chooser.choose(past, 0.03)
    people = applications(37, WORK, 300)
    among = chooser.decide(choice, people)
    for kind in ("float64", "str", object):
        other = chooser.decide(choice, people.assign(region=people["region"].astype(kind)))
        if len(odd := np.flatnonzero(other != among)):
            says = ["refused", "approved"]
            raise Wrong(
                f"A region of the dtype {kind} is decided otherwise than one of int64: {len(odd)} of {len(people)} people.",
                expected=says[int(among[odd[0]])],
                got=says[int(other[odd[0]])],
            )
    for new in (0, "0", 4.0):
        must_take_newcomers(chooser, choice, people, "region", new)
    must_decide_alone(chooser, choice, people)
