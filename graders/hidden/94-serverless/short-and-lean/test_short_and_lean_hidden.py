"""Hidden checks of short-and-lean: a connection that died, other prices, an instance that is killed, and a Saturday through the queue."""

import random
from dataclasses import replace

from test_short_and_lean import PATIENT, TRIPS, Hire, damaged, hire

from labkit.checking.checks import Wrong, after, answer, keeps, points, review
from labkit.kinds.function.calls import Handler, deploy
from labkit.kinds.function.outside import Outside

BATCH = 40
BATCHES = 3


@answer("rides")
@points(2)
@keeps("dead-connection")
@after("test_keeps_its_connection")
@review("What an instance has in its hands when it is thawed after a long time.")
def test_a_connection_that_died(hire):
    """When the connection died while the instance was frozen, the batch that meets it is billed, and the next one uses the new connection."""
    hire.must_bill(hire.rides(2), "Two rides came")
    try:
        for which in ("first", "second"):
            what = f"The database was restarted for the {which} time while the instance was frozen"
            hire.function.settled()
            hire.cut()
            before = hire.way.traffic()
            for _ in range(2):
                hire.must_bill(hire.rides(3), what)
            if (opened := (hire.way.traffic() - before).connections) > 1:
                raise Wrong(f"{what}, and two batches came.", expected="1 connection", got=f"{opened} connections")
    finally:
        hire.function.recycle()  # what follows is not about this


@answer("rides")
@points(1)
@keeps("fresh")
@after("test_bills_the_rides")
@review("Which prices count, and what an instance remembers of earlier batches.")
def test_prices_of_today(hire):
    """The prices that count are those in `zones` when the batch comes."""
    zone = hire.zone()
    hire.must_bill([hire.ride(zone=zone)], "A ride came")
    hire.raise_price(zone)
    hire.must_bill([hire.ride(zone=zone)], "The price was changed between two batches")


@answer("rides")
@points(2)
@keeps("together", "once")
@after("test_hands_the_mail_over", "test_a_ride_that_comes_again")
@review("Between which two statements the power may go, and what the two tables say then.")
def test_both_rows_in_the_same_moment(hire):
    """An instance that is killed between the two tables leaves no ride without its row in `to_mail`, and none with two."""
    for table in ("to_mail", "rides"):
        rides = hire.rides(3)
        with hire.locked(table):
            running = hire.begin(hire.batch(rides))
            if hire.waits([running]):
                hire.kill()
        running.result()
        what = f"The instance was killed before it wrote to `{table}`, and the batch came again"
        hire.must_bill(rides, what)
        hire.must_be_mailed(rides, what)


@answer("rides")
@points(2)
@keeps("alone")
@after("test_one_message_fails_alone")
@review("All the ways in which a message can be no ride.")
def test_every_kind_of_damage(hire):
    """Whatever a message holds instead of a ride, it fails, and it fails alone."""
    bodies = ["", "no JSON", "[1, 2]", "null", "7", '"ride"', '{"ride": "x"}', "{}"]
    rides = hire.rides(len(bodies))
    messages = [message for pair in zip(rides, bodies, strict=True) for message in pair]
    places = list(range(1, len(messages), 2))
    if wrong := sorted(set(hire.bill(messages, "Half of a batch was damaged")) ^ set(places)):
        place = wrong[0]
        if place % 2:
            said = f"A body was {messages[place]!r}, and the message counts as done."
            raise Wrong(said, expected=f"m-{place + 1} is named", got="it is not")
        raise Wrong("Half of a batch was damaged.", expected="only this half is named", got=f"m-{place + 1}, a ride")
    hire.must_be_billed(rides, "Half of a batch was damaged")
    if hire.bill(bodies, "All of a batch was damaged") != list(range(len(bodies))):
        raise Wrong("All of a batch was damaged.", expected="all of it is named", got="not all of it")


@answer("rides")
@points(3)
@keeps("rides", "alone", "once", "mail", "connection", "round-trips")
@after("test_one_message_fails_alone", "test_a_ride_that_comes_again", "test_keeps_its_connection", "test_round_trips")
@review("The table of what you pay for, from the first line to the last.")
def test_a_saturday(platform, space, database, files, answers):
    """A Saturday through the queue: each ride is billed once, only damaged messages are given up, and it stays within its budget."""
    draw = random.Random(704)
    with Outside(platform, database) as way:
        settings = replace(
            way.reached_by(PATIENT), batch_size=BATCH, report_failures=True, concurrency=1, max_receive=2
        )
        handler = Handler(deploy(space, answers["rides"], files, settings, name="saturday"))
        with Hire(database, handler, files, way, "saturday") as day:
            rides, bad = day.rides(BATCH * BATCHES - 10), list(damaged(day).values())
            sent = [*rides, *bad, *draw.sample(rides, 10 - len(bad))]
            draw.shuffle(sent)
            day.function.send(*sent)
            letters = day.function.emptied()
            reports = day.function.history().reports
            day.function.remove()
            day.must_be_billed(rides, f"{len(sent)} messages came through the queue")
            day.must_be_mailed(rides, f"{len(sent)} messages came through the queue")
            if len(letters) != len(bad):
                said = f"{len(bad)} messages of {len(sent)} were damaged."
                raise Wrong(said, expected=f"{len(bad)} are given up", got=f"{len(letters)}")
            _must_be_lean(way.traffic(), reports)


def _must_be_lean(spent, reports):
    started = sum(report.init_ms is not None for report in reports)
    if spent.connections > started:
        raise Wrong("Too many connections.", expected=f"{started}", got=f"{spent.connections}")
    if spent.round_trips > TRIPS * len(reports):
        raise Wrong(f"{len(reports)} batches came.", expected=f"{TRIPS} round trips each", got=f"{spent.round_trips}")
