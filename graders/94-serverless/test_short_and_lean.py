"""Checks of short-and-lean: which rides are billed, which messages fail, and what went over the connection meanwhile."""

import hashlib
import itertools
import json
import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from labkit.checking.checks import Wrong, after, answer, hint, keeps, points
from labkit.kinds.function.calls import GRADED, Handler, deploy, returned, short, why
from labkit.kinds.function.meddling import Meddler
from labkit.kinds.function.outside import Outside
from labkit.kinds.function.power import Work
from labkit.kinds.function_settings.answers import read
from labkit.services.functions.queue import failures

PATIENT = replace(GRADED, timeout=60.0)  # seconds: a busy machine is slow with an answer that waits forty times
TRIPS = 10  # of a batch
ROWS = 3  # for each of its messages
SMALL, LARGE = 12, 40  # messages
ZONES = 2000
WAITS, COMPUTES, MESSAGE = 50.0, 5.0, 1.0  # milliseconds of a lean event: it waits, it computes, and for each message
LATEST = 2000.0  # milliseconds from the first message to the bill
BUDGET = 2500.0  # GB-ms for 1,000 rides


class Hire(Meddler):
    """The tables as others see them, the locks, and the answer's handler."""

    def __init__(self, database, handler, files, way, day="ride"):
        super().__init__(database, handler)
        self._day, self._numbers, self._draw, self.way = day, itertools.count(1), random.Random(94), way
        self._key, self._rounds = re.search(r'KEY = b"(.+)"\nROUNDS = (\d+)', files["seal.py"]).groups()

    def zone(self):
        """One of the zones."""
        return f"zone-{self._draw.randint(1, ZONES)}"

    def ride(self, seconds=None, zone=None):
        """One that nobody has billed, as its lock tells it."""
        told = {
            "ride": f"{self._day}-{next(self._numbers):04}",
            "zone": zone or self.zone(),
            "seconds": seconds or self._draw.randint(30, 5400),
        }
        said = f"{told['ride']} {told['zone']} {told['seconds']}"
        seal = hashlib.pbkdf2_hmac("sha256", said.encode(), self._key.encode(), int(self._rounds)).hex()
        return {**told, "seal": seal}

    def rides(self, number):
        """So many."""
        return [self.ride() for _ in range(number)]

    def batch(self, messages):
        """The event with these messages; text is a body as it is."""
        bodies = [message if isinstance(message, str) else json.dumps(message) for message in messages]
        return {"Records": [{"messageId": f"m-{n}", "body": body} for n, body in enumerate(bodies, 1)]}

    def bill(self, messages, what):
        """Gives a batch to the function, and returns the places of the messages that failed, from 0. Raises Wrong where all failed at once."""
        event = self.batch(messages)
        (result,) = self.handler.invoke(event)
        if not result.ok:
            said = f"{what}. The batch ended with an error, so all of its messages have failed."
            raise Wrong(said, expected="an answer", got=why(result))
        self.must_name(result, event)
        ids = [record["messageId"] for record in event["Records"]]
        return [ids.index(name) for name in sorted(failures(result, ids, told=True), key=ids.index)]

    def must_name(self, result, event):
        """Raises Wrong where the answer is none that Lambda reads, and so fails the whole batch."""
        got = returned(result, {"Records": "…"})
        ids = {record["messageId"] for record in event["Records"]}
        wrong = got is not None and not isinstance(got, dict)
        if isinstance(got, dict) and (items := got.get("batchItemFailures")):
            wrong = not isinstance(items, list) or any(_named(item) not in ids for item in items)
        if wrong:
            said = "The answer names what is no message of the batch, so the whole batch has failed."
            raise Wrong(said, expected='{"batchItemFailures": [{"itemIdentifier": "m-2"}, …]}', got=short(got))

    def spent(self, messages):
        """What a batch cost: connections, round trips, rows. Nothing of it may fail."""
        before = self.way.traffic()
        self.must_bill(messages, f"A batch of {len(messages)} came")
        return self.way.traffic() - before

    def must_bill(self, messages, what):
        """Gives a batch, and raises Wrong unless each message was billed, once."""
        if failed := self.bill(messages, what):
            said = f"{what}. {messages[failed[0]]['ride']} is named as failed."
            raise Wrong(said, expected="no failures", got=f"{len(failed)} of {len(messages)}")
        self.must_be_billed(messages, what)

    def must_be_billed(self, messages, what):
        """Raises Wrong unless each ride has its row in `rides`, and no two in `to_mail`."""
        rows = self._billed(messages)
        for message in messages:
            expected = self._bill_of(message)
            if (got := rows.get(message["ride"])) != expected:
                said = f"{what}. {message['ride']} took {message['seconds']} s in {message['zone']}."
                raise Wrong(said, expected=_row(expected), got=_row(got) if got else "no row in `rides`")

    def must_be_mailed(self, messages, what):
        """Raises Wrong unless `to_mail` has each of these rides once."""
        asked = "SELECT ride FROM to_mail WHERE ride = ANY(%s) LIMIT 10000"
        counted = Counter(ride for (ride,) in self.rows(asked, [message["ride"] for message in messages]))
        for message in messages:
            if (got := counted[message["ride"]]) != 1:
                raise Wrong(f"{what}. Look for {message['ride']} in `to_mail`.", expected="1 row", got=f"{got} rows")

    def must_be_absent(self, message, what):
        """Raises Wrong where a ride was billed that should not be."""
        for table in ("rides", "to_mail"):
            asked = f"SELECT count(*)::int FROM {table} WHERE ride = %s"
            if number := self.rows(asked, str(message.get("ride")))[0][0]:
                raise Wrong(f"{what}, and `{table}` has it.", expected="0 rows", got=f"{number} rows")

    def raise_price(self, zone):
        """Somebody changes it."""
        self.session.execute("UPDATE zones SET base = base + 250, rate = rate + 3 WHERE zone = %s", [zone])

    def _billed(self, messages):
        asked = "SELECT ride, zone, minutes::int, cents::int FROM rides WHERE ride = ANY(%s)"
        return {row[0]: row[1:] for row in self.rows(asked, [message["ride"] for message in messages])}

    def _bill_of(self, message):
        found = self.rows("SELECT base::int, rate::int FROM zones WHERE zone = %s", message["zone"])
        if len(found) != 1:
            raise Wrong("`zones` is not what it was.", expected=f"1 row of {message['zone']}", got=f"{len(found)} rows")
        ((base, rate),) = found
        minutes = -(-message["seconds"] // 60)
        return message["zone"], minutes, base + rate * minutes


def _named(item):
    """The message that an entry of the answer names."""
    name = item.get("itemIdentifier") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def _row(row):
    """As `rides` has it."""
    zone, minutes, cents = row
    return f"{zone}, minutes {minutes}, cents {cents}"


@pytest.fixture(scope="module")
def hire(platform, space, database, files, answers):
    """The answer, deployed with a way to the database."""
    with Outside(platform, database) as way:
        handler = Handler(deploy(space, answers["rides"], files, way.reached_by(PATIENT)))
        with Hire(database, handler, files, way) as hire:
            yield hire
            hire.function.remove()


@answer("rides")
@points(1)
@keeps("rides")
@hint(
    "What does July's function do for one message? Do the same first.",
    "60 seconds are one minute, and 61 are two. Where does July round?",
)
def test_bills_the_rides(hire):
    """Each ride of a batch has its row in `rides`, with minutes and cents; a minute that has begun counts in full."""
    hire.must_bill([hire.ride(seconds) for seconds in (59, 60, 61, 3600, 1)], "Five rides came")


@answer("rides")
@points(1)
@keeps("mail")
@after("test_bills_the_rides")
@hint(
    "Who waits for the mail server, and who pays for it?",
    "A row in `to_mail` for each ride is all that the function `mailer` needs.",
)
def test_hands_the_mail_over(hire):
    """Each ride that is billed has a row in `to_mail`, and no mail is sent meanwhile."""
    rides = hire.rides(3)
    hire.must_bill(rides, "Three rides came")
    hire.must_be_mailed(rides, "Three rides were billed")
    if number := hire.rows("SELECT count(*)::int FROM mails")[0][0]:
        said = "The function sent mails itself. It waits 50 ms for each of them, and you pay."
        raise Wrong(said, expected="0 rows in `mails`", got=f"{number} rows")


def damaged(hire):
    """Messages that nobody can bill, by what is wrong with them."""
    fine = hire.ride()
    return {
        "Its seal is not good": {**hire.ride(600), "seconds": 1},
        "There is no such zone": hire.ride(zone="zone-9999"),
        "It has no seal": {key: fine[key] for key in ("ride", "zone", "seconds")},
        "It has no zone": {key: fine[key] for key in ("ride", "seconds", "seal")},
    }


@answer("rides")
@points(2)
@keeps("alone")
@after("test_bills_the_rides")
@hint(
    "What becomes of the other messages of a batch when one of them raises an error? And when the database refuses one row of a statement?",
    "Find out first which messages can be billed; bill these; name the others by their `messageId`.",
)
def test_one_message_fails_alone(hire):
    """A message that cannot be billed is named as failed, and the rides before and after it are billed."""
    for what, bad in damaged(hire).items():
        rides = hire.rides(4)
        messages = [*rides[:2], bad, *rides[2:]]
        failed = hire.bill(messages, f"{what} (m-3)")
        if 2 not in failed:
            said = f"{what}, and the message counts as done: nobody would ever look at it."
            raise Wrong(said, expected="m-3 is named", got="it is not")
        if failed != [2]:
            said = f"{what} (m-3). Other messages of the batch failed, too."
            raise Wrong(said, expected="m-3", got=", ".join(f"m-{place + 1}" for place in failed))
        hire.must_be_billed(rides, f"{what} (m-3), and its batch had four rides more")
        hire.must_be_absent(bad, what)


@answer("rides")
@points(2)
@keeps("once")
@after("test_bills_the_rides")
@hint(
    "The ride has a row already. Is that a failure, or is it what was asked for?",
    "A statement that takes the whole batch must bear the same ride twice in it. And `to_mail` has no key: who puts the second row there?",
)
def test_a_ride_that_comes_again(hire):
    """A ride that comes again, in the same batch or later, is billed once, has one row in `to_mail`, and has not failed."""
    first, second, third = hire.rides(3)
    steps = {
        "A ride came twice in one batch": [first, second, first],
        "Two rides came again in a later batch, beside a new one": [second, third, first],
    }
    for what, messages in steps.items():
        hire.must_bill(messages, what)
        hire.must_be_mailed({message["ride"]: message for message in messages}.values(), what)


@answer("rides")
@points(2)
@keeps("connection")
@after("test_bills_the_rides")
@hint(
    "How long does a connection live that is opened in the handler? And one that a module variable holds?",
    "What is made once for an instance is made outside of the handler.",
)
def test_keeps_its_connection(hire):
    """An instance opens one connection, and its next events use the same one."""
    hire.function.recycle()
    before = hire.way.traffic()
    for number in range(1, 5):
        hire.must_bill(hire.rides(2), f"Batch {number} of an instance came")
        opened = (hire.way.traffic() - before).connections
        if opened > 1:
            said = f"A new instance got {number} {'batches' if number > 1 else 'batch'} of two messages."
            raise Wrong(said, expected="1 connection", got=f"{opened} connections")


@answer("rides")
@points(2)
@keeps("round-trips")
@after("test_hands_the_mail_over")
@hint(
    "How often does your function wait for the database, if there are forty messages?",
    "One statement can ask for the prices of all zones of a batch: `= ANY(%s)`. One can put down all rides: `unnest(%s::text[], …)`, or `executemany`.",
)
def test_round_trips(hire):
    """A batch takes at most ten round trips to the database, whether it has a few messages or forty."""
    hire.must_bill(hire.rides(2), "Two rides came")
    spent = {size: hire.spent(hire.rides(size)).round_trips for size in (SMALL, LARGE)}
    for size, trips in spent.items():
        if trips > TRIPS:
            said = f"A warm instance got a batch of {size}. Each round trip is some 5 ms in which you pay and wait."
            raise Wrong(said, expected=f"at most {TRIPS} round trips", got=f"{trips} round trips")


@answer("rides")
@points(1)
@keeps("rows")
@after("test_bills_the_rides")
@hint("How many zones does a batch need? And how many does your function read?")
def test_reads_what_it_needs(hire):
    """At most three rows for each message come back from the database."""
    hire.must_bill(hire.rides(2), "Two rides came")
    rows = hire.spent(hire.rides(SMALL)).rows
    if rows > ROWS * SMALL:
        said = f"A batch of {SMALL} came, and `zones` has {ZONES:,} rows."
        raise Wrong(said, expected=f"at most {ROWS * SMALL} rows come back", got=f"{rows:,} rows")


@pytest.fixture
def chosen(answers):
    """The settings, as AWS reads them."""
    return read(answers["settings"])


def full_batch(chosen):
    """What a full batch of a lean function is."""
    return Work(WAITS, COMPUTES + MESSAGE * chosen.batch_size)


@answer("settings")
@points(1)
@keeps("taken")
@hint("What does AWS say to a batch of more than ten messages without a window?")
def test_aws_takes_the_settings(chosen):
    """AWS takes the settings: each is in its range, and a batch of more than ten messages has a window."""
    if chosen.refused:
        got = f"BatchSize {chosen.batch_size}, MaximumBatchingWindowInSeconds {chosen.window}"
        raise Wrong(f"AWS refuses them: {chosen.refused}.", expected="a window of at least 1 s", got=got)


@answer("settings")
@points(1)
@keeps("reported")
@after("test_aws_takes_the_settings")
@hint("Who reads what your handler returns? Only whom you told to.")
def test_failures_are_reported(chosen):
    """What the handler returns counts: only the messages that it names come again."""
    if not chosen.report_failures:
        said = "A batch had one damaged message. The handler named it, nobody listened, and it counts as done."
        raise Wrong(said, expected="FunctionResponseTypes: [ReportBatchItemFailures]", got="not set")


@answer("settings")
@points(2)
@keeps("in-time")
@after("test_aws_takes_the_settings")
@hint(
    "What does a ride wait for until its bill is there? The window is the first part.",
    "A large batch computes for long, the longer the less of a processor it has. Put your numbers into the formula.",
)
def test_billed_in_time(chosen):
    """A full batch is billed at most 2 s after its first message came."""
    took = full_batch(chosen).duration_ms(chosen.memory)
    if 1000 * chosen.window + took > LATEST:
        said = f"{chosen.window} s of window, and {took:,.0f} ms for {chosen.batch_size:,} messages with {chosen.memory:,} MB."
        raise Wrong(said, expected=f"at most {LATEST:,.0f} ms", got=f"{1000 * chosen.window + took:,.0f} ms")


@answer("settings")
@points(2)
@keeps("budget")
@after("test_aws_takes_the_settings")
@hint(
    "The 50 ms of waiting are paid once for a batch. How many rides share them?",
    "With more memory, computing costs the same until 1,769 MB, and waiting costs more. Which of the two does your batch do more of?",
)
def test_within_the_budget(chosen):
    """With full batches, 1,000 rides cost at most 2,500 GB-ms."""
    work = full_batch(chosen)
    cost = 1000 / chosen.batch_size * work.gb_ms(chosen.memory)
    if cost > BUDGET:
        waits = 1000 / chosen.batch_size * chosen.memory / 1024 * WAITS
        said = (
            f"{chosen.memory:,} MB and batches of {chosen.batch_size:,}: of the cost, {waits:,.0f} GB-ms are waiting."
        )
        raise Wrong(said, expected=f"at most {BUDGET:,.0f} GB-ms", got=f"{cost:,.0f} GB-ms")
