"""Checks of live-dashboard: a materialized view that is refreshed while it is read, and says how old it is."""

import contextlib
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import psycopg
import pytest

from labkit.checking.checks import AnswerError, Wrong, answer, hint, keeps, points
from labkit.kinds.sql.answers import explain, query, run

BASE = """
    SELECT placed_at::date AS day, shop, count(DISTINCT id) AS orders, sum(quantity * unit_price) AS revenue
    FROM orders JOIN order_lines ON order_id = id WHERE state = 'paid' GROUP BY 1, 2
"""
LATE = """
    INSERT INTO orders VALUES (900001, '2026-01-07 23:59', 'Ghent', 'paid'), (900002, '2026-02-01 00:00', 'Tartu', 'paid');
    INSERT INTO order_lines VALUES (900001, 1, 2, 19.99), (900001, 2, 1, 5.00), (900002, 1, 1, 12.50);
    UPDATE orders SET state = 'cancelled' WHERE id = 4711;
"""
VIEW = "SELECT day, shop, orders, revenue FROM daily_sales"
COLUMNS = ["day", "shop", "orders", "revenue"]
PLACES = "SELECT day, shop, ctid::text || '/' || xmin::text FROM daily_sales"
USABLE_INDEXES = """
    SELECT index.relname, indisunique, indpred IS NULL, indexprs IS NULL, indisvalid AND indimmediate
    FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid WHERE indrelid = to_regclass('public.daily_sales')
"""
WAITING = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database() AND NOT granted"
LONG_WAITING = f"{WAITING} AND waitstart < clock_timestamp() - interval '200 ms'"
STOPPING = """
    SELECT mode || ' on ' || relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    JOIN pg_database ON pg_database.oid = database AND datname = current_database()
    WHERE mode = 'AccessExclusiveLock' AND relkind IN ('r', 'm', 'p') AND relname NOT IN ('orders', 'order_lines') ORDER BY 1
"""
KIND = "SELECT relkind, relispopulated FROM pg_class WHERE oid = to_regclass('public.daily_sales')"
PAGES_OF_ORDERS = "SELECT pg_relation_size(to_regclass('public.orders')) / 8192"
FILE = "SELECT pg_relation_filenode(to_regclass('public.daily_sales'))"
PATIENCE = 30.0  # seconds until a refresh that neither ends nor waits is given up; its own time-out comes long before


@dataclass
class Story:
    """What one refresh did after late orders had come."""

    blocked_by: str | None  # the lock that a reader met while the refresh was at work, if any
    began: datetime
    ended: datetime
    rows: dict
    places: dict
    places_before: dict
    same_file: bool  # whether the view's rows are still in the file that they were in


@pytest.fixture(scope="module")
def late():
    """What happens between two refreshes."""
    return LATE


@pytest.fixture(scope="module")
def expected(database, late):
    """The rows before and after the late orders: read, and rolled back, before an answer touches anything."""
    with database.connect(autocommit=False) as connection:
        before = keyed(connection.execute(BASE))
        connection.execute(late)
        after = keyed(connection.execute(BASE))
        connection.rollback()
    return before, after


@pytest.fixture(scope="module")
def built(expected, database, answers):
    """The database after the answer `dashboard`."""
    run(database, answers["dashboard"])
    return database


@pytest.fixture(scope="module")
def first_page(built, answers):
    """What the page shows before the first refresh."""
    return query(built, answers["page"])


@pytest.fixture(scope="module")
def story(built, answers, late):
    """Late orders, then one refresh, which is held in its middle while a reader comes."""
    text = answers["refresh"]
    require_rows(built)
    page = answers["page"] if reads(built, answers["page"]) else VIEW
    with built.connect() as connection:
        connection.execute(late)
        places_before, file = keyed(connection.execute(PLACES)), catalog(built, FILE)
        began = clock(connection)
        with held_at_orders(built, text):
            blocked_by = lock_met_by_a_reader(built, VIEW) or lock_met_by_a_reader(built, page)
        ended = clock(connection)
        rows, places = keyed(connection.execute(VIEW)), keyed(connection.execute(PLACES))
    same_file = catalog(built, FILE) == file
    return Story(blocked_by, began, ended, rows, places, places_before, same_file)


@answer("dashboard")
@points(1)
@keeps("view", "orders-stay")
@hint(
    "Two relations can keep a query under a name. Which of them also keeps its rows?",
    "Compare SELECT count(*), sum(revenue) of your view with those of the page's query.",
)
def test_is_a_materialized_view(built, expected, untouched):
    """`daily_sales` is a materialized view with the rows of the page's query, and the orders are as they were."""
    require_rows(built)
    untouched(built, "orders", "order_lines")
    with built.connect() as connection:
        compare(keyed(connection.execute(VIEW)), expected[0])


@answer("dashboard")
@points(1)
@keeps("ready")
@hint(
    "To change only some rows of the view, Postgres must find each new row's old one. What tells it that there is one at most?",
    "Which columns together are different in every row of the view?",
)
def test_has_a_unique_index(built):
    """The view has an index that tells its rows apart: unique, over plain columns, without exceptions."""
    indexes = catalog(built, USABLE_INDEXES)
    if any(all(facts) for _, *facts in indexes):
        return
    reasons = ["is not unique", "leaves rows out with WHERE", "is on an expression", "is not valid"]
    flaws = [f"{name} {reasons[facts.index(False)]}" for name, *facts in indexes]
    why = "Postgres cannot tell the view's rows apart." if flaws else "The view has no index."
    raise Wrong(why, expected="a unique index on columns, on all rows", got="; ".join(flaws) or "none")


# Before the checks of `refresh`, as it looks at the page before the first refresh.
@answer("page")
@points(1)
@keeps("page-shows-the-view", "spares-the-orders", "first-moment")
@hint(
    "Which of the page's five columns does the view not have, and where did you put it?",
    "Before the first refresh somebody must have said already of when the data is.",
    "Where do the page's rows come from? Are they those of the view after a refresh, too?",
)
def test_page_shows_the_view(first_page, built, answers, note, late, fresh_database):
    """The page gives `day`, `shop`, `orders`, `revenue` and `as_of` of every row of the view, before and after a refresh."""
    if first_page.columns != [*COLUMNS, "as_of"]:
        raise Wrong(
            "The columns have other names or another order.",
            expected=", ".join([*COLUMNS, "as_of"]),
            got=", ".join(first_page.columns),
        )
    if first_page.types[4] != "timestamptz":
        raise Wrong("as_of is no moment in time.", expected="timestamptz", got=first_page.types[4])
    plan = explain(built, answers["page"])
    note("blocks", plan.root.blocks)
    read = {node.table for node in plan.nodes} & {"orders", "order_lines"}
    if read:
        raise Wrong(
            "The page still reads what the view is there to spare it.", expected="a read of daily_sales", got=plan.tree
        )
    if first_page.blocks >= (whole := catalog(built, PAGES_OF_ORDERS)[0][0]):
        why = "The page still reads what the view is there to spare it, if not by itself then in a function."
        raise Wrong(why, expected="a read of daily_sales", got=f"{first_page.blocks} blocks; orders have {whole}")
    with built.connect() as connection:
        held = keyed(connection.execute(VIEW))
    if not first_page.rows and held:
        raise Wrong("Before the first refresh the page is empty.", expected=f"{len(held)} rows", got="0 rows")
    compare(keyed(row[:4] for row in first_page.rows), held, many=len(first_page.rows), than="the view")
    follows_the_view(fresh_database(), answers, late)


@answer("refresh")
@points(2)
@keeps("nobody-waits", "waits-itself")
@hint(
    "Which lock does your refresh take on the view, and with which lock does a SELECT conflict? The table above says so.",
    "REFRESH MATERIALIZED VIEW has a form that compares the new rows with the old ones and stops no reader.",
    "If the page waits and the view does not: on which other relation does your transaction take a strong lock?",
)
def test_readers_do_not_wait(story):
    """Nobody who reads the view or the page while the refresh is at work waits for it."""
    refreshed(story)
    if story.blocked_by:
        why = "A reader came while the refresh was at work, and was still waiting for a lock after 100 ms."
        raise Wrong(why, expected="no lock that stops a SELECT", got=story.blocked_by)


@answer("refresh")
@points(1)
@keeps("equals-the-query")
@hint("Orders may come for a day that is long over, and paid ones may be cancelled. Does the refresh see all of them?")
def test_shows_late_orders(story, expected):
    """After a refresh the view equals the page's query, late and cancelled orders included."""
    compare(story.rows, expected[1])


@answer("refresh")
@points(1)
@keeps("only-changes")
@hint(
    "A row is written when something in it changed, or when the refresh makes all rows without looking. Which of the two is it here?",
    "Which column of the view has another value after each refresh, even where nothing was sold?",
    "What is true of the whole view once needs a place that holds it once.",
)
def test_writes_only_what_changed(story, expected, note):
    """A refresh leaves the rows alone that did not change."""
    refreshed(story)
    before, after = expected
    same = [key for key, row in before.items() if after.get(key) == row]
    written = [key for key in same if story.places.get(key) != story.places_before.get(key)]
    note("rows_written", len(written))
    if written:
        changed = len(before.keys() | after.keys()) - len(same)
        why = "Rows in which nothing was sold were written, too: something in each of them is new after each refresh."
        if not story.same_file:
            why = "The answer builds all rows of the view again, and drops the old ones."
        raise Wrong(
            why, expected=f"{changed} rows written", got=f"{len(written) + changed} of {len(after)} rows written"
        )


@answer("page")
@points(1)
@keeps("moves-with-refresh")
@hint(
    "Run the page twice without a refresh between. Which time must it show the second time?",
    "Run the cron job, then the page. Who writes down when the refresh was, and where?",
)
def test_page_says_how_old_it_is(first_page, story, built, answers):
    """`as_of` is the moment of the last refresh, to the microsecond."""
    refreshed(story)
    as_of = told_as_of(query(built, answers["page"]))
    if all(moment.microsecond % 1000 == 0 for moment in (as_of, told_as_of(first_page))):  # by chance: one in a million
        why = "The moment is rounded: a rounded moment can be later than the data is."
        raise Wrong(why, expected="microseconds, as now() tells them", got=f"{as_of:%H:%M:%S.%f}")
    if as_of > story.ended:
        why = "The page shows a moment after the last refresh: the time at which you ask, not that of the data."
        raise Wrong(why, expected=f"not after {story.ended:%H:%M:%S.%f}", got=f"{as_of:%H:%M:%S.%f}")
    if as_of < story.began:
        why = "There was a refresh, and the page shows a moment before it."
        raise Wrong(why, expected=f"{story.began:%Y-%m-%d %H:%M:%S.%f} or later", got=f"{as_of:%Y-%m-%d %H:%M:%S.%f}")


def catalog(database, question):
    """What the catalog says to the superuser, whom no table or function of an answer can fool."""
    with database.admin() as connection:
        return connection.execute(question).fetchall()


def require_rows(database):
    """Fails unless daily_sales is a materialized view that can be read."""
    kind, populated = next(iter(catalog(database, KIND)), ("", False))
    if kind != "m":
        kinds = {
            "": "nothing",
            "v": "a view, which runs its query for each reader",
            "r": "a table, which nothing refreshes",
        }
        raise Wrong(
            "There is no materialized view named daily_sales.",
            expected="a materialized view",
            got=kinds.get(kind, kind),
        )
    if not populated:
        why = "daily_sales was made WITH NO DATA: whoever reads it now gets an error."
        raise Wrong(why, expected="rows", got="not populated")


@contextlib.contextmanager
def held_at_orders(database, text):
    """The answer `refresh` at work: it cannot read `orders` before the block ends, nor for 200 ms. It is over when this returns."""
    with ThreadPoolExecutor(1) as pool, database.connect(autocommit=False) as holder:
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        refresh = pool.submit(run, database, text)
        try:
            until_it_waits(holder, refresh, LONG_WAITING)
            yield holder
        finally:
            holder.rollback()
        refresh.result()


def follows_the_view(database, answers, late):
    """Fails where the page shows other rows than the view after a refresh: the answer's own, or a plain one where that fails."""
    run(database, answers["dashboard"])
    with database.connect() as connection:
        connection.execute(late)
        try:
            run(database, answers["refresh"])
        except AnswerError:
            connection.execute("REFRESH MATERIALIZED VIEW daily_sales")
        held = keyed(connection.execute(VIEW))
    page = query(database, answers["page"])
    compare(keyed(row[:4] for row in page.rows), held, many=len(page.rows), than="the view after a refresh")


def until_it_waits(connection, refresh: Future, waiting: str = WAITING) -> bool:
    """Until the refresh waits for a lock, or is over. Returns whether it waits."""
    deadline = time.monotonic() + PATIENCE
    while not refresh.done() and time.monotonic() < deadline:
        if connection.execute(waiting).fetchone()[0]:
            return True
        time.sleep(0.002)  # nothing tells that a session waits; pg_locks has to be asked
    return False


def lock_met_by_a_reader(database, text) -> str | None:
    """The lock that stops a reader for over 100 ms, if one does."""
    with database.connect(options="-c lock_timeout=100ms") as reader:
        try:
            reader.execute(text)
        except psycopg.errors.LockNotAvailable:
            found = reader.execute(STOPPING).fetchone()
            return found[0] if found else "a lock"
    return None


def keyed(rows):
    """Rows by day and shop: the values that follow, or the one value."""
    return {tuple(row[:2]): tuple(row[2:]) if len(row) > 3 else row[2] for row in rows}


def clock(connection) -> datetime:
    """The server's clock."""
    return connection.execute("SELECT clock_timestamp()").fetchone()[0]


def told_as_of(page) -> datetime:
    """The one moment that the page shows."""
    if page.columns[4:] != ["as_of"] or page.types[4] != "timestamptz" or not page.rows:
        raise Wrong(
            "The page shows no as_of.", expected="a column as_of, timestamptz, last", got=", ".join(page.columns)
        )
    moments = {row[4] for row in page.rows}
    if None in moments:
        raise Wrong("as_of is NULL: nobody wrote the moment down.", expected="a moment", got="NULL")
    if len(moments) > 1:
        raise Wrong("The rows show different moments; the data is of one.", expected="one as_of", got=f"{len(moments)}")
    return moments.pop()


def refreshed(story):
    """Fails where the answer left the view as it was: then there was nothing to wait for."""
    if story.places == story.places_before:
        raise Wrong(
            "After the answer ran, the view is as it was before: late orders are not in it.",
            expected="a refresh",
            got="no change",
        )


def reads(database, text):
    """Whether the page's query runs at all; that it does is another check's business."""
    try:
        return bool(query(database, text).rows)
    except AnswerError:
        return False


def compare(got, expected, many=None, than="the page's query"):
    """Names the first difference between rows by day and shop."""
    for day, shop in sorted(expected.keys() - got.keys()):
        why = f"{shop} on {day} is missing, which {than} has."
        raise Wrong(why, expected=f"{len(expected):,} rows", got=f"{len(got):,} rows")
    for day, shop in sorted(got.keys() - expected.keys(), key=str):
        why = f"{shop} on {day} is there, which {than} does not have (cancelled orders are not sold)."
        raise Wrong(why, expected=f"{len(expected):,} rows", got=f"{len(got):,} rows")
    for key, (orders, revenue) in expected.items():
        if got[key] != (orders, revenue):
            why = f"{key[1]} on {key[0]} has other numbers than {than}."
            raise Wrong(why, expected=f"{orders} orders, {revenue}", got=f"{got[key][0]} orders, {got[key][1]}")
    if many not in (None, len(expected)):
        raise Wrong("Some rows come more than once.", expected=f"{len(expected)} rows", got=f"{many} rows")
