"""Checks of find-anything: words with ranking, names with typing errors, and a small index on a log that only grows."""

from datetime import datetime, timedelta

import pytest
from psycopg import sql

from labkit.checking.checks import Wrong, answer, hint, keeps, points
from labkit.kinds.sql.answers import AnswerError, query, run

WORDS = ["running shoes", "umbrella", "scissors for beginners", "painted wooden xylophones"]
TYPED = {
    "Kowlaczyk": "Agnes Kowalczyk",
    "Fitzgerold": "Brendan Fitzgerald",
    "Takahshi": "Yoko Takahashi",
    "Zuiiderveld": "Piet Zuiderveld",
    "Bradnner": "Otto Brandner",
}
HOURS = ["2026-01-02 03:00", "2026-01-17 08:00", "2026-01-29 22:00"]
CUSTOMERS = [17, 1234, 7003]
IDS = {"find_products": ("int8", "bigint (int8)"), "find_customers": ("int4", "int (int4)")}
WORDS_BUDGET, NAMES_BUDGET, HOUR_BUDGET, CUSTOMER_BUDGET = 70, 130, 80, 80  # blocks; the tables have 103, 231 and 826

FOUND = """
    WITH documents AS MATERIALIZED (
        SELECT id, title, to_tsvector('english', title) AS in_title,
               to_tsvector('english', concat_ws(' ', title, description)) AS anywhere, description IS NULL AS undescribed
        FROM products
    )
    SELECT wanted, id, in_title @@ words, undescribed, title
    FROM documents, unnest(%s::text[]) AS wanted, plainto_tsquery('english', wanted) AS words
    WHERE anywhere @@ words
"""
PAGES = "SELECT relname, pg_relation_size(oid) / 8192 FROM pg_class WHERE relname = ANY('{products,customers,searches,searches_at}')"
LOG_INDEXES = """
    SELECT sum(pg_relation_size(indexrelid)) FILTER (WHERE amname = 'brin' OR pg_get_indexdef(indexrelid, 1, true) <> 'customer') / 8192
    FROM pg_index JOIN pg_class ON oid = indexrelid JOIN pg_am ON pg_am.oid = relam WHERE indrelid = to_regclass('public.searches')
"""


@pytest.fixture(scope="module")
def wanted():
    """What is searched for, in words."""
    return WORDS


@pytest.fixture(scope="module")
def typed():
    """What was typed, and who was meant."""
    return TYPED


@pytest.fixture(scope="module")
def pages(database):
    """The blocks of the tables and of the log's B-tree, before the answers touch anything."""
    with database.connect() as connection:
        return {name: int(blocks) for name, blocks in connection.execute(PAGES)}


@pytest.fixture(scope="module")
def with_b_trees(database):
    """The blocks that an hour and a customer read with the indexes that the log has in the beginning."""
    return worst_hour(database, HOURS), most_of_a_customer(database, CUSTOMERS)


@pytest.fixture(scope="module")
def expected(database, wanted):
    """For each text the products to be found: id to (in the title, without description, title)."""
    found = {text: {} for text in wanted}
    with database.connect() as connection:
        for text, product, *facts in connection.execute(FOUND, [wanted]):
            found[text][product] = facts
    return found


@pytest.fixture(scope="module")
def words(pages, expected, database, answers):
    """The database after the answer `words`."""
    try:
        return after(database, answers["words"])
    except AnswerError as error:
        if "not immutable" not in str(error):
            raise
        why = "The language is not named, so the result depends on a setting: write to_tsvector('english', …)."
        raise AnswerError(f"{error} {why}") from error


@pytest.fixture(scope="module")
def names(pages, database, answers):
    """The database after the answer `names`."""
    return after(database, answers["names"])


@pytest.fixture(scope="module")
def log(pages, with_b_trees, database, answers):
    """The database after the answer `log`, with the blocks of all indexes on `searches` but those on customers."""
    run(database, answers["log"])
    with database.connect() as connection:
        connection.execute("ANALYZE searches")
    with database.admin() as catalog:  # whom no function of an answer can fool
        return database, int(catalog.execute(LOG_INDEXES).fetchone()[0] or 0)


@answer("words")
@points(1)
@keeps("all-words", "words-columns", "data-stays")
@hint(
    "SELECT to_tsvector('english', 'Shoes for running') shows what Postgres makes of a text. What must it make of the words typed?",
    "What is 'a title' || NULL? And must all the words be there, or any of them?",
)
def test_finds_all_forms(words, expected, untouched):
    """`find_products` finds the products that have all the words, in any form, in title and description together."""
    for text, products in expected.items():
        compare(text, found(words, "find_products", text), products)
    untouched(words)


@answer("words")
@points(1)
@keeps("titles-first")
@hint(
    "What does ts_rank say of a word in the title, and of one in the description? How can it know which is which?",
    "Parts of a tsvector can carry a weight, from A to D. And who puts the rows in order?",
)
def test_titles_come_first(words, expected):
    """Products that have all the words in their title stand before the others."""
    for text, products in expected.items():
        titles_first(text, found(words, "find_products", text), products)


@answer("words")
@points(1)
@keeps("words-blocks")
@hint(
    "Every product is read and taken apart for each search. What could be computed once, when a product is written?",
    "Which index type finds rows by what is inside a value? And does the function ask for exactly what is indexed?",
)
def test_words_read_few_blocks(words, pages, note):
    """A search for words reads less than 70 blocks."""
    if not found(words, "find_products", "running shoes"):
        raise Wrong("The search finds nothing, so there is nothing to measure.", expected="products", got="no rows")
    blocks = blocks_of(words, call("find_products", "running shoes"))
    note("words_blocks", [pages["products"], blocks])
    few(blocks, WORDS_BUDGET, "The search reads far more products than it finds.")


@answer("names")
@points(1)
@keeps("five", "names-columns", "typing-errors", "data-stays")
@hint(
    "SELECT similarity('Bradnner', 'Otto Brandner'), word_similarity('Bradnner', 'Otto Brandner'): which of them asks what you want to know?",
    "The operators stop at a threshold: SHOW pg_trgm.word_similarity_threshold. What does the worst of the names reach?",
    "A function can have settings of its own (SET, in CREATE FUNCTION). Or is the nearest good enough, however far it is?",
)
def test_finds_misspelt_names(names, typed, untouched):
    """`find_customers` finds whom a misspelt last name meant, among five at most."""
    misspelt(names, typed)
    untouched(names)


@answer("names")
@points(2)
@keeps("names-blocks")
@hint(
    "Run %%plan on the query inside your function, with a name in the place of the parameter. What reads all customers?",
    "A trigram index serves operators, and not functions: which operator does the work of word_similarity()?",
)
def test_names_read_few_blocks(names, pages, typed, note):
    """A search for a name, whichever, reads less than 130 blocks."""
    if not found(names, "find_customers", "Kowalczyk"):
        raise Wrong("The search finds nothing, so there is nothing to measure.", expected="customers", got="no rows")
    blocks = max(blocks_of(names, call("find_customers", text)) for text in typed)
    note("names_blocks", [pages["customers"], blocks])
    few(blocks, NAMES_BUDGET, "The search looks at far more customers than it gives.")


@answer("log")
@points(1)
@keeps("small", "data-stays")
@hint(
    "A B-tree knows of each row where it is. For rows that lie in the order of time, what would be enough to know of each piece of the table?",
    "Which index type keeps a smallest and a largest value for a range of blocks? And what of the old index?",
    "The smaller the ranges, the more of them there are: pages_per_range.",
)
def test_log_index_is_small(log, pages, note, untouched):
    """All indexes on `searches` but the customers' take at most a hundredth of the B-tree on `at`."""
    database, blocks = log
    untouched(database)
    note("index_blocks", [pages["searches_at"], blocks])
    if not blocks:
        raise Wrong("There is no index for the question by time.", expected="an index", got="no index")
    if blocks * 100 > pages["searches_at"]:
        small = (
            "The index is still too large: it has an entry for each range of blocks, so larger ranges make it smaller."
        )
        why = small if blocks < pages["searches_at"] else "The old index is still there, or one like it."
        raise Wrong(why, expected=f"at most {pages['searches_at'] // 100} blocks", got=f"{blocks} blocks")


@answer("log")
@points(1)
@keeps("hour-blocks")
@hint(
    "The index knows ranges of blocks, and a range is read whole. How many blocks has one?",
    "See WITH (pages_per_range = …) in the manual's chapter on BRIN, and try a few.",
)
def test_hour_reads_few_blocks(log, pages, with_b_trees, note, untouched):
    """The searches of any one hour are found in less than 80 blocks."""
    database, size = log
    untouched(database)
    smaller(size, pages)
    blocks = worst_hour(database, HOURS)
    note("hour_blocks", [with_b_trees[0], blocks])
    few(blocks, HOUR_BUDGET, "An hour has two or three blocks of rows; the rest is read for nothing.")


@answer("log")
@points(1)
@keeps("customer-blocks")
@hint(
    "In which blocks of the table are the searches of one customer? What would an index say that knows only ranges of blocks?"
)
def test_customer_reads_few_blocks(log, pages, with_b_trees, note, untouched):
    """The searches of any one customer are found in less than 80 blocks, as before."""
    database, size = log
    untouched(database)
    smaller(size, pages)
    blocks = most_of_a_customer(database, CUSTOMERS)
    note("customer_blocks", [with_b_trees[1], blocks])
    few(blocks, CUSTOMER_BUDGET, "The searches of a customer lie all over the table, and all of it is read.")


def after(database, text):
    """The database after an answer, as autovacuum leaves it: with fresh statistics, and no list of what an index has still to take in."""
    run(database, text)
    with database.connect() as connection:
        connection.execute("VACUUM (ANALYZE)")
    return database


def call(function, text):
    """The SQL that calls a search function."""
    return sql.SQL("SELECT * FROM {}({})").format(sql.Identifier(function), sql.Literal(text)).as_string()


def found(database, function, text):
    """What a search function gives, in its order: id and the second column."""
    try:
        result = query(database, call(function, text))
    except AnswerError as error:
        raise AnswerError(f"{function}({text!r}) failed. {error}") from error
    if result.columns[:1] != ["id"] or len(result.columns) < 2:
        raise Wrong(
            f"{function} gives other columns.",
            expected="id first, then the title or name",
            got=", ".join(result.columns),
        )
    if result.types[0] != IDS[function][0]:
        raise Wrong(f"{function} gives another type of id.", expected=IDS[function][1], got=result.types[0])
    return [tuple(row[:2]) for row in result.rows]


def blocks_of(database, text):
    """The blocks of tables and indexes that the server counts for a query, which is nowhere explained: a function could tell."""
    return query(database, text).blocks


def few(blocks, budget, why):
    """Fails when too many blocks were read."""
    if blocks >= budget:
        raise Wrong(why, expected=f"less than {budget} blocks", got=f"{blocks} blocks")


def smaller(size, pages):
    """Fails while the B-tree on `at` is there: it answers well, and is what must go."""
    if size * 2 > pages["searches_at"]:
        raise Wrong(
            "The large index is still there. Make it small first.", expected="a small index", got=f"{size} blocks"
        )


def worst_hour(database, hours):
    """The most blocks that the searches of one of the hours take."""
    spans = [(hour, hour + timedelta(hours=1)) for hour in map(datetime.fromisoformat, hours)]
    return max(blocks_of(database, f"SELECT * FROM searches WHERE at >= '{a}' AND at < '{b}'") for a, b in spans)


def most_of_a_customer(database, customers):
    """The most blocks that the searches of one of these customers take."""
    return max(blocks_of(database, f"SELECT * FROM searches WHERE customer = {customer}") for customer in customers)


def compare(text, rows, products):
    """Names a product that is missing or too much, and what is special about it."""
    got = [row[0] for row in rows]
    missing, surplus = (
        [product for product in products if product not in set(got)],
        [p for p in got if p not in products],
    )
    if missing:
        in_title, _, title = products[missing[0]]
        undescribed_only = all(products[product][1] for product in missing)
        special = " None of the missing ones has a description." if undescribed_only else ""
        where = "" if in_title else ", with a word in its description"
        why = f"Who searches for “{text}” does not find “{title}”{where}.{special}"
        raise Wrong(why, expected=f"{len(products)} products", got=f"{len(got) - len(surplus)} of them")
    if surplus:
        why = f"Who searches for “{text}” finds product {surplus[0]}, which does not have all the words."
        raise Wrong(why, expected=f"{len(products)} products", got=f"{len(got)} products")
    if len(got) != len(products):
        raise Wrong(f"Who searches for “{text}” finds some products twice.", expected=len(products), got=len(got))


def titles_first(text, rows, products):
    """Names a product that stands before one with all words in its title."""
    in_title = [products[product][0] for product, _ in rows if product in products]
    if not any(facts[0] for facts in products.values()):
        return
    if not any(in_title):
        raise Wrong(
            "None of the products with all the words in their title is found.",
            expected="products",
            got=f"{len(rows)} rows",
        )
    last = len(in_title) - 1 - in_title[::-1].index(True)
    if False in in_title[:last]:
        why = f"Who searches for “{text}” gets “{rows[in_title.index(False)][1]}” before “{rows[last][1]}”, which has all the words in its title."
        best = sum(in_title)
        raise Wrong(why, expected=f"the {best} best on places 1 to {best}", got=f"the last of them on place {last + 1}")


def misspelt(database, typed):
    """Fails for the first name that is not found."""
    for text, meant in typed.items():
        got = [name for _, name in found(database, "find_customers", text)]
        if len(got) > 5:
            raise Wrong(
                "Nobody on the phone reads so many names.",
                expected="5 customers at most",
                got=f"{len(got)} for {text!r}",
            )
        if meant not in got:
            nobody = (
                ""
                if got
                else " If you compare with a threshold: which one holds while the function runs, in any session?"
            )
            why = f"{text!r} was typed for {meant}, and does not find them.{nobody}"
            raise Wrong(why, expected=meant, got=", ".join(got) or "nobody")
