"""Checks of drift: branches that are watched night after night, of which some change and some do not."""

from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pandas as pd
import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points

YEAR, PAST = 364, 728  # days: 52 weeks, and what is known at the beginning
NIGHTS = 84  # of a branch that is watched to the end
BUDGET = 0.02  # the share of nights on which an alarm may be false
ENOUGH = 10  # applications of a night on which a lost column is told
SUDDEN, SLOW, LATE = 28, 56, 70  # nights within which a change is told
FREE = {"score", "accuracy"}  # what follows from any change
LABELS = (21, 35)  # days until it is known who paid late

DRIVER = """
import __main__, copy, traceback

learned, watched = {}, {}


def function(name):
    found = getattr(__main__, name, None)
    if not callable(found):
        raise NameError(f"the cell defines no function {name}")
    return found


def drift_learn(world, past):
    learned[world] = function("learn")(past)


def drift_nights(world, branches, today, settled):
    said, night = [], function("night")
    for key, rows, news, gone in branches:
        if key not in watched:
            watched[key] = copy.deepcopy(learned[world])
        parts = [today.iloc[:rows].reset_index(drop=True), settled.iloc[:news].reset_index(drop=True)]
        today, settled = today.iloc[rows:], settled.iloc[news:]
        try:
            said.append([night(watched[key], parts[0].drop(columns=gone), parts[1])])
        except Exception as error:
            said.append(why(error))
    return said


def why(error):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "answer.py"]
    try:
        return f"line {lines[-1] if lines else '?'}: {type(error).__name__}: {error}"[:500]
    except Exception:
        return type(error).__name__[:500]
"""
RUN_DRIVER = f"""

exec(compile({DRIVER!r}, "driver", "exec"), driver := {{}})
globals().update(drift_learn=driver["drift_learn"], drift_nights=driver["drift_nights"])
"""


@pytest.fixture(scope="module")
def imports():
    """What the answer will want."""
    return ("pandas", "scipy.stats")


# What is drawn


@dataclass(frozen=True)
class Number:
    """A column of numbers, in logarithms: its middle and spread, what the year and the weekend add, and what it says of paying late."""

    middle: float
    spread: float
    year: float = 0.0
    weekend: float = 0.0
    risk: float = 0.0
    missing: float = 0.02


@dataclass(frozen=True)
class Text:
    """A column of categories: their shares, and in log-odds what the year and the weekend add, and what each says of paying late."""

    shares: dict
    year: dict = field(default_factory=dict)
    weekend: dict = field(default_factory=dict)
    risk: dict = field(default_factory=dict)
    missing: float = 0.02


LENDER = {
    "income": Number(7.6, 0.4, year=0.15, weekend=-0.15, risk=-1.0),
    "rent": Number(5.5, 0.5, risk=0.5),
    "purpose": Text(
        {"car": 0.46, "kitchen": 0.46, "dentist": 0.03, "moving": 0.05}, {"moving": 1.0}, {}, {"moving": 0.8}
    ),
    "channel": Text({"app": 0.5, "branch": 0.3, "phone": 0.2}, {}, {"app": 1.2, "branch": -1.0}, {"phone": 0.4}),
}


@dataclass(frozen=True)
class Change:
    """What changes in a branch, on which night, and within how many nights it must be told under which name."""

    what: str
    since: int
    name: str = ""
    to: float = 0.0
    category: str = ""
    within: int = SUDDEN

    def hits(self, what, name=""):
        """Whether it is this one."""
        return self.what == what and self.name == name


NOTHING = Change("nothing", NIGHTS)


class Draw:
    """Rows of some days. `new` is where the change has come."""

    def __init__(self, seed, first, days, phase, change):
        self.draw, self.days, self.change = np.random.default_rng(seed), days, change
        every = np.arange(first, first + days)
        many = self.draw.poisson(np.where(every % 7 >= 5, 12, 30))
        many = np.where(self.draw.random(days) < 0.04, self.draw.integers(0, 3, days), many)  # holidays
        many[max(change.since, 0) : change.since + 1] += ENOUGH * (change is not NOTHING)
        self.at = np.repeat(np.arange(days), many)
        self.day = every[self.at]
        self.wave, self.weekend = np.sin(2 * np.pi * self.day / YEAR + phase), self.day % 7 >= 5
        self.new = self.day >= PAST + change.since

    def of_day(self, spread):
        """What a day has in common: days differ by more than their rows do."""
        return self.draw.normal(0, spread, self.days)[self.at]

    def holes(self, name, share):
        """Where there is no value."""
        found = self.draw.random(len(self.day)) < share
        if self.change.hits("missing", name):
            found |= self.new & (self.draw.random(len(self.day)) < self.change.to)
        return found

    def numbers(self, name, column):
        """A column of numbers, and what it adds to the log-odds of paying late."""
        change, noise = self.change, self.draw.normal(0, column.spread, len(self.day))
        if change.hits("wider", name):
            noise = np.where(self.new, noise * change.to, noise)
        logs = noise + self.of_day(0.15 * column.spread) + column.year * self.wave + column.weekend * self.weekend
        if change.hits("moves", name):
            logs = logs + change.to * self.new
        if change.hits("creeps", name):
            logs = logs + change.to * np.maximum(self.day - PAST - change.since + 1, 0)
        values = np.exp(column.middle + logs) * np.where(self.draw.random(len(self.day)) < 0.002, 50, 1)  # mistyped
        return np.where(self.holes(name, column.missing), np.nan, values.round(2)), column.risk * logs / column.spread

    def texts(self, name, column):
        """A column of texts, and what it adds to the log-odds of paying late."""
        change, categories = self.change, list(column.shares)
        odds = [
            np.log(column.shares[each])
            + column.year.get(each, 0) * self.wave
            + column.weekend.get(each, 0) * self.weekend
            + self.of_day(0.15)
            for each in categories
        ]
        odds = np.array(odds) + self.draw.gumbel(size=(len(odds), len(self.day)))
        if change.hits("without", name):
            odds[categories.index(change.category), self.new] = -99
        values = np.array(categories, dtype=object)[odds.argmax(axis=0)]
        if change.hits("more of", name):
            values[self.new & (self.draw.random(len(self.day)) < change.to)] = change.category
        risk = np.array([column.risk.get(each, 0.0) for each in values.tolist()])
        values[self.holes(name, column.missing)] = None
        return pd.Series(values, dtype=object), risk

    def table(self, columns):
        """All columns, the score, who paid late, and on which day that is known."""
        found, odds = {"day": self.day}, np.full(len(self.day), -2.0)
        for name, column in columns.items():
            found[name], more = (self.numbers if isinstance(column, Number) else self.texts)(name, column)
            odds = odds + 1.7 * more
        score, change = 1 / (1 + np.exp(-odds)), self.change
        if change.what == "riskier":
            odds = odds + change.to * self.new
        if change.what == "unlike":
            odds[self.new] = self.draw.permutation(odds[self.new])
        if change.hits("scores", "score"):
            score = np.where(self.new, change.to + (1 - change.to) * score, score)
        late = self.draw.random(len(score)) < 1 / (1 + np.exp(-odds))
        known = self.day + self.draw.integers(*LABELS, len(score))
        return pd.DataFrame({**found, "score": score.round(3), "late": late.astype(float), "known": known})


class World:
    """One past, and branches that go on from it."""

    def __init__(self, name, columns, seed, phase):
        self.name, self.columns, self.seed, self.phase = name, columns, seed, phase
        self.past = Draw([seed, 0], 0, PAST, phase, NOTHING).table(columns)

    def given(self):
        """What is known of the past when it ends: not yet who of the last weeks paid late."""
        late = self.past["late"].where(self.past["known"] < PAST)
        return self.past.drop(columns="known").assign(late=late)

    def branch(self, number, change, nights=NIGHTS, silence=None):
        """Each night's applications, loans of which it became known, and columns that are gone. In `silence`, no news of loans comes; it all comes after it."""
        rows = Draw([self.seed, number], PAST, nights, self.phase, change).table(self.columns)
        loans = pd.concat([self.past[self.past["known"] >= PAST], rows])[["day", "score", "late", "known"]]
        if silence:
            loans["known"] = loans["known"].mask(
                loans["known"].between(PAST + silence[0], PAST + silence[1]), PAST + silence[1]
            )
        rows, when = rows.drop(columns=["late", "known"]), loans.pop("known")
        applied, known = dict(list(rows.groupby("day"))), dict(list(loans.groupby(when)))
        for night in range(nights):
            gone = [change.name] if change.what == "gone" and night >= change.since else []
            yield applied.get(PAST + night, rows.iloc[:0]), known.get(PAST + night, loans.iloc[:0]), gone


# What is watched


@dataclass
class Branch:
    """A branch that is watched, and what was said of it until its change was told."""

    world: World
    number: int
    change: Change = NOTHING
    silence: tuple | None = None
    nights: int = 0  # so many, whatever is said; else until its change is told, or should have been
    said: list = field(default_factory=list)
    error: str = ""

    def __post_init__(self):
        self.ends = not self.nights
        self.nights = self.nights or min(NIGHTS, self.change.since + self.change.within + 1)
        self.feed = self.world.branch(self.number, self.change, self.nights, self.silence)

    @property
    def changed(self):
        """What was said from the change on."""
        return self.said[self.change.since :]

    @property
    def told(self):
        """Whether the change was told."""
        return any(self.change.name in names for names in self.changed)

    def false(self):
        """The nights of false alarms, and what they named."""
        for night, names in enumerate(self.said):
            odd = names - (FREE | {self.change.name} if night >= self.change.since else set())
            if odd:
                yield night, odd

    @property
    def goes_on(self):
        """Whether there is a night more to learn from."""
        return not (self.error or (self.told and self.ends) or len(self.said) == self.nights)

    def hear(self, told):
        """What came of a night: a list with what was returned, or the text of an error."""
        if isinstance(told, list) and len(told) == 1:
            self.said.append(self.read(told[0]))
        else:
            self.error = str(told)

    def must_run(self, about=""):
        """Raises AnswerError when there was an error."""
        if self.error:
            raise AnswerError(f"{about} In {describe(self, len(self.said))}: {self.error}".strip())

    def read(self, told):
        """The names of an alarm. Raises Wrong when these are none."""
        known = {*self.world.columns, *FREE}
        if not isinstance(told, list):
            raise Wrong("night returns no list.", expected="a list of names, such as []", got=type(told).__name__)
        for each in told:
            if not isinstance(each, str) or each not in known:
                raise Wrong("night names what is no column.", expected=", ".join(sorted(known)), got=repr(each)[:80])
        return set(told)


class Monitor:
    """The process in which the answer watches. It learns of each past once, and is asked for all branches of a night at a time."""

    def __init__(self, worker):
        self.worker, self.keys, self._learned = worker, count(), set()

    def learn(self, world):
        """What the answer makes of a past."""
        if world.name not in self._learned:
            self.worker.do("drift_learn", world.name, world.given())
        self._learned.add(world.name)

    def ask(self, world, branches):
        """A night of branches of one world, each with its key."""
        nights = [next(branch.feed) for branch, _ in branches]
        today, settled = (pd.concat([night[at] for night in nights]) for at in (0, 1))
        about = [
            [key, len(night[0]), len(night[1]), night[2]] for (_, key), night in zip(branches, nights, strict=True)
        ]
        try:
            told = self.worker.do("drift_nights", world, about, today, settled)
        except AnswerError as error:
            told = [str(error)] * len(branches)
        for (branch, _), each in zip(branches, told, strict=True):
            branch.hear(each)


class Watch:
    """Branches, watched by turns."""

    def __init__(self, monitor, *branches):
        self.branches = branches
        for branch in branches:
            monitor.learn(branch.world)
        left = [(branch, next(monitor.keys)) for branch in branches]
        while left := [(branch, key) for branch, key in left if branch.goes_on]:
            for world in {branch.world.name for branch, _ in left}:
                monitor.ask(world, [each for each in left if each[0].world.name == world])

    def must_be_silent(self):
        """Raises Wrong when more nights than the budget has were false alarms."""
        for branch in self.branches:
            if len(branch.said) < branch.change.since:
                branch.must_run()
        false = [(branch, *each) for branch in self.branches for each in branch.false()]
        nights = sum(len(branch.said) for branch in self.branches)
        most = int(BUDGET * nights)
        if len(false) > most:
            branch, night, names = false[0]
            counts = {
                name: sum(name in odd for *_, odd in false) for name in sorted(set.union(*(odd for *_, odd in false)))
            }
            raise Wrong(
                f"{len(false)} of {nights} nights had a false alarm: {', '.join(f'{name} {n}' for name, n in counts.items())}. "
                f"The first: {describe(branch, night)}.",
                expected=f"at most {most}",
                got=f"{len(false)}; the first names {listed(names)}",
            )

    def must_tell(self, *what, lost=False):
        """Raises Wrong unless each change of these kinds was told in time, and under its own name only."""
        for branch in self.branches:
            change = branch.change
            if change.what not in what or (change.within == 0) != lost:
                continue
            about = f"{in_words(change)}, from night {change.since} on."
            branch.must_run(about)
            if not branch.told:
                named = set().union(*branch.changed)
                raise Wrong(
                    f"{about} Nobody is told in time.",
                    expected=f"{change.name}, {until(change)}",
                    got=f"only {listed(named)}" if named else "no alarm",
                )
            before = sum(change.name in said for said in branch.said[: change.since])
            if lost and before > change.since / 2:
                raise Wrong(
                    f"{about} It is named on most nights before, too: that tells nobody anything.",
                    expected=f"{change.name}, {until(change)}",
                    got=f"{change.name}, on {before} of the {change.since} nights before, too",
                )
            others = set() if lost else branch.said[-1] - {change.name} - FREE
            if others:
                raise Wrong(
                    f"{about} The alarm names columns in which nothing changed.",
                    expected=change.name,
                    got=listed(branch.said[-1]),
                )


def listed(names):
    """Names as a learner reads them."""
    return ", ".join(sorted(names)) or "no alarm"


def until(change):
    """Until when a change must be told."""
    return f"by night {change.since + change.within}" if change.within else f"on night {change.since}"


DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def describe(branch, night):
    """A night as a learner reads it."""
    calm = branch.change is NOTHING
    where = "a branch in which nothing changes" if calm else f"a branch that changes on night {branch.change.since}"
    return f"night {night} of {where}, a {DAYS[night % 7]}"


def in_words(change):
    """A change as a learner reads it."""
    by = f"{abs(change.to):.0%}"
    return {
        "gone": f"The column {change.name} is gone",
        "missing": f"{by} of {change.name} are missing",
        "moves": f"{change.name} is {'higher' if change.to > 0 else 'lower'} by {abs(np.exp(change.to) - 1):.0%}",
        "wider": f"{change.name} spreads {change.to:g} times as wide, around the same middle",
        "creeps": f"{change.name} {'rises' if change.to > 0 else 'falls'} by {abs(change.to):.1%} a night",
        "more of": f"{by} more have {change.name} {change.category!r}",
        "without": f"Nobody has {change.name} {change.category!r} any more",
        "scores": f"Scores are higher by {0.7 * change.to:.1f} for the same people",
        "riskier": "Many more pay late than the scores say",
        "unlike": "Who pays late has nothing to do with the score any more, and as many do",
    }[change.what]


# The lender's branches


@pytest.fixture(scope="module")
def monitor(workers, answers):
    """The answer, in a process."""
    return Monitor(workers(answers["watch"] + RUN_DRIVER))


@pytest.fixture(scope="module")
def lender():
    """The world of the lab."""
    return World("lender", LENDER, 41, 0.5)


@pytest.fixture(scope="module")
def watch(monitor, lender):
    """Its branches, watched."""
    changes = (
        NOTHING,
        NOTHING,
        Change("gone", 9, "rent", within=0),
        Change("missing", 11, "income", 1.0, within=0),
        Change("missing", 8, "channel", 1.0, within=0),
        Change("moves", 12, "income", 0.4),
        Change("more of", 15, "purpose", 0.25, "boat"),
        Change("without", 10, "channel", category="branch"),
        Change("missing", 13, "income", 0.3),
        Change("creeps", 10, "income", 0.01, within=SLOW),
        Change("riskier", 12, "accuracy", 2.5, within=LATE),
        Change("unlike", 9, "accuracy", within=LATE),
    )
    return Watch(monitor, *(Branch(lender, 10 + at, change) for at, change in enumerate(changes)))


@points(2)
@keeps("names", "branches")
@hint(
    "Some nights have no application, and most nights of the first weeks bring no news of loans. What is the mean of nothing?",
    "Where does your function keep what it has seen? Another branch is watched by the same process: only `memory` is its own.",
)
def test_watches_each_branch(monitor, lender):
    """Each night of each branch gets a list of names, whoever else is watched at the same time."""
    moved = Change("moves", 0, "income", 1.0)
    calm, again = (Branch(lender, 1, nights=21) for _ in range(2))
    loud = Branch(lender, 2, moved, nights=21)
    Watch(monitor, calm, loud)
    Watch(monitor, again)
    for branch in (calm, again, loud):
        branch.must_run()
    for night, (beside, alone) in enumerate(zip(calm.said, again.said, strict=True)):
        if beside != alone:
            raise Wrong(
                "What is said of a branch depends on the others that the process watches. "
                f"The first difference: {describe(calm, night)}.",
                expected="the same names, whoever else is watched",
                got=f"{listed(beside)} beside another branch; {listed(alone)} after it",
            )


@points(2)
@after("test_watches_each_branch")
@keeps("lost")
@hint("Before you compare distributions: is the column there, and is there any value in it?")
def test_tells_what_is_lost(watch):
    """A column that is gone, or has no value any more, is told on the first night."""
    watch.must_tell("gone", "missing", lost=True)


@points(3)
@after("test_tells_what_is_lost")
@keeps("silent", "season", "noise")
@hint(
    "How often does your alarm ring over the second year of `past`, in which nothing changed? Run it there.",
    "Which days are like today's? Not all of `past`, and not the last month: the same weekdays, at the same time of year.",
    "Days differ by more than their rows do, so that a p-value is too small. How far apart were two years, at most? Only what is twice as far is news.",
)
def test_is_silent_without_a_change(watch):
    """Over all nights on which nothing has changed, at most 2 of 100 have an alarm."""
    watch.must_be_silent()


@points(3)
@after("test_is_silent_without_a_change")
@keeps("sudden", "names")
@hint(
    "What becomes of a category that `past` does not have, and of a missing value, in your counts?",
    "A night has 30 applications. How many does it take to see that a share rose from 5 % to 20 %? Gather some weeks.",
)
def test_tells_sudden_changes(watch):
    """A column that changes from one night to the next is told within 28 nights, and no other column."""
    watch.must_tell("moves", "more of", "without", "missing")


@points(2)
@after("test_is_silent_without_a_change")
@keeps("slow")
@hint("With what do you compare? If that is the last month, it drifts along.")
def test_tells_slow_changes(watch):
    """A column that creeps away, by about 1 % a night, is told within 56 nights."""
    watch.must_tell("creeps")


@points(3)
@after("test_is_silent_without_a_change")
@keeps("accuracy")
@hint(
    "Inputs and scores stay as they are, so nothing of `today` can tell. What does `settled` say?",
    "As many pay late as before, but others do. Compare each loan's score with what it came to, and not only how many pay late.",
)
def test_tells_worse_decisions(watch):
    """When decisions become worse although no input changes, accuracy is told within 70 nights."""
    watch.must_tell("riskier", "unlike")
