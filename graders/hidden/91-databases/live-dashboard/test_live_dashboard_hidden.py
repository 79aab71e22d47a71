"""Hidden checks of live-dashboard: other data, a long report beside the refresh, and an honest age."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from test_live_dashboard import (
    VIEW,
    Story,
    built,
    clock,
    compare,
    expected,
    held_at_orders,
    keyed,
    lock_met_by_a_reader,
    refreshed,
    story,
    told_as_of,
    until_it_waits,
)

from labkit.grading.answers import query, run
from labkit.grading.checks import AnswerError, Wrong, answer, points, review


@pytest.fixture(scope="module")
def late():
    """A day vanishes, a new shop comes, a year comes back, a price is put right."""
    return """
        DELETE FROM orders WHERE id = 800001;
        UPDATE orders SET state = 'paid' WHERE id = 800005;
        UPDATE order_lines SET unit_price = 1.25 WHERE order_id = 800003;
        INSERT INTO orders VALUES (900001, '2025-12-31 23:59:59.9', 'Brno', 'paid'), (900002, '2026-01-04 09:00', 'Aachen', 'cancelled');
        INSERT INTO order_lines VALUES (900001, 1, 10, 1000.00), (900002, 1, 1, 1.00);
    """


@answer("refresh")
@points(1)
@review("What a refresh must find again: sales that came late, changed, or went away.")
def test_shows_late_orders_in_other_data(story, expected):
    """The view equals the page's query in data that it has not seen."""
    refreshed(story)
    compare(story.rows, expected[1])


@answer("refresh")
@points(2)
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
@review("What now() and clock_timestamp() tell, and as of which moment a statement sees the data.")
def test_as_of_never_flatters(story, built, answers):
    """The page never says that the data is newer than it is."""
    with built.connect() as connection:
        with held_at_orders(built, answers["refresh"]) as holder:
            holder.execute("INSERT INTO orders VALUES (950001, '2026-01-08 12:00', 'Xanten', 'paid')")
            holder.execute("INSERT INTO order_lines VALUES (950001, 1, 1, 1.00)")
            sold = clock(holder)
            holder.commit()
        seen = any(shop == "Xanten" for _, shop in keyed(connection.execute(VIEW)))
    as_of = told_as_of(query(built, answers["page"]))
    if as_of > sold and not seen:
        why = "An order of before that moment is not in the view."
        raise Wrong(why, expected=f"{sold:%H:%M:%S.%f} or earlier", got=f"{as_of:%H:%M:%S.%f}")
    if as_of < story.began:
        raise Wrong("The moment does not move with the refresh.", expected=f"{story.began} or later", got=as_of)


def reads(database, text):
    """Whether the page's query runs at all; that it does is another check's business."""
    try:
        return bool(query(database, text).rows)
    except AnswerError:
        return False
