"""Checks of cold-start: a cold quote under a budget between an empty function and March's, and every answer as in March."""

from dataclasses import dataclass

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.function.calls import GRADED, deploy
from labkit.kinds.function.import_time import VARIABLE, imports
from labkit.kinds.function.starts import cost_ms, median, p95
from labkit.services.functions.settings import Settings

STARTS = 5  # new instances
SHARE = 0.25  # of what March's code costs beyond an empty function
WARM, WARM_SHARE = 15, 0.33  # warm quotes, and their share of what it costs to read the rates
EMPTY = "def handler(event, context):\n    return {}\n"
READS = "import csv\ndef handler(event, context):\n    with open('rates.csv') as file:\n        return len(list(csv.reader(file)))\n"
MARCH = Settings(**{**GRADED.to_json(), "handler": "march.handler"})


def quote(country, source, zone, grams):
    """An event."""
    return {"kind": "quote", "country": country, "from": source, "zone": zone, "grams": grams}


def rates(files):
    """The lines of the package's rates: (country, zone, max_grams, cents)."""
    lines = [line.split(",") for line in files["rates.csv"].splitlines()[1:]]
    return sorted((country, int(zone), int(most), int(cents)) for country, zone, most, cents in lines)


def quotes(files):
    """At each side of a limit, above the largest, and where there is no rate at all."""
    known = rates(files)
    country, zone, most, _ = known[len(known) // 3]
    largest = max(grams for other, at, grams, _ in known if (other, at) == (country, zone))
    grams = [1, most - 1, most, most + 1, largest, largest + 1]
    events = [quote(country, 7, zone, weight) for weight in grams]
    return [*events, quote("XX", 1, 2, 500), quote(country, 1, 700, 500), quote("SE", 749, 0, 300)]


def reports():
    """Parcels of several days, an even and an odd number of them on a day, in no order."""
    parcels = [("2026-03-02", 900), ("2026-03-04", 250), ("2026-03-02", 615), ("2026-03-04", 1000), ("2026-03-04", 480)]
    return [
        {"kind": "report", "parcels": [{"day": day, "cents": cents} for day, cents in part]}
        for part in (parcels, parcels[:1])
    ]


@dataclass(frozen=True)
class March:
    """What this machine needs for an empty function and for March's, and what March's answers."""

    empty_ms: float
    march_ms: float
    warm_ms: float
    reads_ms: float
    answers: list

    @property
    def budget_ms(self):
        """Of a cold quote."""
        return self.empty_ms + SHARE * (self.march_ms - self.empty_ms)

    @property
    def warm_budget_ms(self):
        """Of a warm quote."""
        return self.warm_ms + WARM_SHARE * (self.reads_ms - self.warm_ms)


def measured(platform, files, events):
    """Runs them side by side with the answers that are checked: a budget of another machine, or of another hour, would say nothing."""
    with platform.space() as space:
        empty, reads = (
            deploy(space, text, {**files}, name=name) for name, text in (("empty", EMPTY), ("reads", READS))
        )
        march = space.deploy("march", files, MARCH)
        first = quote("DE", 1, 1, 100)
        starts = [p95([cost_ms(r) for r in function.invoke_all([first] * STARTS)]) for function in (empty, march)]
        warm = [median([cost_ms(f.invoke(first)) for _ in range(WARM)]) for f in (empty, reads) if f.invoke(first)]
        return March(*starts, *warm, [march.invoke(event).json() for event in events])


@pytest.fixture(scope="module")
def events(files):
    """Quotes, then reports."""
    return [*quotes(files), *reports()]


@pytest.fixture(scope="module")
def march(bench, platform, files, events, hidden):
    """March's function on this machine, looked at once and kept."""
    kept = f"cold-start {'hidden' if hidden else 'visible'} {platform.where}"
    return bench.kept(kept, lambda: measured(platform, files, events), lambda _: None)


@pytest.fixture(scope="module")
def expected(march, events):
    """Events with March's answers to them."""
    return list(zip(events, march.answers, strict=True))


@pytest.fixture(scope="module")
def handler(deployed, answers):
    """The answer, deployed with the package."""
    return deployed(answers["quotes"])


def must_fit(handler, march, event, note=lambda *_: None):
    """Raises Wrong unless cold starts fit."""
    costs = [cost_ms(result) for result in handler.invoke_cold(event, STARTS)]
    cold = p95(costs)
    note("cold_ms", {"empty": march.empty_ms, "march": march.march_ms, "yours": cold, "budget": march.budget_ms})
    if cold > march.budget_ms:
        why = f"A first quote in a new instance costs {cold:,.0f} ms of processor time (p95 of {STARTS})."
        why += f" March's costs {march.march_ms:,.0f} ms here, an empty function {march.empty_ms:,.0f} ms.{largest_import(handler)}"
        raise Wrong(why, expected=f"at most {march.budget_ms:,.0f} ms", got=f"{cold:,.0f} ms")


def largest_import(handler):
    """A sentence on what is imported, where that takes long."""
    text = {**GRADED.to_json(), "environment": {VARIABLE: "1"}}
    traced = handler.function.copy("traced", Settings.from_json(text))
    log = traced.invoke(quote("DE", 1, 1, 100)).log
    traced.remove()
    top = max((one for one in imports(log) if "." not in one.module), key=lambda one: one.all_ms, default=None)
    return f" The largest import before its answer is {top.module}." if top and top.all_ms > 100 else ""


@points(2)
@keeps("quotes", "no-rate")
@hint(
    "Run March's function and yours with the same event. What does each return?",
    "The rate is that of the smallest `max_grams` that the parcel does not exceed; the lines of the file are in no order.",
)
def test_quotes_as_in_march(handler, expected):
    """Every quote is what March's function returns."""
    handler.must_return([(event, value) for event, value in expected if event["kind"] == "quote"])


@points(1)
@keeps("reports")
@hint("A report may take its time. It has to be right, though: what does March's return for the same parcels?")
def test_reports_as_in_march(handler, expected):
    """Every report is what March's function returns."""
    handler.must_return([(event, value) for event, value in expected if event["kind"] == "report"])


@points(3)
@keeps("cold-budget")
@after("test_quotes_as_in_march")
@hint(
    "The bar chart names what is imported. Which of it does a quote need?",
    "An `import` may stand in the function that needs it: Python does it once, at the first call.",
    "And what is computed before the first event? Which part of it does one quote use?",
)
def test_cold_quote_fits_the_budget(handler, march, expected, note):
    """A first quote in a new instance costs at most a quarter of what March's costs beyond an empty function."""
    must_fit(handler, march, expected[0][0], note)


@points(2)
@keeps("warm-budget")
@after("test_quotes_as_in_march")
@hint(
    "What does your function do again for each quote, although nothing has changed?",
    "What stands outside of the handler runs once an instance, and its variables stay. `functools.cache` keeps what a function returned.",
)
def test_warm_quotes_use_what_is_there(handler, march, expected, note):
    """A warm quote does not do the work of the first one again."""
    results = handler.invoke(*[event for event, _ in expected if event["kind"] == "quote"], *[expected[0][0]] * WARM)
    warm = median([cost_ms(result) for result in results[-WARM:]])
    note("warm_ms", {"yours": warm, "budget": march.warm_budget_ms})
    if warm > march.warm_budget_ms:
        why = f"A warm quote costs {warm:,.1f} ms of processor time. To read all the rates costs {march.reads_ms:,.1f} ms here."
        raise Wrong(why, expected=f"at most {march.warm_budget_ms:,.1f} ms", got=f"{warm:,.1f} ms")
