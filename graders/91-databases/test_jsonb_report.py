"""Checks of jsonb-report: a report from documents, a CHECK on them, a total that follows them, and a correction in place."""

import contextlib
import copy
import json
from decimal import Decimal

import psycopg
import pytest

from labkit.checking.checks import AnswerError, Wrong, answer, hint, keeps, points
from labkit.kinds.sql.answers import query, run, words
from labkit.services.postgres.sql import is_fault

COLUMNS = ["country", "orders", "units", "revenue", "shipping"]
REPORT = """
    SELECT doc ->> 'country', count(*)::int, sum(units)::int, sum(revenue), sum(coalesce((doc ->> 'shipping')::numeric, 0))
    FROM orders, LATERAL (
        SELECT coalesce(sum(qty), 0) AS units, coalesce(sum(qty * price), 0) AS revenue
        FROM jsonb_array_elements(doc -> 'lines') AS line,
             LATERAL (SELECT coalesce((line ->> 'qty')::int, 1) AS qty, (line ->> 'price')::numeric AS price)
    ) GROUP BY 1
"""
TOTALS = """
    SELECT id, coalesce((doc ->> 'shipping')::numeric, 0) + coalesce((
        SELECT sum(coalesce((line ->> 'qty')::int, 1) * (line ->> 'price')::numeric) FROM jsonb_array_elements(doc -> 'lines') AS line
    ), 0) FROM orders
"""
MAY = "2026-05-01 00:00+00"

INSERT = "INSERT INTO orders (id, placed_at, doc) VALUES (999999, now(), %s)"
LINE = {"sku": "POT-11", "price": 12.5, "qty": 2}
ORDER = {"country": "DE", "shipping": 4.9, "lines": [LINE]}
WITHOUT = object()  # marks a key that is taken away


def order(**changes):
    """A valid order with other values for some keys."""
    changed = {**ORDER, **changes}
    return {key: value for key, value in changed.items() if value is not WITHOUT}


def with_line(**changes):
    """A valid order whose second line has other values for some keys."""
    changed = {**LINE, **changes}
    return order(lines=[LINE, {key: value for key, value in changed.items() if value is not WITHOUT}])


VALID = {
    "an order as most are": ORDER,
    "an order without lines": order(lines=[]),
    "an order without shipping": order(shipping=WITHOUT),
    "a line without qty": with_line(qty=WITHOUT),
    "a price as text": with_line(price="12.50"),
    "a sample, price 0": with_line(price=0),
    "a key that nobody knows": with_line(gift=True) | {"voucher": {"code": "MAY"}},
}
MALFORMED = {
    "lines that are an object": order(lines=LINE),
    "lines that are null": order(lines=None),
    "no lines at all": order(lines=WITHOUT),
    "no country": order(country=WITHOUT),
    "a country in words": order(country="Germany"),
    "a line without sku": with_line(sku=WITHOUT),
    "a line without price": with_line(price=WITHOUT),
    "a price below 0": with_line(price=-1),
    "the price 'free'": with_line(price="free"),
    "qty 0": with_line(qty=0),
    "qty as text": with_line(qty="2"),
    "shipping below 0": order(shipping=-4.9),
    "a country of three letters": order(country="DEU"),
    "a price in a list": with_line(price=[5]),
    "a line in a list": order(lines=[[LINE]]),
    "the price '-12.50'": with_line(price="-12.50"),
}


@pytest.fixture(scope="module")
def expected(database):
    """The report: orders, units, revenue, shipping by country. Read before the answers touch anything."""
    with database.connect() as connection:
        return {row[0]: row[1:] for row in connection.execute(REPORT)}


@pytest.fixture(scope="module")
def report(expected, database, answers):
    """What the answer `report` gives."""
    return query(database, answers["report"])


@pytest.fixture(scope="module")
def guarded(expected, database, answers, postgres_bench, template):
    """The database after the answer `guard`. Where that fails on an order that is there, the message names one."""
    try:
        run(database, answers["guard"])
    except AnswerError as error:
        if not isinstance(error.__cause__, psycopg.errors.CheckViolation):
            raise
        with postgres_bench.database(template) as clone:
            example = refused_order(clone, answers["guard"])
        raise AnswerError(f"{error} {example}".rstrip()) from error
    return database


def refused_order(database, text):
    """The first order of the lab's that the answer's rule refuses, in words: found by giving them one by one to an empty table."""
    with database.connect() as connection:
        orders = connection.execute("SELECT id, placed_at, doc FROM orders ORDER BY id").fetchall()
        connection.execute("TRUNCATE orders")
        with contextlib.suppress(AnswerError):
            run(database, text)
            for number, placed_at, document in orders:
                row = (number, placed_at, json.dumps(document))
                try:
                    connection.execute("INSERT INTO orders (id, placed_at, doc) VALUES (%s, %s, %s)", row)
                except psycopg.Error as error:
                    if is_fault(error):
                        raise
                    return f"Your rule refuses order {number}, which is valid: {row[2]}"
    return ""


@pytest.fixture(scope="module")
def totalled(request, expected, database, answers):
    """The database after the answer `total`, which stands on what is above it."""
    with contextlib.suppress(AnswerError):
        request.getfixturevalue("guarded")
    run(database, answers["total"])
    return database


@pytest.fixture(scope="module")
def corrected(request, database, answers):
    """The orders before and after the answer `correct`: (since May, document, version of the row, month) by id."""
    for earlier in ("guarded", "totalled"):
        with contextlib.suppress(AnswerError):
            request.getfixturevalue(earlier)
    before = versions(database)
    run(database, answers["correct"])
    return before, versions(database)


def versions(database):
    """Of each order: whether it is since May, its document, the transaction that wrote the row, and its month."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT id, placed_at >= %s, doc, xmin::text, to_char(placed_at, 'MM') FROM orders", [MAY]
        )
        return {row[0]: row[1:] for row in rows}


@answer("report")
@points(1)
@keeps("report-columns", "numeric")
@hint("The names and their order are in the task. Money that was counted as floating point is not exact.")
def test_report_columns(report, expected):
    """The report has the five columns, one row for each country, and exact (numeric) money."""
    if report.columns != COLUMNS:
        why = "The columns have other names or another order."
        raise Wrong(why, expected=", ".join(COLUMNS), got=", ".join(report.columns))
    if (money := set(report.types[3:])) != {"numeric"}:
        raise Wrong("Revenue and shipping are not numeric.", expected="numeric", got=", ".join(sorted(money)))
    countries = [row[0] for row in report.rows]
    if sorted(map(str, countries)) != sorted(expected):
        why = "There must be one row for each country in the orders."
        raise Wrong(why, expected=", ".join(sorted(expected)), got=", ".join(map(str, countries)))


@answer("report")
@points(1)
@keeps("each-once")
@hint(
    "How many rows does one order become when its lines are unfolded? What of an order whose list is empty?",
    "SELECT count(*) FROM orders WHERE doc -> 'lines' = '[]': are those in your report?",
    "A join that keeps the left side where there is nothing on the right is LEFT JOIN LATERAL … ON true.",
)
def test_report_orders(report, expected):
    """Every order is counted, and each one once."""
    compare(
        report, expected, "orders", "An order with three lines is one order, and one with no line is an order, too."
    )


@answer("report")
@points(2)
@keeps("zeros", "qty", "price")
@hint(
    "Look at a few lines: which keys has each of them, and which only some?",
    "What is NULL * 4.50, and what does sum() do with it?",
)
def test_report_units_and_revenue(report, expected):
    """Units and revenue are right: a line without `qty` is one piece."""
    compare(report, expected, "units", "A line without qty is one piece; a country that sold nothing has 0.")
    compare(
        report, expected, "revenue", "It is the sum of qty × price over all lines; a country that sold nothing has 0."
    )


@answer("report")
@points(2)
@keeps("each-once", "zeros", "shipping")
@hint(
    "Shipping is paid once for an order. On how many rows does it stand when you add it up?",
    "Add up the lines of each order first, so that one order is one row again.",
)
def test_report_shipping(report, expected):
    """Shipping is counted once for each order, and is 0 where nobody paid any."""
    less = "Each order pays it once: also one whose list is empty, and two that pay the same are two."
    compare(report, expected, "shipping", "It belongs to the order, not to each of its lines.", less)


@answer("guard")
@points(1)
@keeps("accepted", "orders-stay", "other-keys")
@hint(
    "Which key may be missing, and which may have two types? The rules say so.",
    "A condition on a key that is missing is NULL. What do you want to be true of it?",
)
def test_valid_documents_get_in(guarded, expected, untouched):
    """All orders stay as they are, and valid documents get in: with no lines, no shipping, no `qty`, a price as text, unknown keys."""
    with guarded.connect() as connection:
        if (count := connection.execute("SELECT count(*) FROM orders").fetchone()[0]) != (
            all_ := sum(row[0] for row in expected.values())
        ):
            raise Wrong("Orders were lost: they are all valid, and must stay.", expected=all_, got=count)
    untouched(guarded, "orders")
    judge_accepted(guarded, VALID)


def judge_accepted(database, documents):
    """Fails where one of the valid documents is refused, and shows what was said of it."""
    refused = {what: error for what, error in attempts(database, documents).items() if error}
    if refused:
        what, error = next(iter(refused.items()))
        why = f"Refused, but valid: {', '.join(refused)}. The first one: {error}"
        raise Wrong(why, expected=f"accepted: {json.dumps(documents[what])}", got="refused")


@answer("guard")
@points(3)
@keeps("refused", "country", "lines", "sku", "price", "qty", "shipping")
@hint(
    "A CHECK refuses what is false. What does it do with NULL? Try: SELECT jsonb_typeof('{}'::jsonb -> 'lines') = 'array'",
    "A CHECK has no subquery, but it can call a function of yours, or a jsonpath: doc @? '$.lines[*] ? (…)' asks whether there is such a line.",
    "Ask for a line that is not good, rather than for one that is bad: in a jsonpath, a comparison of the wrong types is neither true nor false.",
    "If a list gets in where a value should be: a path is lax unless it begins with `strict`, and then looks into lists by itself.",
)
def test_malformed_documents_are_refused(guarded, note):
    """Documents that break a rule are refused, on INSERT and on UPDATE."""
    judge_refusals(guarded, MALFORMED, note)


@answer("total")
@points(2)
@keeps("total-right")
@hint(
    "Look at orders whose total differs: have they lines? Is there shipping? Has each line a qty?",
    "NULL plus something is NULL. coalesce() says what a missing value counts as.",
)
def test_total_of_every_order(totalled, untouched):
    """The column `total` is right for every order: its lines and its shipping. The orders are as they were."""
    judge_totals(totalled)
    untouched(totalled, "orders")


@answer("total")
@points(2)
@keeps("total-follows")
@hint(
    "When is your total computed: once, when you ran the answer, or whenever a document is written?",
    "GENERATED ALWAYS AS (…) STORED computes it from other columns of the row. It has no subquery, but it can call an IMMUTABLE function.",
)
def test_total_follows_the_document(totalled):
    """A new order has its total, and a changed one its new total."""
    with totalled.connect() as connection, connection.transaction(force_rollback=True):
        total = "SELECT total FROM orders WHERE id = 999999"
        insert = "INSERT INTO orders (id, placed_at, doc) VALUES (999999, now(), %s)"
        connection.execute(insert, [json.dumps(with_line(qty=WITHOUT))])
        got = connection.execute(total).fetchone()[0]
        same("A new order does not have the right total.", Decimal("42.40"), got)
        connection.execute("UPDATE orders SET doc = %s WHERE id = 999999", [json.dumps(with_line())])
        got = connection.execute(total).fetchone()[0]
        same("The document changed, and the total did not follow.", Decimal("54.90"), got)


@answer("total")
@points(1)
@keeps("total-protected")
@hint("Which kind of column can nobody write, not even its owner?")
def test_total_cannot_be_written(totalled):
    """Nobody can write another total into the column, with `UPDATE` or with `INSERT`."""
    judge_protection(totalled, [-1, 0, 1_000_000, None])


def judge_protection(database, values):
    """Fails where one of these can be written into `total`: by itself, beside the document, or into a new order."""
    with database.connect() as connection:
        true, mine = connection.execute("SELECT total, doc FROM orders WHERE id = 1").fetchone()
        ways = (
            ("UPDATE orders SET total = {} WHERE id = 1", (), 1, true),
            ("UPDATE orders SET doc = doc, total = {} WHERE id = 1", (), 1, true),
            (
                "INSERT INTO orders (id, placed_at, doc, total) VALUES (999999, now(), %s, {})",
                (json.dumps(mine),),
                999999,
                true,
            ),
        )
        for statement, params, number, expected in ways:
            for value in values:
                asked = statement.format("NULL" if value is None else value)
                with contextlib.suppress(psycopg.errors.Error), connection.transaction(force_rollback=True):
                    connection.execute(asked, params)
                    got = connection.execute("SELECT total FROM orders WHERE id = %s", [number]).fetchone()[0]
                    if got != expected:
                        why = f"This was let through: {asked.replace('%s', '…')}"
                        raise Wrong(why, expected=f"an error, or still {expected}", got=as_sql(got))


def same(why, expected, got):
    """Fails where a total is another one, or is counted as floating point."""
    if isinstance(got, float):
        why = "The total is counted as floating point, which is not exact."
        raise Wrong(why, expected=f"{expected}, numeric", got=f"{got}, floating point")
    if got != expected:
        raise Wrong(why, expected=expected, got=as_sql(got))


def as_sql(value):
    """A value as SQL writes it."""
    return "NULL" if value is None else value


@answer("correct")
@points(2)
@keeps("tea")
@hint(
    "Look for an order with two such lines, and for one of the old till, whose prices are text. What are they now?",
    "An UPDATE writes each row once, however many rows of a join match it. What does that do to an order with two such lines?",
    "Take the list apart with its positions (WITH ORDINALITY), and put it together again in the same order (jsonb_agg).",
)
def test_tea_is_corrected(corrected, note):
    """Every line with TEA-7 at 9.30 in orders since 1 May costs 3.90, as a JSON number."""
    note("overcharged", overcharged(corrected[0]))
    judge_correction(*corrected)


@answer("correct")
@points(2)
@keeps("nothing-else")
@hint(
    "Take one order that you changed and compare all of it, key by key, with what it was.",
    "Are the lines in the same order as before? Have they still all their keys? And is a sample still free?",
)
def test_nothing_else_changes(corrected):
    """No other order, no other line and no other key is different from before."""
    judge_rest(*corrected)


@answer("correct")
@points(1)
@keeps("only-those")
@hint("Which orders does your UPDATE visit? A row that is set to what it was is written all the same.")
def test_only_those_rows_are_written(corrected):
    """Only orders that have such a line are written."""
    judge_writes(*corrected)


def compare(report, expected, column, why="another number was expected.", less=""):
    """Fails where a column of the report differs for a country; `less` is why where it is too little."""
    at = COLUMNS.index(column)
    if column not in report.columns:
        raise Wrong(f"The report has no column {column}.", expected=", ".join(COLUMNS), got=", ".join(report.columns))
    got = {row[report.columns.index("country")] if "country" in report.columns else row[0]: row for row in report.rows}
    for country, values in sorted(expected.items()):
        if country not in got:
            raise Wrong(f"{country} is missing. {why}", expected=f"{values[at - 1]} {column}", got="no row")
        seen = got[country][report.columns.index(column)]
        if seen is None:
            raise Wrong(f"{country} has NULL, which is no number.", expected=f"{values[at - 1]} {column}", got="NULL")
        if "float" in report.types[report.columns.index(column)]:
            why = f"{country}: {column} is counted as floating point, which is not exact."
            raise Wrong(
                why, expected=f"{values[at - 1]}, numeric", got=f"{seen}, {report.types[report.columns.index(column)]}"
            )
        wanted, number = values[at - 1], Decimal(str(seen))
        if number != wanted:
            said = less if less and number.is_finite() and number < wanted else why
            raise Wrong(f"{country}: {said}", expected=f"{wanted} {column}", got=in_cents(number, wanted))


def in_cents(number, wanted):
    """What was seen, without decimals of a division that nobody needs to see the difference."""
    clear = number.is_finite() and abs(number) < 10**9 and abs(number - wanted) >= 1
    return round(number, 2) if clear and number.as_tuple().exponent < -2 else number


def attempts(database, documents):
    """Tries to insert each document, and rolls it back: the server's words where it refuses, by what the document is."""
    said = {}
    with database.connect() as connection:
        for what, document in documents.items():
            said[what] = attempt(connection, INSERT, document)
    return said


def attempt(connection, statement, document):
    """The server's words where it refuses, else nothing."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement, [json.dumps(document)])
            # One that is deferred would never speak, as all is rolled back.
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        if is_fault(error):
            raise
        return words(error)
    return ""


def judge_refusals(database, documents, note):
    """Fails where one of the malformed documents gets in, by INSERT or by UPDATE."""
    let_in = [what for what, error in attempts(database, documents).items() if not error]
    note("malformed", [len(documents), len(documents) - len(let_in)])
    if let_in:
        example = json.dumps(documents[let_in[0]])
        raise Wrong(f"These got in: {', '.join(let_in)}.", expected=f"refused: {example}", got="accepted")
    with database.connect() as connection:
        for what, document in documents.items():
            if not attempt(connection, "UPDATE orders SET doc = %s WHERE id = 1", document):
                why = f"On INSERT they are refused, but an UPDATE of an order to {what} got through."
                raise Wrong(why, expected=f"refused: {json.dumps(document)}", got="accepted")
        for statement in (INSERT, "UPDATE orders SET doc = %s WHERE id = 1"):
            if error := attempt(connection, statement, ORDER):
                why = "An order as most are is refused, too: who refuses everything guards against nothing."
                raise Wrong(why, expected="accepted", got=error)


def judge_totals(database):
    """Fails where an order has another total than its document says."""
    with database.connect() as connection:
        kind = connection.execute(
            "SELECT pg_catalog.format_type(atttypid, NULL) FROM pg_catalog.pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'total'"
        ).fetchone()
        if kind != ("numeric",):
            raise Wrong(
                "The column total is not numeric: money is counted exactly.",
                expected="numeric",
                got=kind[0] if kind else "no column total",
            )
        expected = dict(connection.execute(TOTALS).fetchall())
        got = dict(connection.execute("SELECT id, total FROM orders").fetchall())
        wrong = [
            number for number, total in expected.items() if got[number] is None or Decimal(str(got[number])) != total
        ]
        if wrong:
            (document,) = connection.execute("SELECT doc FROM orders WHERE id = %s", [wrong[0]]).fetchone()
            paid = json.dumps({key: document[key] for key in ("lines", "shipping") if key in document})
            why = f"{len(wrong):,} orders have another total, for example order {wrong[0]}: {paid}"
            raise Wrong(why, expected=expected[wrong[0]], got=as_sql(got[wrong[0]]))


def is_wrong_tea(line):
    """Whether a line is to be corrected."""
    return line["sku"] == "TEA-7" and Decimal(str(line["price"])) == Decimal("9.3")


def tea_lines(document):
    """How many lines of an order are to be corrected."""
    return sum(map(is_wrong_tea, document["lines"]))


def overcharged(before):
    """By month, the euros that TEA-7 cost too much before the answer."""
    euros = dict.fromkeys(["05", "06"], 0.0)
    for since_may, document, _, month in before.values():
        if since_may:
            euros[month] += sum(5.4 * line.get("qty", 1) for line in document["lines"] if is_wrong_tea(line))
    return euros


def after_correction(document):
    """The document as it must become."""
    wanted = copy.deepcopy(document)
    for line in filter(is_wrong_tea, wanted["lines"]):
        line["price"] = 3.9
    return wanted


def judge_correction(before, after):
    """Fails where a line that was to be corrected is not; says in which way."""
    for number, (since_may, old, *_) in before.items():
        if not since_may or not tea_lines(old):
            continue
        if number not in after:
            raise Wrong(f"Order {number} is gone.", expected=json.dumps(after_correction(old)), got="no row")
        was, wanted, now = (tea_prices(document) for document in (old, after_correction(old), after[number][1]))
        if now != wanted:
            why = what_is_wrong(number, was, wanted, now)
            raise Wrong(why, expected=f"TEA-7 in order {number} costs {in_euros(wanted)}", got=in_euros(now))


def tea_prices(document):
    """The prices of TEA-7 in an order, in the order of its lines, whatever the answer made of them."""
    lines = document.get("lines") if isinstance(document, dict) else None
    lines = lines if isinstance(lines, list) else []
    return [line.get("price") for line in lines if isinstance(line, dict) and line.get("sku") == "TEA-7"]


def in_euros(prices):
    """Prices for people: 3.90 for the number, "3.90" for the text."""
    return (
        ", ".join(f"{price:.2f}" if isinstance(price, int | float) else json.dumps(price) for price in prices)
        or "no such line"
    )


def what_is_wrong(number, was, wanted, now):
    """Why the prices of TEA-7 in an order are not as wanted, in words."""
    if "3.90" in now or "3.9" in now:
        return f"The new price in order {number} is a JSON text; it must be a number."
    if len(now) != len(wanted):
        return f"Order {number} has another number of lines with TEA-7 than before."
    if any(price == right != old for old, right, price in zip(was, wanted, now, strict=True)):
        return f"Order {number} has several lines with TEA-7, and only some of them are right."
    if now == was and isinstance(now[0], str):
        return f"Order {number} was passed over: its prices are JSON text, as the old till wrote them."
    return f"Order {number} was not corrected." if now == was else f"Order {number} has other prices of TEA-7."


def judge_rest(before, after):
    """Fails where anything but those prices changed; says what. Whether they are right is judged elsewhere."""
    if before.keys() != after.keys():
        raise Wrong("Orders were added or lost.", expected=f"{len(before)} orders", got=f"{len(after)} orders")
    if not any(before[number][1] != after[number][1] for number in before):
        raise Wrong("Nothing at all changed.", expected="some prices are different", got="all is as before")
    for number, (since_may, old, *_) in before.items():
        new = after[number][1]
        if new != old and blank(old, old, since_may) != blank(new, old, since_may):
            wanted = after_correction(old) if since_may else old
            path, was, now = next(differences(blank(wanted, old, since_may), blank(new, old, since_may)))
            line = f" It is the line {json.dumps(line_at(wanted, path))}." if path.startswith("lines → ") else ""
            why = f"Order {number} changed in more than such a price: {path} is another value.{line}"
            raise Wrong(why, expected=was, got=now)


def differences(wanted, now, path=""):
    """Where two documents differ: (path, what it should be, what it is), the first place first."""
    if isinstance(wanted, dict) and isinstance(now, dict):
        for key in [*wanted, *(key for key in now if key not in wanted)]:
            yield from differences(wanted.get(key, WITHOUT), now.get(key, WITHOUT), f"{path} → {key}" if path else key)
    elif isinstance(wanted, list) and isinstance(now, list) and len(wanted) == len(now):
        for place, (one, other) in enumerate(zip(wanted, now, strict=True)):
            yield from differences(one, other, f"{path} → {place}")
    elif wanted is not now and wanted != now:
        yield path, shown(wanted), shown(now)


def shown(value):
    """A part of a document as JSON, or that it is missing."""
    return "no such key" if value is WITHOUT else json.dumps(value)


def line_at(document, path):
    """The line of an order that a path of `differences` leads into; nothing where it leads to all of them."""
    steps = path.split(" → ")
    return document["lines"][int(steps[1])] if len(steps) > 1 and int(steps[1]) < len(document["lines"]) else None


def blank(document, old, since_may):
    """The document without the prices that may change: those of the lines that in `old` are to be corrected."""
    blanked = copy.deepcopy(document)
    lines = blanked.get("lines")
    if since_may and isinstance(lines, list) and len(lines) == len(old["lines"]):
        for line, was in zip(lines, old["lines"], strict=True):
            if is_wrong_tea(was) and isinstance(line, dict) and "price" in line:
                line["price"] = None
    return blanked


def judge_writes(before, after):
    """Fails where rows were written that have no such line."""
    needed = {number for number, (since_may, old, *_) in before.items() if since_may and tea_lines(old)}
    written = {number for number, row in after.items() if number in before and row[2] != before[number][2]}
    if not written:
        raise Wrong("No order was written.", expected=f"{len(needed)} orders written", got="0")
    if written - needed:
        why = f"Of the orders that were written, {len(written - needed)} have nothing to correct, for example {min(written - needed)}."
        raise Wrong(why, expected=f"{len(needed)} orders written", got=len(written))
