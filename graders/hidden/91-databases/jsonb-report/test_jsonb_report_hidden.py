"""Hidden checks of jsonb-report: other orders, other malformed documents."""

from test_jsonb_report import (
    LINE,
    attempts,
    compare,
    corrected,
    expected,
    guarded,
    judge_correction,
    judge_refusals,
    judge_rest,
    judge_totals,
    judge_writes,
    order,
    report,
    totalled,
    with_line,
)

from labkit.grading.checks import Wrong, answer, points, review

VALID = {
    "twice the same": order(lines=[LINE, LINE]),
    "60 lines": order(lines=[LINE] * 60),
    "other scripts": with_line(sku="ЧАЙ-7", note="für Ærø"),
    "a text price of 0": with_line(price="0.00"),
    "no shipping costs": order(shipping=0),
    "a thousand": with_line(qty=1000),
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
}


@answer("report")
@points(2)
@review("What becomes of the parent row when a list is unfolded: with many entries, and with none.")
def test_report_of_other_orders(report, expected):
    """The report is right for orders that it has not seen."""
    for column in ("orders", "units", "revenue", "shipping"):
        compare(report, expected, column, "")


@answer("guard")
@points(1)
@review("What the rules allow: keys that may be missing, types that may differ.")
def test_other_valid_documents_get_in(guarded):
    """Other valid documents get in, too."""
    if any(attempts(guarded, VALID).values()):
        raise Wrong("A valid document is refused.")


@answer("guard")
@points(2)
@review("CHECK and NULL, the types of JSON values, and every line of the list, not just the first.")
def test_other_malformed_documents_are_refused(guarded, note):
    """Other malformed documents are refused, too."""
    judge_refusals(guarded, MALFORMED, note)


@answer("total")
@points(1)
@review("What counts when a key is missing or the list is empty.")
def test_total_of_other_orders(totalled):
    """The total is right for other orders."""
    judge_totals(totalled)


@answer("correct")
@points(2)
@review("The lines of one order that match, the types that a price has, and what else holds the same value.")
def test_correction_of_other_orders(corrected):
    """The correction is complete and changes nothing else in other orders."""
    judge_correction(*corrected)
    judge_rest(*corrected)
    judge_writes(*corrected)
