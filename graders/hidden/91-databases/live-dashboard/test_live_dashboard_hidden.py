"""Hidden checks of live-dashboard: other data, a long report beside the refresh, and an honest age."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from test_live_dashboard import (
    BASE,
    VIEW,
    Story,
    built,
    clock,
    compare,
    expected,
    held_at_orders,
    keyed,
    lock_met_by_a_reader,
    reads,
    refreshed,
    story,
    told_as_of,
    until_it_waits,
)

from labkit.checking.checks import Wrong, answer, keeps, points, review
from labkit.kinds.sql.answers import query, run

ONE_AT_A_TIME = {  # by what somebody forgets; an id below the newest one, in each
    "a cancellation": "UPDATE orders SET state = 'cancelled' WHERE id = 17",
    "a price": "UPDATE order_lines SET unit_price = unit_price + 1 WHERE order_id = 4000 AND line = 1",
    "an order that is gone": "DELETE FROM orders WHERE id = 4001",
    "a late order": """INSERT INTO orders VALUES (700001, '2026-01-02 08:00', 'Cork', 'paid');
        INSERT INTO order_lines VALUES (700001, 1, 3, 7.00)""",
    "an order that moves to another day": "UPDATE orders SET placed_at = placed_at + interval '1 day' WHERE id = 700001",
}


@pytest.fixture(scope="module")
def late():
    """A day vanishes, a new shop comes, a year comes back, a price is put right, something is given away."""
    return """
        DELETE FROM orders WHERE id = 800001;
        UPDATE orders SET state = 'paid' WHERE id = 800005;
        UPDATE order_lines SET unit_price = 1.25 WHERE order_id = 800003;
        INSERT INTO orders VALUES (900001, '2025-12-31 23:59:59.9', 'Brno', 'paid'), (900002, '2026-01-04 09:00', 'Aachen', 'cancelled'),
            (900003, '2026-01-09 09:00', 'Oban', 'paid');
        INSERT INTO order_lines VALUES (900001, 1, 10, 1000.00), (900002, 1, 1, 1.00), (900003, 1, 1, 0.00);
    """


@answer("refresh")
@points(1)
@keeps("equals-the-query")
@review("What a refresh must find again: sales that came late, changed, or went away.")
def test_shows_late_orders_in_other_data(story, expected, built, answers):
    """The view equals the page's query in data that it has not seen, after each kind of change by itself."""
    refreshed(story)
    compare(story.rows, expected[1])
    with built.connect() as connection:
        for what, change in ONE_AT_A_TIME.items():
            connection.execute(change)
            run(built, answers["refresh"])
            now = keyed(connection.execute(BASE))
            compare(keyed(connection.execute(VIEW)), now, than=f"the page's query after {what} alone")


@answer("refresh")
@points(2)
@keeps("beside-a-report", "nobody-waits")
@review("What a lock that is waited for does to those who come after it.")
def test_readers_do_not_queue(story, built, answers):
    """Nobody waits behind the refresh while a long report reads the view."""
    refreshed(story)
    page = answers["page"] if reads(built, answers["page"]) else VIEW
    with ThreadPoolExecutor(1) as pool, built.connect(autocommit=False) as report, built.connect() as observer:
        report.execute(VIEW)
        report.execute(page.encode())
        refresh = pool.submit(run, built, answers["refresh"])
        waits = until_it_waits(observer, refresh)
        stopped = waits and (lock_met_by_a_reader(built, VIEW) or lock_met_by_a_reader(built, page.encode()))
        report.rollback()
        refresh.result()
    if stopped:
        raise Wrong(
            "The refresh waited for a report to end, and readers waited behind it.", expected="no wait", got=stopped
        )


@answer("page")
@points(1)
@keeps("page-shows-the-view")
@review("What the page leaves out: a limit, a sale of 0 EUR, a shop that is new.")
def test_page_shows_the_view_in_other_data(story, built, answers):
    """The page shows every row of the view in data that it has not seen."""
    with built.connect() as connection:
        held = keyed(connection.execute(VIEW))
    page = query(built, answers["page"])
    compare(keyed(row[:4] for row in page.rows), held, many=len(page.rows), than="the view")


@answer("page")
@points(1)
@keeps("never-newer", "moves-with-refresh")
@review("What now() and clock_timestamp() tell, and as of which moment a statement sees the data.")
def test_as_of_never_flatters(story, built, answers):
    """The page never says that the data is newer than it is."""
    with built.connect() as connection:
        connection.execute("INSERT INTO orders VALUES (940001, '2026-01-08 12:00', 'Wismar', 'paid')")
        connection.execute("INSERT INTO order_lines VALUES (940001, 1, 1, 1.00)")
        before = clock(connection)
        with held_at_orders(built, answers["refresh"]) as holder:
            if lock_met_by_a_reader(built, answers["page"]):
                raise Wrong("In the middle of a refresh the page waits.", expected="rows", got="no answer in 100 ms")
            in_between = query(built, answers["page"])
            holder.execute("INSERT INTO orders VALUES (950001, '2026-01-08 12:00', 'Xanten', 'paid')")
            holder.execute("INSERT INTO order_lines VALUES (950001, 1, 1, 1.00)")
            sold = clock(holder)
            holder.commit()
    honest(in_between, "Wismar", before, "In the middle of a refresh, the page")
    page = query(built, answers["page"])
    honest(page, "Xanten", sold, "The page")
    if (as_of := told_as_of(page)) < story.began:
        raise Wrong("The moment does not move with the refresh.", expected=f"{story.began} or later", got=as_of)


def honest(page, shop, sold, who):
    """Fails where the page says a moment after this sale and does not show it."""
    as_of = told_as_of(page)
    if as_of > sold and not any(row[1] == shop for row in page.rows):
        why = f"{who} says a moment after a sale that it does not show."
        raise Wrong(why, expected=f"{sold:%H:%M:%S.%f} or earlier", got=f"{as_of:%H:%M:%S.%f}")
