"""Checks of jsonb-search: the right refunds, read through a GIN index that stays small."""

from decimal import Decimal
from weakref import WeakKeyDictionary

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, answer, hint, keeps, points
from labkit.kinds.sql.answers import Reader
from labkit.services.postgres.plan import explain as plan_of

BUDGET = 4_500_000  # bytes; the default operator class takes 5.2 MB, the one that fits 3.8 MB

REFUNDS = """
    SELECT id, doc #>> '{order,customer}', (doc #>> '{refund,amount}')::numeric, jsonb_typeof(doc #> '{refund,amount}')
    FROM events WHERE doc #>> '{event,kind}' = 'refund' AND (doc #>> '{refund,amount}')::numeric >= 100
"""
ONE_OF_TEXT = "SELECT id, doc #> '{refund,amount}' FROM events WHERE jsonb_typeof(doc #> '{refund,amount}') = 'string' ORDER BY id LIMIT 1"
ABOUT = "SELECT doc #>> '{event,kind}', doc #> '{refund,amount}' FROM events WHERE id = %s"
QUESTIONS = {  # what the index is asked: all of it is in the documents, and none of it in an index on one key
    "an order": """SELECT id FROM events WHERE doc @> '{"order": {"id": 111072}}'""",
    "a customer": """SELECT id FROM events WHERE doc @> '{"order": {"customer": "c-00815"}}'""",
}
OTHER_QUESTIONS = {
    "a parcel": """SELECT id FROM events WHERE doc @> '{"parcel": {"weight": 4100, "depot": "d7"}}'""",
    "the text of a note": """SELECT id FROM events WHERE doc @> '{"text": "Customer asks about a refund of 77 EUR"}'""",
    "a refund": """SELECT id FROM events WHERE doc @> '{"event": {"kind": "refund"}, "order": {"channel": "app"}}'""",
}
GIN_INDEXES = """
    SELECT index.relname, pg_relation_size(index.oid)
    FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = index.relam
    WHERE indrelid = to_regclass('public.events') AND amname = 'gin' AND indisvalid
"""


KNOWN, PAGES = {}, {}  # template -> the refunds in it, and the blocks of its table: the same in every clone
PLANS = WeakKeyDictionary()  # prepared database -> its plans of questions
STAYED = WeakKeyDictionary()  # prepared database -> what was wrong with its events, if anything
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
    """What the answer `refunds` gives. Where it fails on an amount that is text, the message names one."""
    try:
        return reader.query(answers["refunds"])
    except AnswerError as error:
        if "cannot cast jsonb string" not in str(error):
            raise
        with reader.database.connect() as connection:
            event, amount = connection.execute(ONE_OF_TEXT).fetchone()
        raise AnswerError(
            f'{error} For example event {event}: its amount is the JSON string "{amount}", and `->` or `#>` gives it as it is.'
        ) from None


@pytest.fixture(scope="module")
def about(template, prepared):
    """Tells of an event, by its number, what it is: read where no answer has touched anything."""

    def told(event):
        with prepared().connect() as connection:
            row = connection.execute(ABOUT, (event,)).fetchone()
        if row is None:
            return "there is no such event"
        if row[0] != "refund":
            return f"its kind at event → kind is {row[0] or 'not there'}"
        return "nobody knows its amount yet" if row[1] is None else f"its amount is {row[1]}"

    return told


@pytest.fixture(scope="module")
def events_stay(indexed, untouched):
    """Raises Wrong where the answer `index` changed the events themselves."""

    def stayed():
        if indexed not in STAYED:
            try:
                STAYED[indexed] = untouched(indexed, "events")
            except Wrong as wrong:
                STAYED[indexed] = wrong
        if STAYED[indexed]:
            raise STAYED[indexed]

    return stayed


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
@keeps("budget", "events-stay")
@after("test_has_a_gin_index")
def test_index_is_small(gin, note, events_stay):
    """All GIN indexes on `events` together stay under 4.5 MB, and the events are as they were."""
    size = sum(gin.values())
    events_stay()
    if size >= BUDGET:
        why = "The index is larger than the budget: it keeps more of each document than the question needs."
        if len(gin) > 1:
            why = f"There are {len(gin)} GIN indexes, and together they are larger than the budget."
        raise Wrong(why, expected="under 4.50 MB", got=f"{size / 1e6:.2f} MB")
    note("index_bytes", size)


@answer("index")
@points(1)
@keeps("any-question")
@after("test_has_a_gin_index")
@hint("Is the index on the whole document, for every row? Or on a part of it, or on some of the rows?")
def test_serves_another_question(indexed, gin):
    """The index serves a question about an order, and one about a customer."""
    serves(indexed, gin, QUESTIONS)


@answer("refunds")
@points(1)
@keeps("columns")
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
@keeps("kind", "text-counts", "unknown-left-out", "columns")
@hint(
    'Look at a few refunds: SELECT doc->\'refund\' FROM events WHERE doc @> \'{"event": {"kind": "refund"}}\' LIMIT 20. '
    "How many shapes has an amount?",
    '`->` gives a JSON value, `->>` gives text. Which of them treats 120.5 and "120.50" alike, and what do they make of JSON null?',
)
def test_finds_the_refunds(refunds, expected, about):
    """The query finds every refund of 100 EUR or more, and nothing else."""
    compare(refunds, expected, about)


@answer("refunds")
@points(2)
@keeps("through-the-index", "no-copy")
@hint(
    "Run the cell and look at the plan: which node reads all of events?",
    "Which operator asks: does this document contain that one?",
    "`@>` can use a GIN index; `->>` with `=` cannot.",
)
def test_reads_through_the_index(reader, refunds, gin, pages, answers):
    """The query reads `events` through the GIN index, not from the first page to the last."""
    reads_through(reader, answers["refunds"], refunds, gin, pages)


def serves(indexed, gin, questions):
    """Fails unless the plan of each question goes through a GIN index; names the one that does not."""
    for name, question in questions.items():
        plans = PLANS.setdefault(indexed, {})
        if name not in plans:
            with indexed.connect() as connection:
                plans[name] = plan_of(connection, question)
        if not plans[name].indexes & set(gin):
            why = f"A question about {name} reads the whole table: the index cannot answer it."
            raise Wrong(why, expected=f"a scan of the GIN index for {question}", got=plans[name].tree)


def compare(refunds, expected, about):
    """Tells apart what is missing and what is too much, and says what one of these events is."""
    got = {row[0]: tuple(row[1:]) for row in refunds.rows}
    missing = [(event, kind) for event, (_, _, kind) in expected.items() if event not in got]
    surplus = [event for event in got if event not in expected]
    if missing:
        kinds = sorted({kind for _, kind in missing})
        why = f"{len(missing)} refunds are missing, for example event {missing[0][0]}: its amount is a JSON {' or '.join(kinds)}."
        raise Wrong(why, expected=f"{len(expected)} refunds", got=f"{len(refunds.rows)} rows")
    if surplus:
        why = f"{len(surplus)} rows are no refund of 100 EUR or more, for example event {surplus[0]}: {about(surplus[0])}."
        if all(as_text(got[event][1]) for event in surplus):
            why += " Compared as text, that comes after '100'; compared as a number, it is less."
        raise Wrong(why, expected=f"{len(expected)} refunds", got=f"{len(refunds.rows)} rows")
    if len(refunds.rows) != len(expected):
        raise Wrong("Some refunds come twice.", expected=f"{len(expected)} rows", got=f"{len(refunds.rows)} rows")
    for event, (customer, amount, _) in expected.items():
        if got[event][1] is None:
            raise Wrong(f"Event {event} has no amount.", expected=amount, got="NULL")
        if got[event] != (customer, amount) and Decimal(str(got[event][1])) != amount:
            raise Wrong(f"Event {event} has another amount.", expected=amount, got=got[event][1])
        if got[event][0] != customer:
            raise Wrong(
                f"Event {event} has another customer.", expected=customer or "NULL", got=got[event][0] or "NULL"
            )


def as_text(amount):
    """Whether an amount is below 100, and stands behind '100' when both are text."""
    return amount is not None and Decimal(str(amount)) < 100 and str(amount) >= "100"


def reads_through(reader, text, refunds, gin, pages):
    """Fails unless the query uses one of the GIN indexes, and read less than the whole table for its rows in whatever way: it may use it a few times."""
    plan = reader.explain(text, before=lambda plan: read_through(plan, gin))
    if copies := sorted({node.table for node in plan.nodes if node.table} - {"events"}):
        why = f"The rows come from {copies[0]}: tomorrow's refund will be in events, and not there."
        raise Wrong(why, expected="events alone", got=plan.tree)
    if max(plan.root.blocks, refunds.blocks) >= pages:
        why = "An index is used, and yet the query reads as many blocks as the whole table has, beside it or in a function."
        raise Wrong(
            why, expected=f"less than its {pages:,} blocks", got=f"{max(plan.root.blocks, refunds.blocks):,} blocks"
        )


def read_through(plan, gin):
    """Fails unless the plan uses one of the GIN indexes and no scan of the whole table."""
    if plan.scans("events"):
        raise Wrong(
            "The whole table is read for a few hundred rows.",
            expected="a scan of the GIN index",
            got=plan.tree,
        )
    if not plan.indexes & set(gin):
        why = "The plan shows no GIN index on events. What a function does inside is not in the plan."
        raise Wrong(why, expected="a scan of the GIN index", got=plan.tree)
