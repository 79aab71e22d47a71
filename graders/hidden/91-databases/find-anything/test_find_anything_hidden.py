"""Hidden checks of find-anything: other data, whatever people type, and other hours."""

import pytest
from test_find_anything import (
    HOUR_BUDGET,
    NAMES_BUDGET,
    WORDS_BUDGET,
    blocks_of,
    call,
    compare,
    expected,
    few,
    found,
    log,
    misspelt,
    names,
    pages,
    smaller,
    titles_first,
    words,
    worst_hour,
)

from labkit.grading.checks import Wrong, answer, points, review

TYPED_BY_PEOPLE = [
    "shoes & ",
    "50% off!",
    "it's \"red",
    ":* | !",
    "a\\b <-> c",
    "( )",
    "the",
    "",
    "  ",
    "O'Neill (new): 3*4",
]


@pytest.fixture(scope="module")
def wanted():
    """What is searched for, in words."""
    return ["umbrellas", "didgeridoo bag", "hiking winter"]


@pytest.fixture(scope="module")
def typed():
    """What was typed, and who was meant."""
    return {
        "Quintavlale": "Nadia Quintavalle",
        "Drefyuss": "Colette Dreyfuss",
        "Bratshko": "Ilse Bratschko",
        "Zylinsky": "Uwe Zylinski",
    }


@answer("words")
@points(1)
@review("What a product without a description is to a search, and what the rank of a title is made of.")
def test_finds_and_ranks_in_other_data(words, expected):
    """The search finds and ranks products that it has not seen."""
    for text, products in expected.items():
        rows = found(words, "find_products", text)
        compare(text, rows, products)
        titles_first(rows, products)


@answer("words")
@points(1)
@review("Which functions make a query from what people type, and which from a language of operators.")
def test_whatever_people_type(words):
    """Whatever people type, the search gives an answer and no error."""
    if not found(words, "find_products", "umbrella"):
        raise Wrong("The search finds nothing at all.", expected="products", got="no rows")
    for text in TYPED_BY_PEOPLE:
        found(words, "find_products", text)


@answer("words")
@points(1)
@review("Whether the index serves every search, or that of one example.")
def test_words_read_few_blocks_in_other_data(words, expected):
    """Another search for words reads few blocks, too."""
    if not found(words, "find_products", "didgeridoo bag"):
        raise Wrong("The search finds nothing, so there is nothing to measure.", expected="products", got="no rows")
    few(
        blocks_of(words, call("find_products", "didgeridoo bag"), call("find_products", "winter")),
        WORDS_BUDGET,
        "The search reads far more products than it finds.",
    )


@answer("names")
@points(2)
@review("What trigrams remain of a short word with two letters swapped, and at which similarity an operator stops.")
def test_finds_other_names(names, typed):
    """The search finds other people by other typing errors, in few blocks."""
    misspelt(names, typed)
    for text in typed:
        few(
            blocks_of(names, call("find_customers", text), call("find_customers", "Smth")),
            NAMES_BUDGET,
            "The search looks at far more customers than it gives.",
        )


@answer("log")
@points(2)
@review("What an index knows of the blocks of a table, and whether it knows it of all rows.")
def test_any_hour_reads_few_blocks(log, pages):
    """Any other hour is found in few blocks, by an index that is as small."""
    database, size = log
    smaller(size, pages)
    hours = [f"2026-01-{day:02d} {day * 7 % 24:02d}:30" for day in range(1, 30, 2)]
    few(worst_hour(database, hours), HOUR_BUDGET, "Some hours take many blocks.")
