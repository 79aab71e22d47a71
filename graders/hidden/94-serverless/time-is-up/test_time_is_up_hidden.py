"""Hidden checks of time-is-up: other limits and other prices, two events for one run, and a night with everything at once."""

import random

from test_time_is_up import Billing, billing

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.function.calls import why

FACTORIES = (5000, 9000)  # kWh: a price takes 300 ms
LIMIT_OF_FACTORIES = 1.7  # seconds: whoever begins a sixth price does not end it
LONGER = 2.6  # seconds
NIGHT = {"recycle": 0.3, "duplicate": 0.5, "concurrency": 4, "seed": 6}


@points(2)
@keeps("limit", "uses", "answer")
@after("test_goes_on")
@review("Where your function has its time limit from, and how long the longest piece of its work takes.")
def test_other_limits(billing):
    """With another time limit and with bills that take longer, no event reaches its limit, and each uses its time."""
    for limit, customers, kwh in ((LIMIT_OF_FACTORIES, 12, FACTORIES), (LONGER, 150, (80, 900))):
        run, function = billing.new_run(customers, kwh), billing.limited(limit)
        result = billing.event_in_time(function, run)
        function.remove()
        what = f"The time limit is {limit:g} s"
        billing.must_use_its_time(function, run, result)
        billing.must_agree(run, what)
        billing.must_be_answered(result, run, billing.left(run), what)


@points(3)
@keeps("side-by-side")
@after("test_killed_in_the_middle")
@review("What two events for one run see of each other, when both begin in the same moment.")
def test_two_events_at_once(billing):
    """Two events for one run in the same moment bill nobody twice, and leave nobody out."""
    run = billing.new_run(12)
    with billing.locked("bills", "SHARE"):
        running = [billing.begin(run.event) for _ in range(2)]
        billing.waits(running, number=2)
    for future in running:
        if not (result := future.result()).ok:
            raise Wrong("Two events came at once, and one failed.", expected="an answer", got=why(result))
    billing.must_agree(run, "Two events came at once")
    billing.finish(billing.function, run, "Two events came at once, and then one more")
    billing.must_be_whole(run, "Two events came at once")


@points(3)
@keeps("killed", "goes-on", "side-by-side")
@after("test_killed_in_the_middle", "test_two_events_at_once")
@review("Everything that may end an event, and what your three tables say at that moment.")
def test_a_night(billing):
    """A night with kills, limits, retries and duplicates: each customer has one bill in the morning."""
    draw = random.Random(30)
    run, function = billing.new_run(50), billing.limited(1.5, **NIGHT)
    for _ in range(3):
        function.invoke(run.event, kill_after=draw.uniform(0.02, 0.25))
        billing.cut()  # what it began in the database has ended, too
        billing.must_agree(run, "Instances were killed")
    function.invoke_async(run.event, run.event)
    function.drained()
    billing.cut()
    billing.finish(billing.function, run, "Instances were killed, and events came twice")
    function.remove()
    billing.must_be_whole(run, "Instances were killed, and events came twice")
