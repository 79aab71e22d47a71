"""Hidden checks of jsonb-search: other data, and the question of next week."""

from weakref import WeakKeyDictionary

from test_jsonb_search import compare, expected, gin, indexed, pages, read_through, reader, reads_through, refunds

from labkit.grading.checks import answer, points, review
from labkit.services.plan import explain as plan_of

NEXT_WEEK = """SELECT id FROM events WHERE doc @> '{"order": {"id": 111072}}'"""
PLANS = WeakKeyDictionary()  # prepared database -> its plan of that question: see GIN of the visible checks


@answer("index")
@points(2)
@review("What an index on a whole document can be asked, and what an index on one expression can.")
def test_serves_another_question(indexed, gin):
    """The index also serves next week's question: which events belong to order 111072?"""
    if indexed not in PLANS:
        with indexed.connect() as connection:
            PLANS[indexed] = plan_of(connection, NEXT_WEEK)
    read_through(PLANS[indexed], gin)


@answer("refunds")
@points(2)
@review("The shapes an amount has (number, text, null, missing), and at which depth a key stands.")
def test_finds_the_refunds_in_other_data(refunds, expected):
    """The query finds the right refunds in data that it has not seen."""
    compare(refunds, expected)


@answer("refunds")
@points(1)
@review("Which operators a GIN index can serve.")
def test_reads_through_the_index_in_other_data(reader, gin, pages, answers):
    """The query reads other data through the index, too."""
    reads_through(reader, answers["refunds"], gin, pages)
