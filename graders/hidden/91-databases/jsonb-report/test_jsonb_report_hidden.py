"""Hidden checks of jsonb-report: other orders, other malformed documents."""

import json
from decimal import Decimal

import psycopg
from test_jsonb_report import (
    LINE,
    compare,
    corrected,
    expected,
    guarded,
    judge_accepted,
    judge_correction,
    judge_protection,
    judge_refusals,
    judge_rest,
    judge_totals,
    judge_writes,
    order,
    report,
    totalled,
    with_line,
)

from labkit.checking.checks import Wrong, answer, keeps, points, review

VALID = {
    "twice the same": order(lines=[LINE, LINE]),
    "60 lines": order(lines=[LINE] * 60),
    "other scripts": with_line(sku="ЧАЙ-7", note="für Ærø"),
    "a text price of 0": with_line(price="0.00"),
    "no shipping costs": order(shipping=0),
    "a thousand": with_line(qty=1000),
    "a price of a thousandth": with_line(price=0.001),
    "a list in a key that nobody knows": with_line(sizes=[[1], [2]]) | {"lines_before": "none"},
}
MALFORMED = {
    "a list": [order()],
    "a text": "order",
    "no country": order(country=None),
    "small letters": order(country="de"),
    "a text for lines": order(lines="none"),
    "a line that is text": order(lines=[LINE, "POT-11"]),
    "a line that is a number": order(lines=[7]),
    "a line that is null": order(lines=[None]),
    "a number for sku": with_line(sku=7),
    "an empty sku": with_line(sku=""),
    "a price that is null": with_line(price=None),
    "an empty price": with_line(price=""),
    "half a piece": with_line(qty=1.5),
    "less than nothing": with_line(qty=-2),
    "shipping as text": order(shipping="4.90"),
    "a country with a digit": order(country="D1"),
    "a country of digits": order(country="12"),
    "one letter": order(country="D"),
    "a country with a blank": order(country="DE "),
    "a country and a line end": order(country="DE\n"),
    "qty that is null": with_line(qty=None),
    "qty in a list": with_line(qty=[2]),
    "just below one piece": with_line(qty=0.99),
    "the price 'NaN'": with_line(price="NaN"),
    "the price '12,50'": with_line(price="12,50"),
    "a price with a blank": with_line(price=" 12.50"),
    "a price with an exponent": with_line(price="1e2"),
    "a price as text in a list": with_line(price=["5.00"]),
    "a price that is true": with_line(price=True),
    "just below 0": with_line(price=-0.01),
    "shipping just below 0": order(shipping=-0.01),
    "shipping that is null": order(shipping=None),
    "shipping in a list": order(shipping=[2]),
    "an empty list for a line": order(lines=[[]]),
    "a bad line at the end of sixty": order(lines=[LINE] * 59 + [{"sku": "POT-11"}]),
    "a bad line before good ones": order(lines=[{"price": 1}, LINE, LINE]),
    "sku in a list": with_line(sku=["POT-11"]),
}


@answer("report")
@points(2)
@keeps("each-once", "zeros")
@review("What becomes of the parent row when a list is unfolded: with many entries, and with none.")
def test_report_of_other_orders(report, expected):
    """The report is right for orders that it has not seen."""
    for column in ("orders", "units", "revenue", "shipping"):
        compare(report, expected, column)


@answer("guard")
@points(1)
@keeps("accepted", "other-keys")
@review("What the rules allow: keys that may be missing, types that may differ.")
def test_other_valid_documents_get_in(guarded):
    """Other valid documents get in, too."""
    judge_accepted(guarded, VALID)


@answer("guard")
@points(2)
@keeps("refused", "country", "lines", "sku", "price", "qty", "shipping")
@review("CHECK and NULL, the types of JSON values, and every line of the list, not just the first.")
def test_other_malformed_documents_are_refused(guarded, note):
    """Other malformed documents are refused, too."""
    judge_refusals(guarded, MALFORMED, note)


@answer("total")
@points(1)
@keeps("total-right", "total-for-all", "total-protected")
@review("What counts when a key is missing or the list is empty.")
def test_total_of_other_orders(totalled):
    """The total is right for other orders, also for whatever else the CHECK accepts, and cannot be written."""
    judge_totals(totalled)
    judge_protection(totalled, [0.01, 42])
    whole = with_line(qty=2.0)
    with totalled.connect() as connection:
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(
                    "INSERT INTO orders (id, placed_at, doc) VALUES (999999, now(), %s)", [json.dumps(whole)]
                )
                judge_totals_of(connection)
        except psycopg.errors.Error:
            return  # it is refused, which is as well


def judge_totals_of(connection):
    """Fails where the order that was just written has another total than it says."""
    (got,) = connection.execute("SELECT total FROM orders WHERE id = 999999").fetchone()
    if got != Decimal("54.9"):
        why = "An order with a qty of 2.0, which the CHECK accepts, has another total."
        raise Wrong(why, expected="54.9", got="NULL" if got is None else got)


@answer("correct")
@points(2)
@keeps("tea", "nothing-else", "only-those")
@review("The lines of one order that match, the types that a price has, and what else holds the same value.")
def test_correction_of_other_orders(corrected):
    """The correction is complete and changes nothing else in other orders."""
    judge_correction(*corrected)
    judge_rest(*corrected)
    judge_writes(*corrected)
