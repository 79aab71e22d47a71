"""Hidden checks of cold-start: other rates, a report first, quotes and reports in turn."""

import random

import pytest
from test_cold_start import events, expected, handler, march, must_fit, quote, rates, reports

from labkit.checking.checks import after, keeps, points, review
from labkit.kinds.function.calls import returned

MANY, ZONES = 24, 3


@pytest.fixture(scope="module")
def events(files):
    """Quotes all over the rates, several of the same zone from light to heavy, and reports."""
    draw = random.Random(len(files["rates.csv"]))
    known = rates(files)
    lines = draw.sample(known, MANY)
    for country, zone, _, _ in draw.sample(known, ZONES):
        lines += [line for line in known if line[:2] == (country, zone)][::6]
    quotes = [
        quote(country, draw.randrange(750), zone, max(1, most + draw.choice([-1, 0, 1, 40])))
        for country, zone, most, _ in lines
    ]
    return [*quotes, *reports()]


@points(2)
@keeps("quotes", "other-rates")
@after("test_quotes_as_in_march")
@review("Where your function knows its rates from, and which rate is the right one at a limit.")
def test_other_rates(handler, expected):
    """With other rates, in another order, every quote is what March's function returns."""
    handler.must_return([(event, value) for event, value in expected if event["kind"] == "quote"])


@points(1)
@keeps("report-first")
@after("test_reports_as_in_march")
@review("What an instance has done before its first event, and what it must not take for granted.")
def test_report_first(handler, expected):
    """A report may be an instance's first event, and quotes after it are right."""
    first, *more = [pair for pair in expected if pair[0]["kind"] == "report"]
    for result in handler.invoke_cold(first[0], 1):
        assert returned(result, first[0]) == first[1], (
            "The first event of a new instance was a report, and it is wrong."
        )
    handler.must_return([expected[0], *more, expected[1]])


@points(1)
@keeps("quotes", "reports")
@after("test_quotes_as_in_march", "test_reports_as_in_march")
@review("What changes in an instance from one event to the next.")
def test_in_turn(handler, expected):
    """Quotes and reports in turn, the same ones in another order too, are answered as if each came alone."""
    handler.must_return([*expected, *reversed(expected)])


@points(2)
@keeps("cold-budget", "no-rate")
@after("test_quotes_as_in_march")
@review("What happens in a new instance until it answers, also for an event that it has no rate for.")
def test_cold_without_a_rate(handler, march):
    """A new instance says as quickly that there is no rate."""
    must_fit(handler, march, quote("XX", 3, 4, 500))
