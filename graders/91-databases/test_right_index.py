"""Checks of right-index: four queries within a budget of blocks, by indexes within a budget of bytes."""

import contextlib

import pytest

from labkit.checking.checks import AnswerError, Wrong, answer, hint, keeps, points
from labkit.kinds.sql.answers import Reader, run
from labkit.services.postgres.counters import PLANNING
from labkit.services.postgres.plan import explain

LIST = """
    SELECT id, placed_at, status, total_cents FROM orders
    WHERE shop_id = {} AND placed_at < '{}' ORDER BY placed_at DESC LIMIT 20
"""
QUEUE = "SELECT id, shop_id, placed_at FROM orders WHERE status = 'open' ORDER BY placed_at LIMIT 50"
LOGIN = "SELECT id, name FROM customers WHERE lower(email) = lower('{}')"
REVENUE = """
    SELECT count(*), sum(total_cents) FROM orders
    WHERE shop_id = {} AND placed_at >= '{}' AND placed_at < '{}'
"""

SHOPS = [(12, "2025-07-01"), (77, "2026-01-01"), (250, "2025-11-01")]  # a large shop, one that closed, and one of many
LISTS = [LIST.format(*shop) for shop in SHOPS]
MARCH = REVENUE.format(12, "2025-03-01", "2025-04-01")

# Blocks. Right answers were seen to need 23, 28, 3 and 9; wrong ones at least 419, 556, 93 and 43.
LIST_BUDGET, QUEUE_BUDGET, LOGIN_BUDGET, REVENUE_BUDGET = 40, 60, 8, 20
QUEUE_BYTES = 200_000  # the partial index takes 49 kB, a full one 3.9 MB
ORDERS_BYTES = 6_500_000  # one index for two questions takes 4.9 MB, two indexes 8.7 MB

INDEXES = """
    SELECT indexrelid, pg_relation_size(indexrelid) FROM pg_index
    WHERE indrelid = to_regclass('public.orders') AND NOT indisprimary
"""

DEFINITIONS = """
    SELECT indexrelid, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = 'public'::regnamespace ORDER BY 1
"""


def sizes(database):
    """The indexes on orders that are no primary key: size in bytes by oid. The superuser asks, whom no function of an answer can fool."""
    with database.admin() as catalog:
        return dict(catalog.execute(INDEXES).fetchall())


def run_for_indexes(database, text):
    """Runs an answer. The definitions of the indexes that it made, on whichever table."""
    with database.admin() as catalog:
        there = {oid for oid, _ in catalog.execute(DEFINITIONS)}
        run(database, text)
        return [made for oid, made in catalog.execute(DEFINITIONS) if oid not in there]


def one_index(made):
    """Fails where the answer made several indexes; that one is missing is told by what is then read."""
    if len(made) > 1:
        raise Wrong(
            "One index is asked for: each is written with every order.", expected="1 index", got="; ".join(made)
        )


def rows_of(connection, queries):
    """The rows of each query."""
    return {query: sorted(connection.execute(query).fetchall()) for query in queries}


def look(reader, query, before):
    """The plan of a query, which must still give the rows that it gave before the answer, and read no more for them than the plan says."""
    given = reader.query(query)
    if sorted(given.rows) != before[query]:
        why = "The query gives other rows than before your answer: an index must not change what is in the table."
        raise Wrong(why, expected=f"{len(before[query])} rows as before", got=f"{len(given.rows)} rows")
    plan = reader.explain(query)
    if given.blocks > plan.root.blocks + PLANNING:
        why = "When the query runs, Postgres counts far more blocks than when it explains it. It must do the same both times."
        raise Wrong(why, expected=f"{plan.root.blocks} blocks, as in its plan", got=f"{given.blocks:,} blocks")
    return plan


@pytest.fixture(scope="module")
def login(database):
    """The login of one customer, who types the address in capital letters."""
    with database.connect() as connection:
        (email,) = connection.execute("SELECT upper(email) FROM customers WHERE id = 4711").fetchone()
    return LOGIN.format(email)


@pytest.fixture(scope="module")
def before(database, login):
    """The rows of each query before any answer ran."""
    with database.connect() as connection:
        return rows_of(connection, [*LISTS, QUEUE, login, MARCH])


@pytest.fixture(scope="module")
def blocks(before, database, login):
    """The blocks that each page touches before any answer ran, for the picture."""
    queries = {"order list": LISTS[0], "queue": QUEUE, "login": login, "revenue": MARCH}
    with database.connect() as connection:
        return {name: explain(connection, query).root.blocks for name, query in queries.items()}


@pytest.fixture(scope="module")
def made():
    """The definitions of the indexes that each answer made, by the answer's name."""
    return {}


@pytest.fixture(scope="module")
def list_indexed(blocks, before, database, answers, made):
    """The database after the answer `list`."""
    made["list"] = run_for_indexes(database, answers["list"])
    return database


@pytest.fixture(scope="module")
def queue_indexes(blocks, before, database, answers):
    """The indexes that the answer `queue` made: size in bytes by oid."""
    there = sizes(database)
    run(database, answers["queue"])
    return {index: size for index, size in sizes(database).items() if index not in there}


@pytest.fixture(scope="module")
def login_indexed(blocks, before, database, answers, made):
    """The database after the answer `login`."""
    made["login"] = run_for_indexes(database, answers["login"])
    return database


@pytest.fixture(scope="module")
def revenue_indexed(request, database, answers):
    """The database after the answer `revenue`, which builds on those above it; what fails in them is told there."""
    for earlier in ("list_indexed", "queue_indexes"):
        with contextlib.suppress(AnswerError):
            request.getfixturevalue(earlier)
    run(database, answers["revenue"])
    return database


@pytest.fixture(scope="module")
def kept(request, revenue_indexed):
    """The indexes on orders in the end, but for the queue's, which has a budget of its own."""
    queues = {}
    with contextlib.suppress(AnswerError):
        queues = request.getfixturevalue("queue_indexes")
    return {index: size for index, size in sizes(revenue_indexed).items() if index not in queues}


@answer("list")
@points(2)
@keeps("list-budget", "everyone", "one-for-the-list", "rows-stay")
@hint(
    "Compare the three shops: for which of them is your plan worst, and what does that plan read that it then throws away?",
    "An index is sorted by its first column, and within equal values by the second. In which order do the wanted 20 stand together?",
    "One part of the WHERE is an equality, the other a range that is also the order of the result.",
)
def test_order_list(list_indexed, before, blocks, note, made, untouched):
    """With one index the order list reads at most 40 blocks: for the large shop, for the one that closed, and for one of the others."""
    with Reader(list_indexed) as reader:
        plans = {shop: look(reader, LIST.format(*shop), before) for shop in SHOPS}
    worst = max(plan.root.blocks for plan in plans.values())
    note("order list", [blocks["order list"], worst, LIST_BUDGET])
    for (shop, _), plan in plans.items():
        judge_list(shop, plan)
    one_index(made["list"])
    untouched(list_indexed)


@answer("queue")
@points(1)
@keeps("queue-budget", "rows-stay")
@hint(
    "Which orders does this page want, and in which order? What would have to stand first in the index?",
    "Of 1,200 open orders the page shows 50. If the plan has a Sort, it read all of them first.",
)
def test_queue(queue_indexes, database, before, blocks, note, untouched):
    """The packing queue reads at most 60 blocks."""
    with Reader(database) as reader:
        plan = look(reader, QUEUE, before)
    note("queue", [blocks["queue"], plan.root.blocks, QUEUE_BUDGET])
    judge_queue(plan)
    untouched(database)


@answer("queue")
@points(1)
@keeps("queue-size", "one-for-the-queue")
@hint(
    "Which rows does the index hold that this page will never ask for?",
    "CREATE INDEX can take a WHERE, as a query can.",
)
def test_queue_index_is_small(queue_indexes):
    """There is one index for the queue, and it takes at most 200 kB."""
    if not queue_indexes:
        raise Wrong("Your answer made no index on orders.", expected="an index under 200 kB", got="none")
    if (size := sum(queue_indexes.values())) > QUEUE_BYTES:
        why = "The index holds orders that the queue never shows: 99 of 100 orders are not open."
        raise Wrong(why, expected="at most 200 kB", got=f"{size / 1000:,.0f} kB")
    if len(queue_indexes) > 1:
        why = "One index is asked for: each is written with every order."
        raise Wrong(why, expected="1 index", got=f"{len(queue_indexes)} indexes")


@answer("login")
@points(2)
@keeps("login-budget", "one-for-the-login", "rows-stay")
@hint(
    "What exactly stands left of the `=` in the query? Is that what your index is sorted by?",
    "An index can hold the result of an expression instead of a column. It serves queries that use just that expression.",
)
def test_login(login_indexed, login, before, blocks, note, made, untouched):
    """With one index the login reads at most 8 blocks, in whatever capitals the address was typed."""
    with Reader(login_indexed) as reader:
        plan = look(reader, login, before)
    note("login", [blocks["login"], plan.root.blocks, LOGIN_BUDGET])
    judge_login(plan, made["login"])
    one_index(made["login"])
    untouched(login_indexed)


@answer("revenue")
@points(2)
@keeps("revenue-budget", "rows-stay")
@hint(
    "Look at the plan: which node touches the most blocks, the one that searches the index or the one that goes to the table?",
    "Where does the query get total_cents from? Could it be nearer to where it searches?",
    "INCLUDE puts a column into an index without making it part of the order.",
)
def test_revenue(revenue_indexed, before, blocks, note, untouched):
    """The revenue of a month is read from an index alone, with at most 20 blocks."""
    with Reader(revenue_indexed) as reader:
        plan = look(reader, MARCH, before)
    note("revenue", [blocks["revenue"], plan.root.blocks, REVENUE_BUDGET])
    judge_revenue(plan)
    untouched(revenue_indexed)


@answer("revenue")
@points(2)
@keeps("bytes", "others-still")
@hint(
    "List your indexes with their columns. Is there a question that two of them could answer?",
    "An index on (a, b) with more columns behind it can do all that an index on (a, b) can. What may be dropped then?",
)
def test_indexes_are_within_budget(revenue_indexed, kept, before, note, request):
    """The indexes on orders take at most 6.5 MB together, the order list is still within 40 blocks, and the queue within 60."""
    with Reader(revenue_indexed) as reader:
        plans = {shop: look(reader, LIST.format(*shop), before) for shop in SHOPS}
    size = sum(kept.values())
    note("index_bytes", size)
    if not kept:
        raise Wrong("No index is left for the revenue.", expected="at most 6.5 MB", got="none")
    if size > ORDERS_BYTES:
        many = f"The {len(kept)} indexes take" if len(kept) > 1 else "The index takes"
        why = (
            f"{many} {size / 1e6:.2f} MB. Drop what another index can do as well; keep only columns that a query reads."
        )
        raise Wrong(why, expected="at most 6.50 MB", got=f"{size / 1e6:.2f} MB")
    for (shop, _), plan in plans.items():
        judge_list(shop, plan)
    queue_still(request, revenue_indexed)


def queue_still(request, database):
    """Fails where the queue's index is gone, and nothing serves the queue in its place."""
    with contextlib.suppress(AnswerError):
        lost = request.getfixturevalue("queue_indexes").keys() - sizes(database).keys()
        if lost:
            with Reader(database) as reader:
                plan = reader.explain(QUEUE)
            if plan.root.blocks > QUEUE_BUDGET:
                why = "Your answer dropped the index of the packing queue, which now reads far more."
                raise Wrong(why, expected=f"at most {QUEUE_BUDGET} blocks", got=plan.tree)


def judge_list(shop, plan):
    """Fails with what made the order list read more than its budget."""
    if plan.root.blocks <= LIST_BUDGET:
        return
    kinds = {node.kind for node in plan.nodes}
    if "Seq Scan" in kinds:
        why = f"For shop {shop} the whole table is read: no index serves this query."
    elif "Sort" in kinds:
        why = f"For shop {shop} all its orders are read, and then sorted to keep 20: your index finds the shop but does not give the order."
    else:
        why = f"For shop {shop} the scan walks over the orders of other shops to find 20 of this one."
    raise Wrong(why, expected=f"at most {LIST_BUDGET} blocks", got=plan.tree)


def judge_queue(plan):
    """Fails with what made the queue read more than its budget."""
    if plan.root.blocks <= QUEUE_BUDGET:
        return
    kinds = {node.kind for node in plan.nodes}
    if "Seq Scan" in kinds:
        why = "The whole table is read. Your index, if there is one, does not hold what `status = 'open'` asks for: compare the conditions."
    elif "Sort" in kinds:
        why = "All open orders are read, and then sorted to keep 50: your index does not give them in the order of placed_at."
    else:
        why = "The scan walks over many orders that are not open to find 50 that are."
    raise Wrong(why, expected=f"at most {QUEUE_BUDGET} blocks", got=plan.tree)


def judge_login(plan, made=()):
    """Fails with what made the login read more than its budget; `made` are the definitions of the answer's indexes."""
    if plan.root.blocks <= LOGIN_BUDGET:
        return
    why = "An index is read, but it leaves many candidates to look at. Is there a kind of index made for `=`?"
    if plan.scans("customers"):
        why = "All customers are read: no index holds what the query compares, `lower(email)`."
        if near := next((index for index in made if "lower(email)" in index), ""):
            how = "with a condition of its own" if " WHERE " in near else "in another way than the query compares it"
            how = "in the order of another collation" if " COLLATE " in near else how
            why = f"All customers are read: your index holds `lower(email)`, but {how}. It is {near}."
    raise Wrong(why, expected=f"at most {LOGIN_BUDGET} blocks", got=plan.tree)


def judge_revenue(plan):
    """Fails with what made the revenue read more than its budget, or the table."""
    scans = [node for node in plan.nodes if node.table == "orders"]
    within = f"an Index Only Scan, at most {REVENUE_BUDGET} blocks"
    if plan.scans("orders"):
        raise Wrong("The whole table is read for one month of one shop.", expected=within, got=plan.tree)
    if not any(node.kind == "Index Only Scan" for node in scans):
        why = "An index finds the rows, but total_cents comes from the table, a block for nearly each of them."
        raise Wrong(why, expected=within, got=plan.tree)
    if plan.root.blocks > REVENUE_BUDGET:
        why = "The index alone is enough, but too much of it is read: the orders of this shop in this month do not stand together in it, or each carries more than is needed."
        raise Wrong(why, expected=within, got=plan.tree)
