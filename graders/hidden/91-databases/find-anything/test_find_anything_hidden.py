"""Hidden checks of find-anything: other data, whatever people type, and other hours."""

import pytest
from test_find_anything import (
    CUSTOMER_BUDGET,
    HOUR_BUDGET,
    HOURS,
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
    most_of_a_customer,
    names,
    pages,
    smaller,
    titles_first,
    with_b_trees,
    words,
    worst_hour,
)

from labkit.checking.checks import Wrong, answer, keeps, points, review

RANGES = """
    SELECT DISTINCT split_part(option, '=', 2) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid, unnest(reloptions) AS option
    WHERE indrelid = 'public.searches'::regclass AND option LIKE 'pages_per_range=%' LIMIT 5
"""
BLOCKS_OF_HOURS = """
    SELECT date_trunc('hour', at)::text, min(block), max(block)
    FROM (SELECT at, ((ctid::text::point)[0])::int AS block FROM public.searches) AS s GROUP BY 1 ORDER BY 1
"""
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
@keeps("all-words", "titles-first")
@review("What a product without a description is to a search, and what the rank of a title is made of.")
def test_finds_and_ranks_in_other_data(words, expected):
    """The search finds and ranks products that it has not seen."""
    for text, products in expected.items():
        rows = found(words, "find_products", text)
        compare(text, rows, products)
        titles_first(text, rows, products)


@answer("words")
@points(1)
@keeps("no-error")
@review("Which functions make a query from what people type, and which from a language of operators.")
def test_whatever_people_type(words):
    """Whatever people type, the search gives an answer and no error."""
    if not found(words, "find_products", "umbrella"):
        raise Wrong("The search finds nothing at all.", expected="products", got="no rows")
    for text in TYPED_BY_PEOPLE:
        found(words, "find_products", text)


@answer("words")
@points(1)
@keeps("words-blocks")
@review("Whether the index serves every search, or that of one example.")
def test_words_read_few_blocks_in_other_data(words, expected):
    """Another search for words reads few blocks, too."""
    if not found(words, "find_products", "didgeridoo bag"):
        raise Wrong("The search finds nothing, so there is nothing to measure.", expected="products", got="no rows")
    few(
        blocks_of(words, call("find_products", "didgeridoo bag")),
        WORDS_BUDGET,
        "The search reads far more products than it finds.",
    )


@answer("words")
@points(1)
@keeps("later-products")
@review("Whether what is searched is the products, or a copy of them from the day on which it was made.")
def test_finds_products_that_come_later(words):
    """A product that comes in later is found, and one that gets another title is found by that and no more by the old one."""
    with words.connect() as connection:
        connection.execute(
            "INSERT INTO products (id, title, description) VALUES (30001, 'Marimba of rosewood', 'With mallets')"
        )
        later = [row[0] for row in found(words, "find_products", "marimbas mallet")]
        connection.execute("UPDATE products SET title = 'Vibraphone of steel' WHERE id = 30001")
        renamed = [row[0] for row in found(words, "find_products", "vibraphones")]
        before = [row[0] for row in found(words, "find_products", "marimbas")]
        connection.execute("DELETE FROM products WHERE id = 30001")
    if later != [30001]:
        raise Wrong("A product that came in later is not found.", expected="it is found", got="it is not")
    if renamed != [30001]:
        raise Wrong("A product with another title is not found by it.", expected="it is found", got="it is not")
    if before:
        raise Wrong("A product with another title is still found by the old one.", expected="not found", got="found")


@answer("names")
@points(1)
@keeps("later-customers")
@review("Whether what is searched is the customers, or a copy of them.")
def test_finds_customers_who_come_later(names):
    """A customer who comes in later is found."""
    with names.connect() as connection:
        connection.execute(
            "INSERT INTO customers (id, name, address, notes) VALUES (30001, 'Ida Wrzesniewska', 'Quay 5', '')"
        )
        got = [row[0] for row in found(names, "find_customers", "Wrzesniewksa")]
        connection.execute("DELETE FROM customers WHERE id = 30001")
    if 30001 not in got:
        raise Wrong(
            "A customer who came in later is not found.",
            expected="Ida Wrzesniewska",
            got="nobody" if not got else f"{len(got)} others",
        )


@answer("names")
@points(1)
@keeps("typing-errors", "names-blocks", "five")
@review("What trigrams remain of a short word with two letters swapped, and at which similarity an operator stops.")
def test_finds_other_names(names, typed):
    """The search finds other people by other typing errors, in few blocks."""
    misspelt(names, typed)
    for text in typed:
        few(
            blocks_of(names, call("find_customers", text)),
            NAMES_BUDGET,
            "The search looks at far more customers than it gives.",
        )


def hours_between_ranges(database):
    """The hours whose searches lie in two ranges of blocks, for ranges of the size that the answer chose."""
    with database.admin() as catalog, database.connect(options="-c search_path=pg_catalog") as session:
        said = catalog.execute(RANGES).fetchall()
        rows = session.execute(BLOCKS_OF_HOURS).fetchmany(1_000)
    sizes = {int(size) for (size,) in said} or {128}
    return [hour for hour, first, last in rows if any(first // size != last // size for size in sizes)][:60] or HOURS


@answer("log")
@points(2)
@keeps("hour-blocks", "customer-blocks")
@review("What an index knows of the blocks of a table, and whether it knows it of all rows.")
def test_any_hour_reads_few_blocks(log, pages, untouched):
    """Any other hour, and any other customer, is found in few blocks, by an index that is as small."""
    database, size = log
    untouched(database, "searches")
    smaller(size, pages)
    hours = [f"2026-01-{day:02d} {day * 7 % 24:02d}:30" for day in range(1, 30, 2)]
    few(worst_hour(database, hours), HOUR_BUDGET, "Some hours take many blocks.")
    between = worst_hour(database, hours_between_ranges(database))
    few(between, HOUR_BUDGET, "An hour that begins in one range of blocks and ends in the next one reads both.")
    few(most_of_a_customer(database, [1, 999, 4242, 5999]), CUSTOMER_BUDGET, "Some customers take many blocks.")
