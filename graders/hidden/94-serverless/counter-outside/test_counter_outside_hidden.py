"""Hidden checks of counter-outside: a crowd and few connections, an instance that is killed, and what two do to one entry."""

import random
import time
from dataclasses import replace

from test_counter_outside import IN_TIME, PATIENCE, TRIES, ferry, left, take

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.function.calls import returned, short, why

CROWD, LOOKS, FREE, CONNECTIONS = 16, 4, 24, 8
LONG = 600  # seconds that an entry is valid, so that nobody has to count it in a crowd
AFTERWARDS = 8.0  # seconds for an event of a new instance, which needs milliseconds


@points(3)
@keeps("side-by-side", "wait", "takes", "full")
@after("test_two_instances_sell_at_once", "test_waits_for_a_connection", "test_one_connection_while_it_works")
@review(
    "What each instance holds while it works and while it waits, when there are many more of them than connections."
)
def test_a_crowd(ferry):
    """Twenty instances at once and eight connections: each event is answered, and the berths add up."""
    draw, route = random.Random(94), ferry.route(5)
    ferry.plant(route, 5, LONG)
    sailing = ferry.sailing(FREE)
    buyers = [take(sailing, draw.randint(1, 3)) for _ in range(CROWD)]
    with ferry.occupied(but=CONNECTIONS):
        results = ferry.handler.invoke_at_once(*buyers, *[left(route)] * LOOKS)
    if failed := [result for result in results if not result.ok]:
        said = (
            f"{len(results)} events came at once, and {CONNECTIONS} connections were free. {len(failed)} events failed."
        )
        raise Wrong(said, expected="all of them are answered", got=why(failed[0]))
    for result in results[CROWD:]:
        ferry.must_answer(result, left(route), {"left": 5}, "Many instances were asked at once")
    answers = [returned(result, event) for event, result in zip(buyers, results[:CROWD], strict=True)]
    must_add_up(ferry, sailing, [(event["berths"], answer) for event, answer in zip(buyers, answers, strict=True)])


def must_add_up(ferry, sailing, sold):
    """Raises Wrong unless what was answered (berths, answer) happened in some order, and `sailings` says what was left then."""
    free, taken = FREE, []
    for berths, answer in sold:
        if isinstance(answer, dict) and isinstance(answer.get("free"), int):
            taken.append((berths, answer["free"]))
        elif answer != {"taken": False}:
            raise Wrong("Many instances sold at once.", expected="taken or not taken", got=short(answer))
    for berths, then in sorted(taken, key=lambda pair: -pair[1]):
        if then != free - berths:
            said = f"{CROWD} instances sold berths of one sailing at once. {free} were free, and {berths} were taken."
            raise Wrong(said, expected=f"free {free - berths}", got=f"free {short(then)}")
        free = then
    ferry.must_be_free(sailing, free, f"{CROWD} instances sold {FREE - free} of {FREE} berths at once")
    for berths, answer in sold:
        if answer == {"taken": False} and berths <= free:
            said = f"At the end {free} berths were free, and somebody who wanted {berths} got none."
            raise Wrong(said, expected="taken", got="not taken")


@points(2)
@keeps("killed")
@after("test_no_lock_is_left")
@review("Who lets go of what an instance held when it was killed: whether the database does, or only your own code.")
def test_an_instance_that_is_killed(ferry):
    """After an instance was killed in the middle of an event, the next events are done, and wait for nobody."""
    settings = replace(ferry.function.settings, timeout=AFTERWARDS)
    sailing, route = ferry.sailing(9), ferry.route(9)
    for table, event, expected in (
        ("sailings", take(sailing, 2), {"taken": True, "free": 7}),
        ("cache", left(route), {"left": 9}),
    ):
        with ferry.locked(table):
            running = ferry.begin(event)
            if ferry.waits([running]):
                ferry.kill()
        was_killed = not running.result().ok
        if not was_killed:
            continue  # it did not need the table
        result = ferry.function.copy(f"after-{table}", settings).invoke(event)
        what = f"An instance was killed before it wrote to `{table}`, and the event came to another one"
        if not result.ok:
            raise Wrong(f"{what}. It failed.", expected="it is done", got=why(result))
        ferry.must_answer(result, event, expected, what)
    ferry.must_be_free(sailing, 7, "An instance was killed before it wrote to `sailings`, and the event came once more")


@points(2)
@keeps("expired")
@after("test_an_entry_that_has_expired")
@review("What two instances do that find the same entry expired at the same moment.")
def test_two_replace_an_entry(ferry):
    """When two instances find the same entry expired at the same moment, both tell the right number."""
    route = ferry.route(11, 4)
    ferry.handler.invoke_at_once(*[left(route)] * 2)
    ferry.plant(route, 99, -1)
    with ferry.held("SELECT FROM cache WHERE key = %s FOR UPDATE", route):
        running = [ferry.begin(left(route)) for _ in range(2)]
        ferry.waits(running, number=2, seconds=PATIENCE)
    for future in running:
        result = future.result()
        what = "Two instances found the same entry expired at the same moment"
        if not result.ok:
            raise Wrong(f"{what}. One of them failed.", expected='{"left": 15}', got=why(result))
        ferry.must_answer(result, left(route), {"left": 15}, what)


@points(1)
@keeps("shared", "left")
@after("test_all_instances_tell_the_same")
@review("Which values an entry may have, and how your function knows that there is one.")
def test_a_route_that_is_sold_out(ferry):
    """A route that is sold out has 0 berths left, and that is told from the cache as any other number."""
    ferry.warm_up()
    for _ in range(TRIES):
        route, since = ferry.route(0, 0), time.monotonic()
        (result,) = ferry.handler.invoke(left(route))
        ferry.must_answer(result, left(route), {"left": 0}, "All sailings of a route are sold out")
        if ferry.told_by_the_entry(route, 0, "The entry of a route says 0", since):
            return
    raise RuntimeError(f"This machine gives no function two events within {IN_TIME:g} s.")
