"""Checks of jsonb-search: the right refunds, read through a GIN index that stays small."""

from decimal import Decimal
from weakref import WeakKeyDictionary

import pytest

from labkit.grading.answers import Reader
from labkit.grading.checks import Wrong, answer, hint, points

BUDGET = 4_500_000  # bytes; the default operator class takes 5.2 MB, the one that fits 3.8 MB

REFUNDS = """
    SELECT id, doc #>> '{order,customer}', (doc #>> '{refund,amount}')::numeric, jsonb_typeof(doc #> '{refund,amount}')
    FROM events WHERE doc #>> '{event,kind}' = 'refund' AND (doc #>> '{refund,amount}')::numeric >= 100
"""
GIN_INDEXES = """
    SELECT index.relname, pg_relation_size(index.oid)
    FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = index.relam
    WHERE indrelid = to_regclass('public.events') AND amname = 'gin' AND indisvalid
"""


KNOWN, PAGES = {}, {}  # template -> the refunds in it, and the blocks of its table: the same in every clone
GIN = WeakKeyDictionary()  # prepared database -> its indexes: nobody writes to it as long as it is handed out


@pytest.fixture(scope="module")
def expected(template, prepared):
    """The refunds by event: customer, amount, JSON type of the amount. Read where no answer has touched anything."""
    if template not in KNOWN:
        with prepared().connect() as connection:
            KNOWN[template] = {row[0]: row[1:] for row in connection.execute(REFUNDS)}
    return KNOWN[template]


@pytest.fixture(scope="module")
def pages(template, prepared):
    """How many blocks the table has where no answer has touched anything."""
    if template not in PAGES:
        with prepared().admin() as connection:
            (PAGES[template],) = connection.execute("SELECT pg_relation_size('public.events') / 8192").fetchone()
    return PAGES[template]


@pytest.fixture(scope="module")
def indexed(prepared, answers):
    """The database after the answer `index`, for queries that only read."""
    return prepared(answers["index"])


@pytest.fixture(scope="module")
def gin(indexed):
    """The GIN indexes on events, with their sizes in bytes; asked of the catalog by the superuser, whom no answer can fool."""
    if indexed not in GIN:
        with indexed.admin() as connection:
            GIN[indexed] = dict(connection.execute(GIN_INDEXES).fetchall())
    return GIN[indexed]


@pytest.fixture(scope="module")
def reader(indexed):
    """A session of the answers' own role."""
    with Reader(indexed) as reader:
        yield reader


@pytest.fixture(scope="module")
def refunds(reader, answers):
    """What the answer `refunds` gives."""
    return reader.query(answers["refunds"])


@answer("index")
@points(1)
@hint(
    "Which index type can look inside a document? The table of index types in the lesson says so.",
    "CREATE INDEX … ON events USING … (doc): the name between stands for Generalized Inverted Index.",
)
def test_has_a_gin_index(gin):
    """The table `events` has a GIN index."""
    if not gin:
        raise Wrong("No GIN index was found on events.", expected="an index USING gin", got="none")


@answer("index")
@points(1)
@hint(
    "What does the default operator class keep of each document, and what of it does the question need?",
    "An operator class is named after the column: (doc some_ops). One of them keeps only hashes of whole paths.",
)
def test_index_is_small(gin, note):
    """All GIN indexes on `events` together stay under 4.5 MB."""
    size = sum(gin.values())
    note("index_bytes", size)
    if not gin:
        raise Wrong("There is no GIN index to measure.", expected="over 0 MB and under 4.5 MB", got="no index")
    if size > BUDGET:
        why = "The index is larger than the budget: it keeps more of each document than the question needs."
        raise Wrong(why, expected="under 4.5 MB", got=f"{size / 1e6:.1f} MB")


@answer("refunds")
@points(1)
@hint("The names are given in the task. What type has an amount that came out of a document as text?")
def test_columns(refunds):
    """The query gives the columns `event_id`, `customer` and `amount`, and the amount is `numeric`."""
    if refunds.columns != ["event_id", "customer", "amount"]:
        got = ", ".join(refunds.columns)
        raise Wrong("The columns have other names or another order.", expected="event_id, customer, amount", got=got)
    if refunds.types[2] != "numeric":
        raise Wrong("The amount is not numeric: cast it.", expected="numeric", got=refunds.types[2])


@answer("refunds")
@points(2)
@hint(
    'Look at a few refunds: SELECT doc->\'refund\' FROM events WHERE doc @> \'{"event": {"kind": "refund"}}\' LIMIT 20. '
    "How many shapes has an amount?",
    '`->` gives a JSON value, `->>` gives text. Which of them treats 120.5 and "120.50" alike, and what do they make of JSON null?',
)
def test_finds_the_refunds(refunds, expected):
    """The query finds every refund of 100 EUR or more, and nothing else."""
    compare(refunds, expected)


@answer("refunds")
@points(2)
@hint(
    "Run the cell and look at the plan: which node reads all of events?",
    "Which operator asks: does this document contain that one?",
    "`@>` can use a GIN index; `->>` with `=` cannot.",
)
def test_reads_through_the_index(reader, gin, pages, answers):
    """The query reads `events` through the GIN index, not from the first page to the last."""
    reads_through(reader, answers["refunds"], gin, pages)


def compare(refunds, expected):
    """Tells apart what is missing and what is too much, and names the kind of document."""
    got = {row[0]: tuple(row[1:]) for row in refunds.rows}
    missing = [(event, kind) for event, (_, _, kind) in expected.items() if event not in got]
    surplus = [event for event in got if event not in expected]
    if missing:
        kinds = sorted({kind for _, kind in missing})
        why = f"{len(missing)} refunds are missing, for example event {missing[0][0]}: its amount is a JSON {' or '.join(kinds)}."
        raise Wrong(why, expected=f"{len(expected)} refunds", got=f"{len(refunds.rows)} rows")
    if surplus:
        why = f"{len(surplus)} rows are no refund of 100 EUR or more, for example event {surplus[0]}. Look at its document."
        raise Wrong(why, expected=f"{len(expected)} refunds", got=f"{len(refunds.rows)} rows")
    if len(refunds.rows) != len(expected):
        raise Wrong("Some refunds come twice.", expected=f"{len(expected)} rows", got=f"{len(refunds.rows)} rows")
    for event, (customer, amount, _) in expected.items():
        if got[event] != (customer, amount) and Decimal(str(got[event][1])) != amount:
            raise Wrong(f"Event {event} has another amount.", expected=amount, got=got[event][1])
        if got[event][0] != customer:
            raise Wrong(f"Event {event} has another customer.", expected=customer, got=got[event][0])


def reads_through(reader, text, gin, pages):
    """Fails unless the query uses one of the GIN indexes, and reads less than the whole table in whatever way: it may use it a few times."""
    plan = reader.explain(text, before=lambda plan: read_through(plan, gin))
    if plan.root.blocks >= pages:
        why = "An index is used, and yet as much is read as the whole table has, beside it or in a function."
        raise Wrong(why, expected=f"less than its {pages:,} blocks", got=plan.tree)


def read_through(plan, gin):
    """Fails unless the plan uses one of the GIN indexes and no scan of the whole table."""
    if plan.scans("events"):
        raise Wrong(
            "The whole table is read for a few hundred rows.",
            expected="a scan of the GIN index",
            got=plan.tree,
        )
    if not plan.indexes & set(gin):
        raise Wrong("No GIN index on events is used.", expected="a scan of the GIN index", got=plan.tree)
