"""Checks of time-is-up: which bills are in the database after events that end in time, go on, or are killed."""

import functools
import itertools
import random
import re
import time
from collections import defaultdict
from dataclasses import dataclass, replace

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.function.calls import WARM, Handler, deploy, returned, short, why
from labkit.kinds.function.meddling import Meddler
from labkit.kinds.function.outside import Outside

LIMIT = 1.5  # seconds: the shortest that the task names
SPARE = 1.0  # seconds that an event may leave unused
TOLERANCE = 0.05  # seconds between two clocks
PRICED = 0.02  # seconds of a price
TRIES = 2  # a busy machine may hold up anything, once
IDLE = 3  # events in a row that make no bill: then it is not the machine
TIMED_OUT = "Sandbox.Timedout"
CUSTOMERS = 80  # more than fit into one event
POLL = 0.01
WRITTEN = ("bills", "accounts", "progress")


@dataclass(frozen=True)
class Run:
    """What is to be billed, customer -> kWh, and what each customer owed before."""

    name: str
    readings: dict
    owed: dict

    @property
    def event(self):
        """The one event of it, sent again and again."""
        return {"run": self.name}


class Billing(Meddler):
    """The tables as others see them, and the answer's handler."""

    def __init__(self, database, handler, files):
        super().__init__(database, handler)
        self._numbers, self._draw = itertools.count(1), random.Random(6)
        self._base, self._rate = map(int, re.search(r"return (\d+) \+ (\d+) \* kwh", files["tariff.py"]).groups())

    def new_run(self, customers, kwh=(80, 900)):
        """So many customers, by chance, who have not been billed."""
        name = f"run-{next(self._numbers)}"
        chosen = sorted(self._draw.sample(range(1, 301), customers))
        readings = {customer: self._draw.randint(*kwh) for customer in chosen}
        insert = "INSERT INTO readings SELECT %s, * FROM unnest(%s::int[], %s::int[])"
        self.session.execute(insert, [name, list(readings), list(readings.values())])
        return Run(name, readings, self.owes())

    def limited(self, seconds, **more):
        """The same function, with another time limit."""
        settings = replace(self.function.settings, timeout=seconds, **more)
        return self.function.copy(f"limited-{next(self._numbers)}", settings)

    def bills(self, run):
        """Customer -> the cents of each bill."""
        found = defaultdict(list)
        for customer, cents in self.rows("SELECT customer::int, cents::bigint FROM bills WHERE run = %s", run.name):
            found[customer].append(cents)
        return found

    def left(self, run):
        """How many customers have no bill yet."""
        return len(run.readings.keys() - self.bills(run).keys())

    def must_agree(self, run, what):
        """Raises Wrong unless nobody has two bills, each bill is right, and each account owes what the bills say."""
        bills, owes = self.bills(run), self.owes()
        for customer in sorted(run.owed.keys() | bills.keys()):
            self._must_be_one(run, customer, bills.get(customer, []), what)
            billed, added = sum(bills.get(customer, [])), owes.get(customer, 0) - run.owed.get(customer, 0)
            if added != billed:
                said = f"{what}. The bills of customer {customer} and the account do not agree."
                raise Wrong(said, expected=f"{billed} cents more in `owes`", got=f"{added} cents more")
        if dict(self.rows("SELECT customer::int, kwh::int FROM readings WHERE run = %s", run.name)) != run.readings:
            raise Wrong(f"{what}, and `readings` is not what it was.", expected="it is only read", got="changed rows")

    def must_be_whole(self, run, what):
        """Raises Wrong unless everybody has one bill, and the accounts agree."""
        self.must_agree(run, what)
        missing = sorted(run.readings.keys() - self.bills(run).keys())
        if missing:
            said = f"{what}. Customer {missing[0]} has no bill ({len(missing)} of {len(run.readings)} customers)."
            raise Wrong(said, expected="1 bill", got="0 bills")

    def must_be_answered(self, result, run, left, what):
        """Raises Wrong unless the answer says how many are left."""
        expected = {"run": run.name, "left": left}
        if (got := returned(result, run.event)) != expected:
            raise Wrong(f"{what}, and the answer is wrong.", expected=expected, got=short(got))

    def event_in_time(self, function, run):
        """The result of one event, which ended before its limit. A busy machine gets a second chance."""
        limit = function.settings.timeout
        for _ in range(TRIES):
            result = function.invoke(run.event)
            if result.error.get("errorType") != TIMED_OUT:
                break
        else:
            said = f"The time limit is {limit:g} s. The event was still at work then, and its instance was killed."
            raise Wrong(said, expected="it stops before, and answers", got=f"Task timed out after {limit:.2f} seconds")
        if not result.ok:
            raise Wrong("An event of the run failed.", expected="an answer", got=why(result))
        return result

    def must_use_its_time(self, function, run, result):
        """Raises Wrong where it stopped early, with bills missing."""
        limit, took = function.settings.timeout, result.report.duration_ms / 1000
        if self.left(run) and took < limit - SPARE - TOLERANCE:
            said = f"The time limit is {limit:g} s, bills are missing, and the event ended early."
            raise Wrong(said, expected=f"at least {limit - SPARE:.1f} s of work", got=f"{took:.1f} s")

    def finish(self, function, run, what):
        """Sends the event until nobody is left. Raises Wrong where events bring no bill."""
        while left := self.left(run):
            self.must_make_bills(function, run, left, what)

    def must_make_bills(self, function, run, before, what):
        """The result of an event that made a bill; of one before it a busy machine may have taken the time. Raises Wrong where none does."""
        for _ in range(IDLE):
            result = self.event_in_time(function, run)
            self.must_agree(run, what)
            if self.left(run) < before:
                return result
        missing = min(run.readings.keys() - self.bills(run).keys())
        said = f"{what}. Customer {missing} has no bill yet, and {IDLE} events in a row made none."
        raise Wrong(said, expected=f"fewer than {before} without a bill", got=f"{before} without a bill")

    def under_way(self, run, running):
        """Waits until somebody else sees a bill of the run, or the event has ended. Returns whether it is still running."""
        while not running.done() and not self.bills(run):
            time.sleep(POLL)
        return not running.done()

    def kill_before(self, table, run):
        """An event is at work; it is killed when it is about to write to the table. Returns whether that came to pass."""
        running = self.begin(run.event)
        if self.under_way(run, running):
            with self.locked(table, "SHARE"):  # it is read, and not written to
                if self.waits([running]):
                    self.kill()
        return not running.result().ok

    def owes(self):
        """Customer -> cents that the account owes."""
        return dict(self.rows("SELECT customer::int, owes::bigint FROM accounts"))

    def _must_be_one(self, run, customer, cents, what):
        if len(cents) > 1:
            raise Wrong(f"{what}. Customer {customer} has more than one bill.", expected="1", got=len(cents))
        if cents and customer not in run.readings:
            raise Wrong(f"{what}. Customer {customer} has no reading, and a bill.", expected="0 bills", got="1 bill")
        if cents and cents[0] != (price := self._base + self._rate * run.readings[customer]):
            raise Wrong(f"{what}. Customer {customer} got a wrong bill.", expected=price, got=cents[0])

    @functools.cached_property
    def evening(self):
        """More customers than fit into an event: the run, the function with its limit, and the first event's result."""
        run, function = self.new_run(CUSTOMERS), self.limited(LIMIT)
        return run, function, self.event_in_time(function, run)


@pytest.fixture(scope="module")
def billing(platform, space, database, files, answers):
    """The answer, deployed with a way to the database."""
    with Outside(platform, database) as way:
        handler = Handler(deploy(space, answers["billing"], files, way.reached_by(WARM)))
        with Billing(database, handler, files) as billing:
            yield billing
            billing.function.remove()


@points(1)
@keeps("bills", "runs", "readings", "answer")
@hint(
    "What does June's function do for one customer? Do the same first.",
    "A row in `bills`, the same cents on top of `owes`. What does your `progress` say about the *next* run?",
)
def test_bills_a_run(billing):
    """Each customer of a run gets one bill, and owes that much more; other runs stay apart."""
    for which, customers in (("first", 4), ("second", 3)):
        run = billing.new_run(customers)
        (result,) = billing.handler.invoke(run.event)
        billing.must_be_answered(result, run, 0, f"{customers} customers were to be billed")
        billing.must_be_whole(run, f"This was the {which} run, of {customers} customers")


@points(2)
@keeps("limit", "answer", "price")
@after("test_bills_a_run")
@hint(
    "Nothing of yours runs after the limit. How does a handler know how long it still has?",
    "`context.get_remaining_time_in_millis()`. Look at it before each bill: is there time for one more?",
)
def test_stops_before_its_limit(billing):
    """Where a run needs more time than an event has, the event ends before its limit, and says how many are left."""
    run, _, result = billing.evening
    billing.must_be_answered(result, run, billing.left(run), "There was too much to do for one event")
    billing.must_agree(run, "One event was given")
    made, took = len(run.readings) - billing.left(run), result.report.duration_ms / 1000
    if made * PRICED > took + PRICED:
        said = f"An event of {took:.1f} s made {made} bills, and `cents` takes {PRICED:g} s for each."
        raise Wrong(said, expected=f"at most {took / PRICED:.0f} bills", got=f"{made} bills")


@points(1)
@keeps("uses")
@after("test_stops_before_its_limit")
@hint(
    "How long did the event work, and how long could it have?",
    "A fixed number of bills is right for one limit, one machine and one tariff. What does the context say?",
)
def test_uses_its_time(billing):
    """As long as more than a second is left and a bill is missing, the event goes on."""
    run, function, result = billing.evening
    billing.must_use_its_time(function, run, result)


@points(2)
@keeps("goes-on", "limit")
@after("test_stops_before_its_limit")
@hint(
    "What does the second event know of the first? And in another instance?",
    "How far the run has come belongs in a table. And a clock that was started when the module was imported is not this event's clock.",
)
def test_goes_on(billing):
    """The next events go on where the bills end, in the same instance or another one, until nobody is left."""
    run, function, _ = billing.evening
    for number, instance in ((2, "the same"), (3, "a new")):
        if number == 3:
            function.recycle()
        what = f"Event {number} of the run came, to {instance} instance"
        if before := billing.left(run):
            result = billing.must_make_bills(function, run, before, what)
            billing.must_be_answered(result, run, billing.left(run), what)
    billing.finish(billing.function, run, "An event with a longer limit came")
    function.recycle()
    billing.must_be_answered(billing.event_in_time(function, run), run, 0, "An event came for a run that is finished")
    billing.must_be_whole(run, "The run is finished, and one more event came")


@points(1)
@keeps("kept")
@after("test_bills_a_run")
@hint(
    "Others see a bill when its transaction is committed. When does yours end?",
    "One transaction around the whole event is lost as a whole. How much may a kill cost?",
)
def test_written_as_it_goes(billing):
    """While an event is still at work, others see the bills that it has made."""
    for _ in range(TRIES):
        run = billing.new_run(CUSTOMERS)
        running = billing.begin(run.event)
        billing.under_way(run, running)
        made = CUSTOMERS - billing.left(run)
        billing.kill()
        running.result()
        if 0 < made < CUSTOMERS:
            return
    said = (
        f"An event made {CUSTOMERS} bills, and until its end nobody else saw one: a kill would have cost all of them."
    )
    raise Wrong(said, expected="each bill is committed within a second", got="all of them at the end")


@points(3)
@keeps("killed")
@after("test_goes_on", "test_written_as_it_goes")
@hint(
    "Between which two statements may the power go? What do the three tables say then?",
    "The bill, the account and the checkpoint have to become true in the same moment.",
)
def test_killed_in_the_middle(billing):
    """An instance that is killed in the middle of its work leaves no half of a bill, and the next event bills the others, and nobody twice."""
    for table in WRITTEN:
        what = f"The instance was killed before it wrote to `{table}`"
        for number in (15, 30, 60):  # in case that all of it is done before we are there
            run = billing.new_run(number)
            if billing.kill_before(table, run):
                break
        billing.must_agree(run, what)
        billing.finish(billing.function, run, f"{what}, and the event came again")
        billing.must_be_whole(run, f"{what}, and the event came again")
