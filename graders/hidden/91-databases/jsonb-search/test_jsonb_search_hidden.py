"""Hidden checks of jsonb-search: other data, and the question of next week."""

from test_jsonb_search import (
    OTHER_QUESTIONS,
    about,
    compare,
    events_stay,
    expected,
    gin,
    indexed,
    pages,
    reader,
    reads_through,
    refunds,
    serves,
)

from labkit.checking.checks import Wrong, after, answer, keeps, points, review
from labkit.kinds.sql.answers import query, run
from labkit.services.postgres.inspection import made

LATER = """INSERT INTO events VALUES (999999, '2030-01-01',
    '{"event": {"kind": "refund"}, "order": {"id": 7, "customer": "Nobody Else"}, "refund": {"amount": 4711}}')"""


@answer("index")
@points(1)
@keeps("any-question", "events-stay")
@after("test_has_a_gin_index")
@review("What an index on a whole document can be asked, and what an index on one expression or on some rows can.")
def test_serves_any_question_in_other_data(indexed, gin, events_stay):
    """The index serves other questions, too, about a parcel, a note, a refund, and leaves the events as they are."""
    events_stay()
    serves(indexed, gin, OTHER_QUESTIONS)


@answer("refunds")
@points(2)
@keeps("kind", "text-counts", "unknown-left-out", "no-copy")
@review("The shapes an amount has (number, text, null, missing), and at which depth a key stands.")
def test_finds_the_refunds_in_other_data(refunds, expected, about, indexed, fresh_database, answers):
    """The query finds the right refunds in data that it has not seen, also one that comes in later."""
    compare(refunds, expected, about)
    with indexed.admin() as catalog:
        if not made(catalog, indexed.born):
            return  # an index follows its table by itself; only what else was made could be a copy
    later = fresh_database()
    run(later, answers["index"])
    with later.connect() as connection:
        connection.execute(LATER)
    got = [row for row in query(later, answers["refunds"]).rows if row[0] == 999_999]
    if len(got) != 1 or tuple(got[0][1:]) != ("Nobody Else", 4711):
        raise Wrong(
            "A refund that comes in after the index was made is not found.", expected="1 row", got=f"{len(got)} rows"
        )


@answer("refunds")
@points(1)
@keeps("through-the-index")
@review("Which operators a GIN index can serve.")
def test_reads_through_the_index_in_other_data(reader, refunds, gin, pages, answers):
    """The query reads other data through the index, too."""
    reads_through(reader, answers["refunds"], refunds, gin, pages)
