"""Hidden checks of data-contract: long batches drawn from a seed, columns of nothing, and good rows that are handed in once more."""

import numpy as np
import pandas as pd
from test_data_contract import (
    CONTRACT,
    DTYPES,
    as_objects,
    imports,
    must_miss,
    points,
    receiver,
    table,
)

from labkit.checking.checks import AnswerError, Wrong, after, keeps, review
from labkit.kinds.model import frames

NEAR = {
    "income": [(300, True), (299.999, False), (20_000, True), (20_000.001, False), (0, False), (1e9, False)],
    "term": [(6, True), (5, False), (5.999, False), (60, True), (60.5, False), (61, False), (-24, False), (12.0, True)],
    "purpose": [("\t", False), ("née", True), ("car, used", True), ("", False), (None, False)],
    "channel": [("app", True), ("phone", True), ("APP", False), ("web", False), ("", False), (None, False)],
    "employer": [(None, True), ("", True), ("  ", True)],
}


def drawn(seed, rows):
    """A batch drawn from a seed, and which rules each row breaks."""
    draw = np.random.default_rng(seed)
    made, broken, ids = [], [], set()
    for _ in range(rows):
        row, rules = {"id": int(draw.integers(1, 20 * rows))}, set()
        for name, values in NEAR.items():
            if draw.random() < 0.12:
                row[name], well = values[draw.integers(len(values))]
                rules |= set() if well else {name}
        income = row.setdefault("income", round(float(draw.lognormal(7.6, 0.4)), 2))
        rules |= set() if 300 <= income <= 20_000 else {"income"}
        row["rent"], well = [
            (None, True),
            (0.0, income > 0),
            (income, False),
            (income - 0.01, income >= 0.01),
            (-1.0, False),
            (9.5, income > 9.5),
        ][draw.integers(6)]
        rules |= set() if well else {"rent"}
        rules |= {"id"} if row["id"] in ids else set()
        ids.add(row["id"])
        made.append(row)
        broken.append(rules)
    return made, broken, draw


@points(3)
@after("test_each_rule", "test_all_reasons")
@keeps(
    "id",
    "income",
    "term",
    "rent",
    "purpose",
    "channel",
    "free",
    "good",
    "bad",
    "why",
)
@review("Each bound of the contract, from both sides; and which rules speak of several rows or columns.")
def test_a_long_batch(receiver):
    """In a batch of 1,500 rows with values on both sides of each bound, each row is where it belongs, with its reasons."""
    made, broken, _ = drawn(41, 1500)
    receiver.must_sort(table(made), broken)


@points(2)
@after("test_numbers_as_text", "test_any_index")
@keeps("text", "nothing-lost", "bad")
@review("Cells of another type than their column, and labels that come more than once.")
def test_a_long_batch_of_all_types(receiver):
    """In a batch whose numbers are text in every third cell, and whose labels repeat, each row is where it belongs, as it came."""
    made, broken, draw = drawn(42, 900)
    for row, rules in zip(made, broken, strict=True):
        for name in DTYPES:
            if row.get(name) is not None and draw.random() < 0.3:
                row[name] = str(row[name])
        if draw.random() < 0.1:
            row["term"] = "24 months"
            rules.add("term")
    batch = as_objects(table(made, list(draw.integers(0, 50, len(made)))), *DTYPES)
    receiver.must_sort(batch, broken)


@points(1)
@after("test_good_rows_pass", "test_no_column")
@keeps("free", "no-column", "nothing-lost")
@review("What a check of a schema says about a column that holds nothing, and about a table that has no rows.")
def test_nothing_in_it(receiver):
    """A column that is empty is well where values may be missing, and bad in each row where they may not; a batch of no rows gives two empty tables."""
    for name, rules in (("rent", set()), ("employer", set()), ("purpose", {"purpose"}), ("income", {"income"})):
        batch = table([{}, {}, {}])
        batch[name] = pd.Series([None] * 3, dtype=object)
        receiver.must_sort(batch, [rules] * 3)
    try:
        receiver.must_sort(table([{}, {}]).iloc[:0], [])
    except AnswerError as error:
        raise Wrong("A batch of no rows is not taken.", expected="two tables of no rows", got=str(error)) from None
    must_miss(receiver, table([{}, {}]), CONTRACT)


@points(1)
@after("test_numbers_as_text")
@keeps("good")
@review("Whether what you hand on keeps the contract that you hold others to.")
def test_good_stays_good(receiver):
    """What `receive` calls good is good when it is handed in once more, in the same way."""
    made, broken, _ = drawn(43, 200)
    good, _, frame = receiver.receive(table(made).astype({"income": "str", "term": "str"}, errors="ignore"))
    if not good:
        raise Wrong("No row is good.", expected=f"{broken.count(set())} good rows", got="none")
    again = pd.DataFrame(good).astype({name: frames.dtype(frame, name) for name in DTYPES})
    receiver.must_sort(again, [set()] * len(again))
