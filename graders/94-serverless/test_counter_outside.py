"""Checks of counter-outside: how many berths there are afterwards, what is told of them, and what a frozen instance still holds."""

import itertools
import json
import time
from datetime import timedelta

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.function.calls import WARM, Handler, deploy, returned, short, why
from labkit.kinds.function.meddling import POLL, Meddler
from labkit.kinds.function.outside import UNLIMITED, Outside

VALID = timedelta(seconds=10)  # of an entry in `cache`
EARLY = timedelta(seconds=1)  # that it may end before that
PLANTED, SOON = 8, 4  # seconds that an entry of a check is valid
IN_TIME = 4.0  # seconds after it was written: then it is valid for certain
REFUSED, FULL = 4, 1.2  # connections that are refused, and seconds, until there is one again
CLOSING = 5.0  # seconds for a connection to be closed at its other end, too
PATIENCE = 10.0  # seconds for instances that are warm
TRIES = 20  # to give an event within the time that an entry is valid
RIGHT = "SELECT COALESCE(sum(free), 0)::int FROM sailings WHERE route = %s"


class Ferry(Meddler):
    """The tables as others see them, and the answer's handler."""

    def __init__(self, database, handler, way):
        super().__init__(database, handler)
        self.way, self._numbers = way, itertools.count(1)

    def sailing(self, free, route=""):
        """One that nobody has seen yet."""
        name = self.name("sailing")
        self.session.execute("INSERT INTO sailings VALUES (%s, %s, %s)", [name, route or self.name("route"), free])
        return name

    def route(self, *free):
        """One with so many free berths on its sailings."""
        name = self.name("route")
        for berths in free:
            self.sailing(berths, name)
        return name

    def name(self, what):
        """One that nobody has seen yet."""
        return f"new-{what}-{next(self._numbers):03}"

    def free(self, sailing):
        """What `sailings` says."""
        rows = self.rows("SELECT free::int FROM sailings WHERE sailing = %s", sailing)
        if len(rows) != 1:
            raise Wrong(f"`sailings` does not have one row of {sailing}.", expected="1 row", got=f"{len(rows)} rows")
        return rows[0][0]

    def must_be_free(self, sailing, number, what):
        """Raises Wrong unless so many berths are left."""
        if (got := self.free(sailing)) != number:
            raise Wrong(f"{what}. Look at `free` of {sailing}.", expected=f"free {number}", got=f"free {got}")

    def must_answer(self, result, event, expected, what):
        """Raises Wrong unless the answer is this."""
        if returned(result, event) != expected:
            raise Wrong(f"{what}, and the answer is wrong.", expected=json.dumps(expected), got=short(result.payload))

    def total(self, route):
        """The berths that are left on a route."""
        return self.rows(RIGHT, route)[0][0]

    def plant(self, route, value, seconds):
        """Another instance writes an entry into the cache, valid for so many seconds from now, perhaps until some ago. Returns its expiry."""
        put = """
            INSERT INTO cache VALUES (%s, %s, clock_timestamp() + %s * interval '1 s')
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires RETURNING expires"""
        return self.rows(put, route, value, seconds)[0][0]

    def entry(self, route):
        """The value and the expiry that `cache` has of a route; None without one."""
        rows = self.rows("SELECT value, expires FROM cache WHERE key = %s", route)
        return rows[0] if rows else None

    def now(self):
        """The database's clock."""
        return self.rows("SELECT clock_timestamp()")[0][0]

    def told_by_the_entry(self, route, value, what, since):
        """Whether two warm instances answer from a valid entry while nobody can read `sailings`. Raises Wrong where one waits, or tells something else.

        False where too much time has passed `since` the entry was written to say so.
        """
        event = left(route)
        with self.locked("sailings", "ACCESS EXCLUSIVE"):  # who counts waits
            running = self.begin_at_once(event, event)
            counts = self.waits([running])
            in_time = time.monotonic() - since < IN_TIME
        results = running.result()
        if in_time and counts:
            said = f"{what}, and an event read `sailings` all the same."
            raise Wrong(said, expected="it tells what `cache` says", got="it counts again")
        if in_time:
            for result in results:
                self.must_answer(result, event, {"left": value}, what)
        return in_time

    def warm_up(self, number=2):
        """From now on so many instances are warm."""
        self.handler.invoke_at_once(*[left(self.route(1))] * number)

    def at_once(self, *events):
        """What warm instances return when nobody can write to `sailings` until each of them wants to."""
        self.warm_up(len(events))
        with self.locked("sailings"):  # what is only read is read before it is changed: nothing is left to luck
            running = [self.begin(event) for event in events]
            self.waits(running, number=len(events), seconds=PATIENCE)
        return [returned(future.result(), event) for future, event in zip(running, events, strict=True)]

    def await_refusals(self, running, since):
        """Waits until the event was refused connections, for a while, or has ended."""
        began = time.monotonic()
        while not running.done():
            refused = (self.way.traffic() - since).refused
            if refused >= REFUSED and time.monotonic() - began > FULL:
                return
            time.sleep(POLL)

    def still(self, found):
        """The handler's sessions for which that holds, also a while after its instances are frozen: one that is being closed takes a moment."""
        self.function.settled()
        until = time.monotonic() + CLOSING
        while (sessions := [one for one in self.sessions() if found(one)]) and time.monotonic() < until:
            time.sleep(POLL)
        return sessions


@pytest.fixture(scope="module")
def ferry(platform, space, database, files, answers):
    """The answer, deployed with a way to the database."""
    with Outside(platform, database, UNLIMITED) as way:
        handler = Handler(deploy(space, answers["ferry"], files, way.reached_by(WARM)))
        with Ferry(database, handler, way) as ferry:
            yield ferry
            ferry.function.remove()


def in_words(answers):
    """Answers that came at the same moment, in the same order each time."""
    return short(", ".join(sorted(map(json.dumps, answers))))


def are(answers, expected):
    """Whether the answers are these, in whatever order; so are their keys."""
    found, wanted = (sorted(json.dumps(answer, sort_keys=True) for answer in each) for each in (answers, expected))
    return found == wanted


def take(sailing, berths):
    """The event."""
    return {"do": "take", "sailing": sailing, "berths": berths}


def left(route):
    """The event."""
    return {"do": "left", "route": route}


@points(1)
@keeps("takes")
@hint(
    "What does July's function do for one buyer alone? Do the same first.",
    "`UPDATE … RETURNING free` changes the number and tells it.",
)
def test_takes_berths(ferry):
    """Berths that are taken come off `free` of their sailing, and the answer says what is left."""
    sailing, other = ferry.sailing(20), ferry.sailing(20)
    for berths, free in ((3, 17), (1, 16)):
        event = take(sailing, berths)
        (result,) = ferry.handler.invoke(event)
        ferry.must_be_free(sailing, free, f"{berths} of {free + berths} berths were taken")
        ferry.must_answer(
            result, event, {"taken": True, "free": free}, f"{berths} of {free + berths} berths were taken"
        )
    ferry.must_be_free(other, 20, "Berths of another sailing were taken")


@points(1)
@keeps("full")
@after("test_takes_berths")
@hint(
    "What should somebody be told who wants four berths where two are left?",
    "The condition belongs into the statement that changes the number. How do you know that it changed nothing?",
)
def test_a_sailing_that_is_full(ferry):
    """Who wants more berths than are free gets none, and nothing changes; the last ones can be taken."""
    sailing = ferry.sailing(5)
    for berths, free, answer in (
        (6, 5, {"taken": False}),
        (5, 0, {"taken": True, "free": 0}),
        (1, 0, {"taken": False}),
    ):
        what = f"{ferry.free(sailing)} berths were free, and {berths} were asked for"
        (result,) = ferry.handler.invoke(take(sailing, berths))
        ferry.must_be_free(sailing, free, what)
        ferry.must_answer(result, take(sailing, berths), answer, what)


@points(1)
@keeps("left")
@hint("Add up `free` of all sailings of the route. What is in `cache` when nobody has asked for it yet?")
def test_what_is_left(ferry):
    """What is left of a route is what is free on all of its sailings."""
    for free in ((3, 0, 40), (7,)):
        route = ferry.route(*free)
        (result,) = ferry.handler.invoke(left(route))
        what = f"A route has {len(free)} sailings with {' + '.join(map(str, free))} free berths"
        ferry.must_answer(result, left(route), {"left": sum(free)}, what)


def ways(ferry):
    """Events that take each way through a handler, by what they are."""
    sailing, route = ferry.sailing(6), ferry.route(5, 5)
    return {
        "Two berths were taken": take(sailing, 2),
        "More berths were asked for than are free": take(sailing, 70),
        "A route was counted": left(route),
        "A route was told from `cache`": left(route),
    }


@points(2)
@keeps("no-lock")
@after("test_takes_berths", "test_what_is_left")
@hint(
    "What does a transaction hold until it ends, and who ends it while the instance is frozen?",
    "psycopg begins a transaction with the first statement, also with a SELECT. Is there a way through your handler without a commit?",
)
def test_no_lock_is_left(ferry):
    """When an event is answered, its instance holds no lock, and no transaction is open."""
    for what, event in ways(ferry).items():
        ferry.handler.invoke(event)
        if holding := ferry.still(lambda session: session[2] or "transaction" in session[1]):
            _, state, locks = holding[0]
            got = f"its session is {state!r}" + (
                f" and has locks: {', '.join(lock.removeprefix('public.') for lock in locks[:4])}" if locks else ""
            )
            said = f"{what}, and the instance is frozen. Nobody knows when it goes on, and who needs its lock waits until then."
            raise Wrong(said, expected="no lock, no open transaction", got=got)


@points(3)
@keeps("side-by-side")
@after("test_a_sailing_that_is_full", "test_no_lock_is_left")
@hint(
    "Two instances read the same number. What does each of them write?",
    "Let one statement look and change: `UPDATE … SET free = free - … WHERE … AND free >= …`. The second one waits for the first, and looks again.",
)
def test_two_instances_sell_at_once(ferry):
    """When two instances sell at the same moment, no berth is sold twice, and who fits gets them."""
    sailing = ferry.sailing(10)
    answers = ferry.at_once(take(sailing, 3), take(sailing, 4))
    what = "Two instances sold 3 and 4 of 10 berths at the same moment"
    if not all(isinstance(answer, dict) and answer.get("taken") is True for answer in answers):
        raise Wrong(f"{what}: both fit.", expected="both are taken", got=in_words(answers))
    ferry.must_be_free(sailing, 3, what)
    if [answer.get("free") for answer in answers] not in ([7, 3], [3, 6]):
        raise Wrong(f"{what}.", expected="free 7 or 6 for the first, free 3 for the second", got=in_words(answers))
    sailing = ferry.sailing(5)
    answers = ferry.at_once(take(sailing, 3), take(sailing, 3))
    what = "Two instances were asked for 3 of 5 berths at the same moment"
    ferry.must_be_free(sailing, 2, what)
    if not are(answers, [{"taken": False}, {"taken": True, "free": 2}]):
        raise Wrong(f"{what}.", expected='one {"taken": true, "free": 2}, one {"taken": false}', got=in_words(answers))


@points(2)
@keeps("shared")
@after("test_no_lock_is_left")
@hint(
    "Where does an instance look that was started a moment ago? And one that has counted itself, after another one did?",
    "A module variable belongs to one instance: 200 of them tell 200 numbers. The row in `cache` with the route as its key is for all.",
)
def test_all_instances_tell_the_same(ferry):
    """While an entry is valid, all instances tell it, whatever number they know, and nobody counts."""
    ferry.warm_up()
    for _ in range(TRIES):
        route, since = ferry.route(30, 12), time.monotonic()
        ferry.handler.invoke(left(route))
        what = "An instance counted 42, and then that one and another one were asked"
        if not ferry.told_by_the_entry(route, 42, what, since):
            continue
        since = time.monotonic()
        ferry.plant(route, 37, PLANTED)
        what = "An instance knew 42, and another one had put 37 into `cache` since"
        if ferry.told_by_the_entry(route, 37, what, since):
            return
    raise RuntimeError(f"This machine gives no function two events within {IN_TIME:g} s.")


@points(2)
@keeps("fresh")
@after("test_all_instances_tell_the_same")
@hint(
    "Who says how long an entry is valid? Look at `expires` of the row that your function wrote.",
    "It is set when the entry is written. Who only tells the entry does not touch it.",
)
def test_valid_for_ten_seconds(ferry):
    """An entry is valid for ten seconds from when it was written, however often it is told."""
    route, before = ferry.route(8, 9), ferry.now()
    ferry.handler.invoke(left(route))
    now, entry = ferry.now(), ferry.entry(route)
    if not entry:
        raise Wrong(
            f"A route was counted, and `cache` has no entry with the key {route}.", expected="1 row", got="0 rows"
        )
    if not before + VALID - EARLY <= entry[1] <= now + VALID:
        seconds = (entry[1] - now).total_seconds()
        raise Wrong("A route was counted just now.", expected="its entry expires in 10 s", got=f"in {seconds:.0f} s")
    for _ in range(TRIES):
        expires = ferry.plant(route, 17, SOON)
        ferry.handler.invoke(left(route))
        if ferry.now() > expires:
            continue
        if (entry := ferry.entry(route)) != (17, expires):
            longer = (
                f"it was to expire in {SOON} s, and now lasts {(entry[1] - expires).total_seconds():.0f} s longer"
                if entry
                else "it is gone"
            )
            raise Wrong("An entry that was valid was told.", expected="it stays as it is", got=longer)
        return
    raise RuntimeError(f"This machine gives no function an event within {SOON} s.")


@points(2)
@keeps("expired")
@after("test_all_instances_tell_the_same")
@hint(
    "Nobody removes what has expired. How do you tell it from what is valid?",
    "Compare `expires` with `now()`. And the key is there already: `INSERT … ON CONFLICT (key) DO UPDATE`.",
)
def test_an_entry_that_has_expired(ferry):
    """An entry that has expired is not told, and is replaced."""
    route = ferry.route(11, 4)
    ferry.handler.invoke(left(route))
    ferry.plant(route, 99, -1)
    (result,) = ferry.handler.invoke(left(route))
    what = "The entry of a route says 99, and has expired a second ago. 15 berths are free"
    ferry.must_answer(result, left(route), {"left": 15}, what)
    if (entry := ferry.entry(route)) and entry[0] == 15 and entry[1] > ferry.now() - timedelta(seconds=60):
        return
    got = f"{entry[0]}, which expired" if entry else "no entry"
    raise Wrong("An entry had expired, and the route was counted.", expected="`cache` says 15", got=got)


@points(2)
@keeps("connection")
@after("test_no_lock_is_left")
@hint(
    "How many connections do 200 instances have that are frozen? Each one counts, also when nobody uses it.",
    "`with psycopg.connect() as connection:` closes it at the end of the block. How often does one event get there?",
)
def test_one_connection_while_it_works(ferry):
    """An event opens one connection, and when it is answered, the instance has none."""
    route = ferry.route(3)
    ferry.handler.invoke_at_once(*[left(route)] * 3)
    if kept := ferry.still(lambda session: True):
        said = "Three instances have answered and are frozen. They take connections away from those that have an event."
        raise Wrong(said, expected="0 connections", got=f"{len(kept)} connections")
    for what, event in ways(ferry).items():
        before = ferry.way.traffic()
        ferry.handler.invoke(event)
        if (number := (ferry.way.traffic() - before).connections) > 1:
            raise Wrong(f"{what}. 200 instances do so at once.", expected="1 connection", got=f"{number} connections")


@points(2)
@keeps("wait")
@after("test_takes_berths")
@hint(
    "For a moment, all connections are in use. Is that a reason to send the buyer away?",
    "`psycopg.connect` raises `psycopg.OperationalError`. Wait a little, each instance for another time, and try again.",
)
def test_waits_for_a_connection(ferry):
    """When all connections are in use, the event tries again until it gets one."""
    event = take(ferry.sailing(9), 2)
    ferry.handler.invoke(left(ferry.route(1)))
    ferry.function.settled()
    with ferry.occupied() as release:
        before, running = ferry.way.traffic(), ferry.begin(event)
        ferry.await_refusals(running, before)
        release()
        result = running.result()
    what = f"For {FULL:g} s all connections of the database were in use"
    if not result.ok:
        raise Wrong(f"{what}.", expected="the event waits for one", got=why(result))
    ferry.must_answer(result, event, {"taken": True, "free": 7}, what)
    ferry.must_be_free(event["sailing"], 7, what)
