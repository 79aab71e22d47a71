"""Hidden checks of exactly-once-enough: copies at the same moment, connections that died, and a day with everything at once."""

import random
from dataclasses import replace

from test_exactly_once_enough import TABLES, Bank, bank

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.function.calls import WARM, Handler, deploy, why
from labkit.kinds.function.outside import Outside

ODDS = {"recycle": 0.2, "duplicate": 0.4, "concurrency": 6}
EVENTS, KILLED = 16, 6


@points(3)
@keeps("side-by-side", "same-answer")
@after("test_once_for_each_payment")
@review("What two copies of an event see of each other, when both arrive in the same moment.")
def test_two_copies_at_once(bank):
    """Two copies of an event in the same moment pay once, and get the same answer."""
    for table in TABLES:
        event = bank.event()
        before = bank.balance(event["account"])
        with bank.locked(table):
            running = [bank.begin(event) for _ in range(2)]
            bank.waits(running, number=2)
        results = [future.result() for future in running]
        results = [result if result.ok else bank.handler.invoke(event)[0] for result in results]  # it would come again
        bank.must_have_paid(event, before, "Two copies came at once")
        for result in results:
            bank.must_be_answered(result, event, before - event["cents"], "Two copies came at once")


@points(1)
@keeps("dead-connection")
@after("test_pays")
@review("What an instance has in its hands when it is thawed after a long time.")
def test_a_connection_that_died(bank):
    """When the connection died while the instance was frozen, the next payment is made all the same."""
    bank.handler.invoke(bank.event())
    bank.function.settled()
    bank.cut()
    event = bank.event()
    before = bank.balance(event["account"])
    (result,) = bank.handler.invoke(event)
    if not result.ok:
        raise Wrong("The database was restarted while the instance was frozen.", expected="it pays", got=why(result))
    bank.must_have_paid(event, before, "The database was restarted")


@points(3)
@keeps("once", "killed", "poison")
@after("test_once_for_each_payment", "test_killed_in_the_middle")
@review("Everything that may happen to an event on its way, and what of it your function leaves to luck.")
def test_a_day(platform, space, database, files, answers, bank):
    """A day with duplicates, retries, kills and one poisoned event: each payment is made once, and only the poisoned event is given up."""
    draw = random.Random(11)
    with Outside(platform, database) as way:
        function = deploy(space, answers["pay"], files, replace(way.reached_by(WARM), seed=3, **ODDS), name="day")
        with Bank(database, Handler(function)) as day:
            events = [{**bank.event(draw.randrange(1, 90)), "account": 100 + n} for n in range(EVENTS)]
            before = {event["account"]: day.balance(event["account"]) for event in events}
            for event in events[:KILLED]:
                function.invoke(event, kill_after=draw.uniform(0, 0.05))
            poisoned = {**bank.event(), "account": -1}
            function.invoke_async(*draw.sample([*events, poisoned], len(events) + 1))
            letters = function.drained()
            function.remove()
            for event in events:
                day.must_have_paid(
                    event, before[event["account"]], "Events came more than once, and instances were killed"
                )
            if {letter.payload for letter in letters} == set() or not all(
                '"account": -1' in letter.payload for letter in letters
            ):
                got = f"{len(letters)} dead letters: {[letter.error_message[:80] for letter in letters][:3]}"
                raise Wrong("Which events were given up is wrong.", expected="only the one without an account", got=got)
