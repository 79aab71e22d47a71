"""Hidden checks of right-index: other shops, other months, other people, and orders that come in later."""

import pytest
from test_right_index import (
    LIST,
    LOGIN,
    QUEUE,
    REVENUE,
    judge_list,
    judge_login,
    judge_queue,
    judge_revenue,
    list_indexed,
    login_indexed,
    look,
    made,
    queue_indexes,
    revenue_indexed,
    rows_of,
)

from labkit.checking.checks import Wrong, answer, keeps, points, review
from labkit.kinds.sql.answers import Reader

SHOPS = [(900, "2025-10-10"), (901, "2026-06-01"), (902, "2026-06-01"), (333, "2025-12-24"), (12, "2025-01-05")]
LISTS = [LIST.format(*shop) for shop in SHOPS]
LOGINS = [LOGIN.format(email) for email in ("ZOË.ærø@example.COM", "Anna.O''Neill@Example.Com", "nobody@example.com")]
REVENUES = [
    REVENUE.format(900, "2025-05-01", "2025-06-01"),
    REVENUE.format(12, "2025-08-01", "2025-09-01"),
    REVENUE.format(901, "2025-11-01", "2025-12-01"),
    REVENUE.format(444, "2025-02-01", "2025-04-01"),
]


@pytest.fixture(scope="module")
def before(database):
    """The rows of each query before any answer ran."""
    with database.connect() as connection:
        return rows_of(connection, [*LISTS, QUEUE, *LOGINS, *REVENUES])


@pytest.fixture(scope="module")
def blocks():
    """No picture is drawn of the hidden data."""
    return {}


@answer("list")
@points(2)
@keeps("list-budget", "everyone")
@review(
    "How the columns of an index are sorted, and what a query with an equality, a range and a LIMIT wants of that order."
)
def test_order_list_of_other_shops(list_indexed, before):
    """The order list stays within its budget for other shops and other days."""
    with Reader(list_indexed) as reader:
        for shop in SHOPS:
            judge_list(shop[0], look(reader, LIST.format(*shop), before))


@answer("queue")
@points(1)
@keeps("queue-budget", "everyone")
@review("Which rows a partial index holds.")
def test_queue_in_other_data(queue_indexes, database, before):
    """The packing queue stays within its budget where some open orders are old."""
    with Reader(database) as reader:
        judge_queue(look(reader, QUEUE, before))


@answer("login")
@points(1)
@keeps("login-budget", "everyone")
@review("What an index on an expression holds, and which queries it serves.")
def test_login_of_others(login_indexed, before, made):
    """The login stays within its budget for other customers, and for an address that nobody has."""
    with Reader(login_indexed) as reader:
        for query in LOGINS:
            judge_login(look(reader, query, before), made["login"])


@answer("revenue")
@points(2)
@keeps("revenue-budget", "everyone")
@review("Which part of a covering index is its order, which part it only carries, and for which rows it is there.")
def test_revenue_of_other_shops(revenue_indexed, before):
    """The revenue stays within its budget for other shops and other months."""
    with Reader(revenue_indexed) as reader:
        for query in REVENUES:
            judge_revenue(look(reader, query, before))


@answer("revenue")
@points(1)
@keeps("later-orders")
@review("An index follows its table by itself; a copy of the table does not.")
def test_new_orders_show_up(revenue_indexed):
    """An order that comes in now is in the order list, in the queue and in the revenue."""
    at = "2024-12-31 12:00"  # before all others, so that it stands first in the queue
    with revenue_indexed.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO orders VALUES (999999, 902, 1, %s, 'open', 4200, '')", [at])
        listed = connection.execute(LIST.format(902, "2025-01-01")).fetchall()
        queued = connection.execute(QUEUE).fetchall()
        earned = connection.execute(REVENUE.format(902, "2024-12-01", "2025-01-01")).fetchone()
    for page, there, got in (
        ("order list", [row[0] for row in listed] == [999999], listed),
        ("queue", queued[0][0] == 999999, queued[:1]),
        ("revenue", earned == (1, 4200), earned),
    ):
        if not there:
            raise Wrong(f"A new order does not show up in the {page}.", expected="order 999999, of 42.00 EUR", got=got)
