"""Checks of fairness: what is measured by group, and thresholds that close a gap within a budget of accuracy."""

import contextlib
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from labkit.checking.checks import AnswerError, Wrong, after, answer, hint, keeps, points
from labkit.kinds.model import frames

TODAY = 0.5
LEAST = 50  # of a group that counts, so many repaid
MEASURES = ("people", "repaid", "approved", "opportunity")
NEAR = 0.05  # how much larger than the smallest one a gap may be
TRUE = 0.001
HEAVY = ("sklearn.metrics", "sklearn.linear_model", "fairlearn.metrics", "fairlearn.postprocessing")
SPREAD = 1.4  # how much closer to the average a score is that knows no credit file


@pytest.fixture(scope="module")
def imports(answers):
    """What the answers will want. What takes a second and more is imported only where a text asks for it."""
    return ("pandas", *(module for module in HEAVY if any(module.split(".")[0] in text for text in texts(answers))))


def texts(answers):
    """The answers that can be read."""
    for each in ("measure", "choose"):
        with contextlib.suppress(AnswerError):
            yield answers[each]


def name(value):
    """What a group is called: 1, 1.0 and "1" are the same, and a missing one is unknown."""
    if value is None or value != value:
        return "unknown"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def crossings(people, by):
    """The crossing of each row."""
    return list(zip(*(map(name, people[column].tolist()) for column in by), strict=True))


def called(by, group):
    """A group as a learner reads it."""
    return ", ".join(f"{column}={value}" for column, value in zip(by, group, strict=True))


# What is measured


def decided(rows):
    """People from (age, place, decision, repaid, how many)."""
    people = [row[:4] for row in rows for _ in range(row[4])]
    return pd.DataFrame(people, columns=["age", "place", "decision", "repaid"])


def rates(people, by):
    """What `measure` must say of each crossing."""
    found = {}
    for group, decision, repaid in zip(crossings(people, by), people["decision"], people["repaid"], strict=True):
        yes = decision in (1, "yes")
        counted = found.setdefault(group, [0, 0, 0, 0])
        for at, one in enumerate((True, repaid == 1, yes, yes and repaid == 1)):
            counted[at] += bool(one)
    return {
        group: dict(zip(MEASURES, (all_, good, yes / all_, both / good if good else None), strict=True))
        for group, (all_, good, yes, both) in found.items()
    }


class Measurer:
    """The answer's `measure` and `worst`, and what they must say."""

    def __init__(self, worker):
        self._worker = worker

    def must_measure(self, people, by, about=""):
        """Raises Wrong unless each group's numbers are right."""
        told = frames.rows(self._worker.do("measure", people, by), len(people) + 100)
        if told is None:
            raise Wrong("measure returns no DataFrame.", expected="a row for each group", got="something else")
        if lacking := [column for column in (*by, *MEASURES) if told and column not in told[0]]:
            raise Wrong("The table lacks a column.", expected=", ".join((*by, *MEASURES)), got=f"no {lacking[0]}")
        expected, seen = rates(people, by), {}
        for row in told:
            group = tuple("missing" if row[column] is None else name(row[column]) for column in by)
            if group in seen:
                raise Wrong(f"A group has more than one row: {called(by, group)}. {about}", expected="one", got="two")
            seen[group] = row
        for group in [*expected, *seen]:
            if (group in expected) != (group in seen):
                which = "lacks a group" if group in expected else "has a group that nobody is in"
                raise Wrong(
                    f"The table {which}: {called(by, group)}. {about}",
                    expected="; ".join(called(by, each) for each in sorted(expected)),
                    got="; ".join(called(by, each) for each in sorted(seen)) or "no group",
                )
        for group, row in expected.items():
            for measure, number in row.items():
                if not same(seen[group][measure], number):
                    raise Wrong(
                        f"{measure} of {called(by, group)} is another number. {about}",
                        expected=shown(number),
                        got=shown(seen[group][measure]),
                    )

    def must_refuse(self, people, what):
        """Raises Wrong when people with such a decision are measured."""
        try:
            self._worker.do("measure", people, ["age"])
        except AnswerError:
            return
        raise Wrong(f"A decision of {what!r} was measured.", expected="an error", got="a table")

    def must_find(self, people, columns, least):
        """Raises Wrong unless `worst` finds the group with the lowest opportunity."""
        expected, all_groups = lowest(people, columns, least)
        told = self._worker.do("worst", people, columns, least)
        if told is not None and not isinstance(told, dict):
            raise Wrong(
                "worst returns neither a dict nor None.",
                expected=shown_group(expected[0]),
                got=type(told).__name__,
            )
        found = None if told is None else {column: name(value) for column, value in told.items()}
        if found not in expected:
            raise Wrong(
                f"worst names another group. Columns: {', '.join(columns)}; least {least}.",
                expected=with_numbers(expected[0], all_groups),
                got=with_numbers(found, all_groups),
            )


def lowest(people, columns, least):
    """The groups that `worst` may find, as several can be equally low, and of each group of any crossing how many repaid, and its opportunity."""
    all_groups = {}
    for size in range(1, len(columns) + 1):
        for by in combinations(columns, size):
            for group, row in rates(people, by).items():
                all_groups[tuple(zip(by, group, strict=True))] = (row["repaid"], row["opportunity"])
    ranks = {group: (chance, len(group)) for group, (repaid, chance) in all_groups.items() if repaid >= max(least, 1)}
    first = min(ranks.values(), default=None)
    return [dict(group) for group, rank in ranks.items() if rank == first] or [None], all_groups


def shown_group(group):
    """A group that `worst` may return, as a learner reads it."""
    return "None" if group is None else called(group, group.values())


def with_numbers(group, all_groups):
    """A group, and what it has."""
    repaid, opportunity = next(
        (numbers for each, numbers in all_groups.items() if group and dict(each) == group), (None, None)
    )
    numbers = "" if repaid is None else f" ({repaid} repaid, opportunity {shown(opportunity)})"
    return shown_group(group) + numbers


def same(told, number):
    """Whether a number that is told is the right one; missing is only what is missing."""
    if number is None or told is None:
        return told is number
    return isinstance(told, int | float) and abs(told - number) < 1e-6


def shown(number):
    """A number as a learner reads it."""
    if number is None:
        return "missing"
    return f"{number:.3f}" if isinstance(number, float) else str(number)[:80]


@pytest.fixture(scope="module")
def measurer(workers, answers):
    """The answer's `measure` and `worst`."""
    return Measurer(workers(answers["measure"]))


FEW = [
    ("young", "city", 1, 1, 12),
    ("young", "city", 0, 1, 3),
    ("young", "city", 1, 0, 5),
    ("young", "country", 0, 1, 6),
    ("young", "country", 1, 1, 2),
    ("old", "country", 1, 0, 3),
    ("old", "country", 0, 0, 7),
    ("abroad", "city", 0, 1, 1),
]


@answer("measure")
@points(2)
@keeps("measure", "nobody-repaid")
@hint(
    "`approved` is a share of all people of a group. Of whom is `opportunity` a share?",
    "Where nobody repaid, 0 of 0 were approved. Is that the worst group, or none that can be judged?",
)
def test_measures_each_group(measurer):
    """For each group of one column, and for each crossing of two, measure says how many people there are, how many repaid, and both shares."""
    for by in (["age"], ["place"], ["age", "place"]):
        measurer.must_measure(decided(FEW), by)


@answer("measure")
@points(2)
@after("test_measures_each_group")
@keeps("decisions")
@hint(
    'What is `"yes" == 1`? And what is `bool("no")`?',
    "Turn what you know into 1 and 0 (`Series.map` with a dict), and look at what is left over.",
)
def test_any_decision(measurer):
    """Decisions of 1 and 0, of true and false, and of "yes" and "no" give the same table; other ones raise an error."""
    people = decided(FEW)
    for both in ((True, False), ("yes", "no")):
        other = people.assign(decision=np.where(people["decision"] == 1, *both))
        measurer.must_measure(other, ["age", "place"], f"The decisions are {both[0]!r} and {both[1]!r}.")
    for odd in (0.9, "1", "maybe", None, 2):
        decisions = people["decision"].astype(object)
        decisions.iloc[4] = odd
        measurer.must_refuse(people.assign(decision=decisions), odd)


@answer("measure")
@points(2)
@after("test_measures_each_group")
@keeps("unknown", "codes")
@hint(
    "How many people are in all rows of your table together? `groupby` leaves out rows whose group is missing.",
    "A column of whole numbers becomes one of floats as soon as one is missing: 1 is 1.0 then.",
)
def test_missing_groups_and_codes(measurer):
    """People whose group is missing are the group "unknown", and 1, 1.0 and "1" are one group."""
    people = decided(FEW).assign(region=[1, 2, 3] * 13)
    holes = people["region"].where(people.index % 5 > 0)
    mixed = [[value, float(value), str(value)][at % 3] for at, value in enumerate([1, 1, 2, 2, 2, 3] * 6 + [1, 2, 3])]
    about = "Some are missing, so that the codes are floats."
    measurer.must_measure(people.assign(region=holes), ["region"], about)
    measurer.must_measure(people.assign(region=holes), ["age", "region"], about)
    measurer.must_measure(people.assign(age=people["age"].where(people.index % 4 > 0)), ["age", "place"])
    measurer.must_measure(people.assign(region=pd.Series(mixed, dtype=object)), ["region"], "1, 1.0 and '1' mixed.")


@answer("measure")
@points(3)
@after("test_measures_each_group")
@keeps("worst", "least")
@hint(
    "Which crossings of three columns are there? Three of one, three of two, one of three: `itertools.combinations`.",
    "`least` counts those who repaid, as opportunity is a share of them.",
)
def test_finds_the_hidden_group(measurer):
    """worst finds the group with the lowest opportunity, in whichever crossing it hides, and passes by groups in which too few repaid."""
    people = applications(21, LAB, 1000).assign(decision=lambda rows: (rows["score"] >= TODAY).astype(int))
    columns = ["channel", "age", "place"]
    for least in (40, 15):
        measurer.must_find(people, columns, least)
    small = [("young", "city", 1, 1, 30), ("old", "city", 1, 1, 9), ("old", "city", 0, 1, 1), ("old", "city", 0, 0, 60)]
    small += [("young", "country", 1, 1, 15), ("young", "country", 0, 1, 15), ("old", "country", 1, 1, 30)]
    measurer.must_find(decided(small), ["age", "place"], 20)
    measurer.must_find(decided([*small, ("abroad", "city", 0, 1, 8)]), ["age", "place"], 20)


# What is chosen


@dataclass(frozen=True)
class Part:
    """People of one crossing: their share of all, the mean of their odds, and of how many the model knows no file."""

    groups: dict
    share: float
    odds: float
    thin: float = 0.0


LAB = (
    Part({"age": "young", "place": "city"}, 0.34, 0.6),
    Part({"age": "young", "place": "country"}, 0.14, -0.7, 1.0),
    Part({"age": "old", "place": "city"}, 0.16, 0.3),
    Part({"age": "old", "place": "country"}, 0.36, 0.3),
)


def applications(seed, parts, rows=3000):
    """People with a score, and whether they repaid."""
    draw = np.random.default_rng(seed)
    which = draw.choice(len(parts), rows, p=[part.share for part in parts])
    steady, file = draw.normal(size=(2, rows))
    odds = np.array([part.odds for part in parts])[which] + 0.7 * steady + 1.7 * file
    thin = draw.random(rows) < np.array([part.thin for part in parts])[which]
    seen = np.where(thin, (odds - 1.7 * file) / SPREAD, odds)
    table = pd.DataFrame([parts[at].groups for at in which])
    return table.assign(
        channel=draw.choice(["app", "branch", "phone"], rows),
        score=(1 / (1 + np.exp(-seen))).round(3),
        repaid=(draw.random(rows) < 1 / (1 + np.exp(-odds))).astype(int),
    )


class Past:
    """People of whom it is known who repaid, as the checks count them."""

    def __init__(self, people, by, counts=None):
        """`counts` are the groups that count, where others decided that."""
        self.people, self.by = people, by
        labels = crossings(people, by)
        self.labels = sorted(set(labels))
        self.group = np.array([self.labels.index(label) for label in labels])
        self.score, self.repaid = people["score"].to_numpy(), people["repaid"].to_numpy() == 1
        self.good = np.bincount(self.group, self.repaid, len(self.labels))
        enough = self.good >= LEAST if counts is None else [label in counts for label in self.labels]
        self.counts = np.array(enough)

    @property
    def counting(self):
        """The groups that count."""
        return {label for label, counts in zip(self.labels, self.counts, strict=True) if counts}

    def facts(self, approved):
        """Accuracy and gap of decisions."""
        shares = np.bincount(self.group, self.repaid & approved, len(self.labels))[self.counts] / self.good[self.counts]
        return {"accuracy": (approved == self.repaid).mean(), "gap": np.ptp(shares) if len(shares) else 0.0}

    def today(self):
        """Today's decisions."""
        return self.score >= TODAY

    def smallest_gap(self, budget):
        """The smallest gap of thresholds that lift each group to a floor."""
        least = self.facts(self.today())["accuracy"] - budget - 1e-12
        good = [np.sort(self.score[self.repaid & (self.group == at)])[::-1] for at in range(len(self.labels))]
        found = [self.facts(self.today())]
        for floor in np.linspace(0.005, 1, 200):
            cuts = [
                min(TODAY, scores[int(np.ceil(floor * len(scores))) - 1]) if counts else TODAY
                for scores, counts in zip(good, self.counts, strict=True)
            ]
            found.append(self.facts(self.score >= np.array(cuts)[self.group]))
        return min(each["gap"] for each in found if each["accuracy"] >= least)

    def person(self, at):
        """Somebody, as a learner reads it."""
        return f"{called(self.by, self.labels[self.group[at]])}, score {self.score[at]:g}"


class Chooser:
    """The answer's `choose` in one process and `decide` in another, and what both must come to."""

    def __init__(self, workers, text):
        self._choose, self._decide = workers(text), workers(text)
        self._kept = {}

    def choose(self, past, budget):
        """The choice for a budget, and its decisions on the past."""
        if (id(past), budget) not in self._kept:
            choice = self._choose.do("choose", past.people, past.by, budget)
            if not isinstance(choice, dict):
                raise Wrong("choose returns no dict.", expected="a dict", got=type(choice).__name__)
            self._kept[id(past), budget] = choice, self.decide(choice, past.people)
        return self._kept[id(past), budget]

    def decide(self, choice, people):
        """What is decided for each row. Raises Wrong when that is no list of 1 and 0."""
        told = self._decide.do("decide", choice, people.drop(columns="repaid"))
        if not isinstance(told, list) or len(told) != len(people):
            got = f"{len(told)} decisions" if isinstance(told, list) else type(told).__name__
            raise Wrong("decide returns no list with a decision for each row.", expected=f"{len(people)}", got=got)
        if odd := [each for each in told if each not in (0, 1)]:
            raise Wrong("decide returns something else than 1 and 0.", expected="1 or 0", got=repr(odd[0])[:80])
        return np.array(told, dtype=bool)

    def must_decide(self, past, budget):
        """Who is approved today stays approved; one threshold for each group; and groups that do not count are as today."""
        _, approved = self.choose(past, budget)
        lost = np.flatnonzero(past.today() & ~approved)
        if len(lost):
            raise Wrong(
                f"{len(lost)} people who are approved today are refused. Budget {budget:g}.",
                expected=f"approved: {past.person(lost[0])}",
                got="refused",
            )
        self._one_threshold(past, approved, budget)
        more = np.flatnonzero(approved & ~past.today() & ~past.counts[past.group])
        if len(more):
            good = int(past.good[past.group[more[0]]])
            raise Wrong(
                f"In a group that does not count, somebody is not decided as today: {good} of it repaid.",
                expected=f"refused: {past.person(more[0])}",
                got="approved",
            )

    def _one_threshold(self, past, approved, budget):
        for at in range(len(past.labels)):
            here = past.group == at
            yes, no = np.flatnonzero(here & approved), np.flatnonzero(here & ~approved)
            if not len(yes) or not len(no):
                continue
            low, high = yes[past.score[yes].argmin()], no[past.score[no].argmax()]
            if past.score[high] >= past.score[low]:
                raise Wrong(
                    f"Somebody is refused, and somebody of the same group with no higher score is approved. Budget {budget:g}.",
                    expected=f"approved as well: {past.person(high)}",
                    got=f"refused; approved: {past.person(low)}",
                )

    def must_stay_in_budget(self, past, budget):
        """Raises Wrong when accuracy on the past falls by more."""
        _, approved = self.choose(past, budget)
        before, now = past.facts(past.today()), past.facts(approved)
        if now["accuracy"] < before["accuracy"] - budget - 1e-12:
            raise Wrong(
                f"Accuracy on past falls by more than the budget of {budget:g}.",
                expected=f"at least {before['accuracy'] - budget:.4f} (today {before['accuracy']:.4f})",
                got=f"{now['accuracy']:.4f}, with a gap of {now['gap']:.3f}",
            )

    def must_close(self, past, budget):
        """Raises Wrong when the budget could have bought a smaller gap."""
        _, approved = self.choose(past, budget)
        before, now, best = past.facts(past.today()), past.facts(approved), past.smallest_gap(budget)
        if now["gap"] > best + NEAR:
            spent = before["accuracy"] - now["accuracy"]
            raise Wrong(
                f"A budget of {budget:g} buys a smaller gap between the groups of {', '.join(past.by)}.",
                expected=f"a gap of at most {best:.3f} + {NEAR:g} (today {before['gap']:.3f})",
                got=f"{now['gap']:.3f}, for {max(spent, 0):.4f} of accuracy",
            )

    def must_be_true(self, past, budget):
        """Raises Wrong unless the choice's numbers are those of its decisions."""
        choice, approved = self.choose(past, budget)
        new = approved & ~past.today()
        expected = {
            **{f"before: {what}": number for what, number in past.facts(past.today()).items()},
            **{f"after: {what}": number for what, number in past.facts(approved).items()},
            "newly_approved": int(new.sum()),
            "of_them_late": int((new & ~past.repaid).sum()),
        }
        for what, number in expected.items():
            told = choice
            for key in what.split(": "):
                told = told.get(key) if isinstance(told, dict) else None
            if not isinstance(told, int | float) or not abs(told - number) <= TRUE:
                raise Wrong(
                    f"The choice says of itself what is not so: {what}. Budget {budget:g}.",
                    expected=f"{number:.4f}" if isinstance(number, float) else str(number),
                    got="nothing" if told is None else f"{told:.4f}" if isinstance(told, float) else repr(told)[:80],
                )

    def must_keep_every_rule(self, past, budget):
        """Raises Wrong for the first that the choice breaks."""
        for rule in (self.must_decide, self.must_stay_in_budget, self.must_close, self.must_be_true):
            rule(past, budget)

    def must_be_as_today(self, choice, people, why):
        """Raises Wrong unless each of these people is decided as today."""
        approved, today = self.decide(choice, people), people["score"].to_numpy() >= TODAY
        other = np.flatnonzero(approved != today)
        if len(other):
            says = ["refused", "approved"]
            raise Wrong(
                f"{len(other)} of {len(people)} people are not decided as today. {why}",
                expected=f"{says[int(today[other[0]])]}, with a score of {people['score'].iloc[other[0]]:g}",
                got=says[int(approved[other[0]])],
            )


BY = ["age", "place"]
BUDGETS = (0.005, 0.02, 0.0)


@pytest.fixture(scope="module")
def past():
    """People like those of the lab."""
    return Past(applications(22, LAB), BY)


@pytest.fixture(scope="module")
def chooser(workers, answers):
    """The answer's `choose` and `decide`."""
    return Chooser(workers, answers["choose"])


@answer("choose")
@points(2)
@keeps("written", "today", "threshold")
@hint(
    "Which decisions may differ from today's? Only those from refused to approved: no threshold is above 0.5.",
    "What does `decide` know in another process? The dict, and after JSON all its keys are texts.",
)
def test_decides_by_the_choice(chooser, past):
    """From the choice alone, in another process, decide approves all who are approved today, and more by one threshold for each group."""
    for budget in BUDGETS:
        chooser.must_decide(past, budget)


@answer("choose")
@points(2)
@after("test_decides_by_the_choice")
@keeps("budget")
@hint("Compute the accuracy of each candidate on `past`, and leave out those that cost more than the budget.")
def test_stays_in_the_budget(chooser, past):
    """Accuracy on past falls by no more than the budget."""
    for budget in BUDGETS:
        chooser.must_stay_in_budget(past, budget)


@answer("choose")
@points(3)
@after("test_stays_in_the_budget")
@keeps("gap")
@hint(
    "Which group has the lowest opportunity? Raise that one first, until it meets the second lowest.",
    "A floor for all: each group's threshold is the highest that approves so large a share of those who repaid. Which floor is the highest that the budget pays for?",
)
def test_closes_the_gap(chooser, past):
    """The gap between the crossings on past is as small as the budget allows, give or take 0.05."""
    for budget in BUDGETS:
        chooser.must_close(past, budget)


@answer("choose")
@points(2)
@after("test_decides_by_the_choice")
@keeps("record")
@hint("Compute the numbers from `past` and the decisions that the choice comes to, and from nothing else.")
def test_tells_the_truth(chooser, past):
    """What the choice says of accuracy, gap and people, before and after, is so."""
    for budget in BUDGETS:
        chooser.must_be_true(past, budget)


@answer("choose")
@points(2)
@after("test_decides_by_the_choice")
@keeps("newcomers", "alone")
@hint(
    "Somebody moves here from a place that `past` does not have. Which threshold does `decide` find for them?",
    "Today's rule knows no group: approved from 0.5 on.",
)
def test_newcomers(chooser, past):
    """People of groups that past does not have, or whose group is missing, are decided as today; each person alone is decided as among others."""
    choice, _ = chooser.choose(past, 0.02)
    people = applications(23, LAB, 200)
    must_take_newcomers(chooser, choice, people, "place", "abroad")
    must_decide_alone(chooser, choice, people)


def must_take_newcomers(chooser, choice, people, column, new):
    """Raises Wrong unless a group that is new, or missing, is decided as today."""
    chooser.must_be_as_today(
        choice, people.assign(**{column: new}), f"Their {column} is {new!r}, which is not in past."
    )
    missing = people.assign(**{column: pd.Series([None] * len(people), dtype=object)})
    chooser.must_be_as_today(choice, missing, f"Their {column} is missing, as nobody's in past is.")


def must_decide_alone(chooser, choice, people):
    """Raises Wrong unless some people are decided alone as among all."""
    among = chooser.decide(choice, people)
    refused = np.flatnonzero(~among & (people["score"] > 0.1))
    for some in (refused[:40], np.arange(0, len(people), 7), np.arange(1)):
        alone = chooser.decide(choice, people.iloc[some])
        if len(other := some[alone != among[some]]):
            says = ["refused", "approved"]
            raise Wrong(
                f"Among {len(people)} people somebody is decided otherwise than among {len(some)}.",
                expected=says[int(among[other[0]])],
                got=says[int(not among[other[0]])],
            )
