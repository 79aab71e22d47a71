"""Checks of data-contract: batches with bad rows, and what comes back of each row."""

import re

import pandas as pd
import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.model import frames

CONTRACT = ("id", "income", "term", "rent", "purpose", "channel", "employer")
DTYPES = {"id": "int64", "income": "float64", "term": "int64", "rent": "float64"}
GOOD = {
    "id": 1,
    "income": 2150.5,
    "term": 24,
    "rent": 110.0,
    "purpose": "car",
    "channel": "app",
    "employer": "Hill & Sons",
}


@pytest.fixture(scope="module")
def imports():
    """What the answer will want."""
    return ("pandas", "pandera.pandas")


def table(rows, index=None):
    """A batch of good rows, each with what is said of it; ids 1, 2, …, and a `ref` that no other row has."""
    whole = [{**GOOD, "id": at + 1, "ref": f"R{at:05}", **row} for at, row in enumerate(rows)]
    return pd.DataFrame(whole, index=index)


def as_objects(batch, *names):
    """The batch with columns in which each cell keeps the type it has."""
    return batch.astype(dict.fromkeys(names, object))


def told(row):
    """A row's values as a learner reads them."""
    return ", ".join(f"{name}={row[name]!r}" for name in row if name != "ref")[:160]


class Receiver:
    """The answer's `receive`, and what it must make of each row."""

    def __init__(self, worker):
        self._worker = worker

    def receive(self, batch):
        """The rows of good and bad, and what good is as a frame. Raises Wrong."""
        returned = self._worker.do("receive", batch)
        most = 2 * len(batch) + 10
        if not isinstance(returned, list) or len(returned) != 2:
            raise Wrong("receive does not return two tables.", expected="good, bad", got=f"{type(returned).__name__}")
        good, bad = (frames.rows(part, most) for part in returned)
        for name, part in (("good", good), ("bad", bad)):
            if part is None:
                raise Wrong(
                    f"{name} is no DataFrame with at most as many rows as the batch.",
                    expected=f"a DataFrame of up to {len(batch)} rows",
                    got="something else",
                )
        return good, bad, returned[0]

    def must_sort(self, batch, broken, about=""):
        """Gives a batch; `broken` is, for each of its rows, the set of columns whose rule it breaks. Raises Wrong.

        What is special about the batch is added to why a row is on the wrong side.
        """
        good, bad, frame = self.receive(batch)
        came = list(frames.rows(frames.encoded(batch), len(batch)) or [])
        self._nothing_lost(came, good, bad)
        self._right_side(came, broken, good, bad, about)
        self._reasons(came, broken, bad)
        self._as_it_came(came, broken, bad)
        self._numbers(came, broken, good, frame)

    def _nothing_lost(self, came, good, bad):
        for name, part in (("good", good), ("bad", bad)):
            if lacking := [column for column in came[0] if part and column not in part[0]] if came else []:
                raise Wrong(
                    f"{name} has not all of the batch's columns.", expected=", ".join(came[0]), got=f"no {lacking[0]}"
                )
        seen = [row.get("ref") for row in good + bad]
        for place, row in enumerate(came):
            if (times := seen.count(row["ref"])) != 1:
                where = "neither in good nor in bad" if not times else f"{times} times in good and bad together"
                raise Wrong(
                    f"The row at place {place} is {where}.", expected=f"once: {told(row)}", got=f"{times} times"
                )
        if len(seen) != len(came):
            raise Wrong("There are rows that the batch did not have.", expected=f"{len(came)}", got=f"{len(seen)}")
        place = {row["ref"]: at for at, row in enumerate(came)}
        for name, part in (("good", good), ("bad", bad)):
            at = [place[row["ref"]] for row in part]
            if at != sorted(at):
                raise Wrong(
                    f"{name} has the rows in another order than the batch.", expected=sorted(at)[:8], got=at[:8]
                )

    def _right_side(self, came, broken, good, bad, about):
        refused = {row["ref"] for row in bad}
        for place, (row, rules) in enumerate(zip(came, broken, strict=True)):
            if rules and row["ref"] not in refused:
                raise Wrong(
                    f"A bad row is in good: the one at place {place}. {about}".rstrip(),
                    expected=f"bad, because of {', '.join(sorted(rules))}: {told(row)}",
                    got="good",
                )
            if not rules and row["ref"] in refused:
                why = next(one.get("why") for one in bad if one["ref"] == row["ref"])
                raise Wrong(
                    f"A good row is in bad: the one at place {place}. {about}".rstrip(),
                    expected=f"good: {told(row)}",
                    got=f"bad, why: {why!r}"[:120],
                )

    def _reasons(self, came, broken, bad):
        place = {row["ref"]: at for at, row in enumerate(came)}
        for row in bad:
            at = place[row["ref"]]
            number = row.get("row")
            if isinstance(number, bool) or number != at:
                raise Wrong(
                    "The column row of bad does not say at which place of the batch the row was.",
                    expected=at,
                    got=repr(number)[:80],
                )
            why = row.get("why")
            named = sorted(filter(None, re.split(r"[,\s]+", why))) if isinstance(why, str) else why
            if named != sorted(broken[at]):
                raise Wrong(
                    f"The row at place {at} breaks the rules of other columns than why says: {told(came[at])}",
                    expected=", ".join(sorted(broken[at])),
                    got=repr(why)[:120],
                )

    def _as_it_came(self, came, broken, bad):
        place = {row["ref"]: at for at, row in enumerate(came)}
        for row in bad:
            before = came[place[row["ref"]]]
            for name, value in before.items():
                if row[name] != value or isinstance(row[name], str) != isinstance(value, str):
                    raise Wrong(
                        f"bad has another {name} than the batch.", expected=repr(value)[:80], got=repr(row[name])[:80]
                    )

    def _numbers(self, came, broken, good, frame):
        for name, dtype in DTYPES.items():
            if good and frames.dtype(frame, name) != dtype:
                raise Wrong(
                    f"The column {name} of good has another dtype.", expected=dtype, got=frames.dtype(frame, name)
                )
        before = {row["ref"]: row for row in came}
        for row in good:
            for name, value in before[row["ref"]].items():
                expected = float(value) if name in DTYPES and value is not None else value
                if row[name] != expected:
                    raise Wrong(
                        f"good has another {name} than the batch.", expected=repr(value)[:80], got=repr(row[name])[:80]
                    )


@pytest.fixture(scope="module")
def receiver(workers, answers):
    """The answer's `receive`."""
    return Receiver(workers(answers["receive"]))


@points(2)
@keeps("good", "free", "purpose", "rent")
@hint(
    "Which columns may be missing? A check of pandera's says nothing about a missing value: `nullable=` does.",
    "A purpose that you have never seen is a good one. And a column of ids must be int64 when it comes back: `astype`.",
)
def test_good_rows_pass(receiver):
    """A batch of good rows comes back whole: with values missing where they may be, a new purpose, and the values at each bound."""
    rows = [
        {},
        {"rent": None},
        {"employer": None},
        {"purpose": "e-bike"},
        {"channel": "phone", "income": 300, "rent": 299.99},
        {"income": 20_000, "rent": 19_999.99, "channel": "branch"},
        {"term": 6, "rent": 0},
        {"term": 60, "purpose": " moving house"},
    ]
    receiver.must_sort(table(rows), [set()] * len(rows))
    receiver.must_sort(table([{"employer": None, "rent": None}] * 3), [set()] * 3)


@points(3)
@after("test_good_rows_pass")
@keeps("id", "income", "term", "rent", "purpose", "channel", "bad")
@hint(
    "Go through the contract line by line. Which rule speaks of one column, which one of two, which one of all rows?",
    "`pa.Column(…, unique=True)` finds both rows of a double id. `report_duplicates=` says which one it reports.",
    "pandera's check of a whole row: `DataFrameSchema(…, checks=pa.Check(lambda rows: …))`, which gives True for each row that is well.",
)
def test_each_rule(receiver):
    """A row that breaks one rule is in bad, as it came, and its neighbours are in good."""
    for rule in BROKEN:
        about = "The rows at places 0 and 5 have the same id." if rule == "id" else ""
        receiver.must_sort(*one_by_one(rule, BROKEN[rule]), about)


BROKEN = {
    "income": [None, 299.99, 20_000.01, 215_000, -2150],
    "term": [None, 5, 61, 24.5, 0],
    "rent": [-0.01, 2150.5, 2150.51],
    "purpose": [None, "", "   "],
    "channel": [None, "fax", "App", "app "],
    "id": [None, 1.5],
}


def one_by_one(rule, values):
    """A batch in which each second row has one of the values, and which rules each row breaks."""
    beside = {"rent": None} if rule == "income" else {}  # a low income breaks the rule of rent, too
    rows = [row for value in values for row in ({}, {rule: value, **beside})]
    batch = table([*rows, {}, {"id": 1}] if rule == "id" else rows)
    broken = [set() if at % 2 == 0 else {rule} for at in range(len(batch))]
    return batch, broken


@points(2)
@after("test_each_rule")
@keeps("why", "id")
@hint(
    "`lazy=True` reports all that is wrong with a row. Does each column's name get into `why`, once?",
    "Also a row with a bad income has an id: the next row with that id is bad.",
)
def test_all_reasons(receiver):
    """A row that breaks several rules is in bad once, and why names all of them."""
    rows = [
        {"income": 215_000, "term": 2},
        {"income": None, "rent": -5, "channel": None},
        {"id": 1, "purpose": "", "term": 61},
        {"income": 250, "rent": 260},
        {"id": 1},
        {"income": 100, "rent": 40},
    ]
    broken = [
        {"income", "term"},
        {"income", "rent", "channel"},
        {"id", "purpose", "term"},
        {"income", "rent"},
        {"id"},
        {"income"},
    ]
    receiver.must_sort(table(rows), broken)


@points(2)
@after("test_each_rule")
@keeps("text", "bad", "good")
@hint(
    "One cell that cannot be converted, and pandera's `coerce=True` leaves the whole column as it was. What converts cell by cell?",
    '`pd.to_numeric(column, errors="coerce")` makes what is no number a missing one. For `rent`, which may be missing, you have to tell the two apart.',
)
def test_numbers_as_text(receiver):
    """Numbers that come as text are taken as numbers, in a whole column or in one cell; what is no number is refused, and stays as it came."""
    rows = [
        {},
        {"income": "1800.50", "term": "36", "rent": "99"},
        {"term": "two years"},
        {"income": "n/a"},
        {"rent": "unknown"},
        {"income": "215000", "id": "77"},
        {"id": "A-12", "rent": None},
        {"rent": None},
    ]
    broken = [set(), set(), {"term"}, {"income"}, {"rent"}, {"income"}, {"id"}, set()]
    receiver.must_sort(as_objects(table(rows), *DTYPES), broken)
    whole = table([{"rent": 5}, {"term": 7}, {"income": 250}]).astype(dict.fromkeys(DTYPES, "str"))
    receiver.must_sort(whole, [set(), set(), {"income"}])


@points(2)
@after("test_each_rule")
@keeps("nothing-lost", "why")
@hint(
    "Two files were put together, and labels of the index come twice. What does `failure_cases` call `index`?",
    "`reset_index(drop=True)` numbers the rows; then a label is a place.",
)
def test_any_index(receiver):
    """Whatever labels the index has, also the same for several rows, each row is in good or in bad, once, and row says its place."""
    rows = [{}, {"income": 1, "rent": None}, {}, {"term": 0}, {}, {"id": 1}]
    broken = [set(), {"income"}, set(), {"term"}, set(), {"id"}]
    for index in ([0, 1, 2, 0, 1, 2], [7] * 6, list("fedcba"), [5, 4, 3, 2, 1, 0]):
        receiver.must_sort(table(rows, index), broken, f"The labels of the index are {', '.join(map(str, index))}.")


@points(1)
@after("test_good_rows_pass")
@keeps("no-column")
@hint("What would each row of a batch without incomes be, by the contract? The batch is not what was agreed on.")
def test_no_column(receiver):
    """A batch that lacks a column of the contract is refused with an error that names it."""
    must_miss(receiver, table([{}, {}]), ("income", "employer", "rent"))


def must_miss(receiver, batch, names):
    """Raises Wrong unless a batch without one of these columns is refused by name."""
    for name in names:
        try:
            receiver.receive(batch.drop(columns=name))
        except AnswerError as error:
            if not re.search(rf"\b{name}\b", str(error)):
                raise Wrong(
                    f"The error does not name the column {name}, which is not there.", expected=name, got=str(error)
                ) from None
        else:
            raise Wrong(
                f"A batch without the column {name} was taken.",
                expected=f"an error that names {name}",
                got="two tables",
            )
