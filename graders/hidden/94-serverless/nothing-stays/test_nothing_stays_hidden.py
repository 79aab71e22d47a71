"""Hidden checks of nothing-stays: connections that died, a price list that was half read, and a day on which instances come and go."""

import random
from dataclasses import replace

from test_nothing_stays import Market, market

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.function.calls import WARM, Handler, deploy, returned, why
from labkit.kinds.function.outside import Outside

DAY = {"recycle": 0.4, "concurrency": 4}
BASKETS, ADDED = 2, 3


@points(2)
@keeps("half", "price")
@after("test_price")
@review("What a cache holds when something failed while it was filled.")
def test_prices_that_were_half_read(market):
    """When reading the prices failed, the next event gets the right price."""
    event = {"do": "price", "item": "item-150"}
    cents = market.price("item-150")
    market.function.recycle()
    with market.locked("prices", "ACCESS EXCLUSIVE"):
        running = market.begin(event)
        if market.waits([running]):
            market.cut()
    what = "The database ended the session that read the prices"
    if (result := running.result()).ok:
        market.must_cost(result, "item-150", cents, what)
    (result,) = market.handler.invoke(event)
    if not result.ok:
        raise Wrong(f"{what}. The next event failed, too.", expected={"cents": cents}, got=why(result))
    market.must_cost(result, "item-150", cents, f"{what}, and the next event came")


@points(2)
@keeps("dead-connection")
@after("test_basket_of_one_instance")
@review("What an instance has in its hands when it is thawed after a long time.")
def test_a_connection_that_died(market):
    """When the connection died while the instance was frozen, the next event is done, and once."""
    basket, page = market.name("basket"), market.name("/page")
    market.handler.invoke(*market.add(basket, "mug"))
    events = [*market.add(basket, "cup"), {"do": "visit", "page": page}]
    for event in events:
        market.function.settled()
        market.cut()
        (result,) = market.handler.invoke(event)
        if not result.ok:
            did = "The database was restarted while the instance was frozen."
            raise Wrong(f"{did} The event {event['do']!r} failed.", expected="it is done", got=why(result))
    (event,) = market.add(basket, "lid")
    market.must_hold(*market.handler.invoke(event), event, ["mug", "cup", "lid"], "The database was restarted twice")
    if (rows := market.visits(page)) != 1:
        raise Wrong("The database was restarted before a visit.", expected="1 row in `visits`", got=rows)


@points(2)
@keeps("basket", "side-by-side", "written")
@after("test_basket_of_one_instance")
@review("Each module variable and each file of your function: would it be missed?")
def test_a_market_day(platform, space, database, files, answers):
    """On a day on which instances come and go, every basket is whole and every visit is in the table."""
    draw = random.Random(516)
    with Outside(platform, database) as way:
        settings = replace(way.reached_by(WARM), seed=draw.randrange(1000), **DAY)
        with Market(database, Handler(deploy(space, answers["market"], files, settings, name="day"))) as day:
            baskets = [f"day-{number}" for number in range(BASKETS)]
            expected = {basket: [] for basket in baskets}
            for number in range(ADDED):
                events = [event for basket in baskets for event in day.add(basket, f"{draw.randrange(1000)}-{number}")]
                results = day.handler.invoke_at_once(*events, {"do": "visit", "page": "/day"})
                for event, result in zip(events, results, strict=False):
                    expected[event["basket"]].append(event["item"])
                    day.must_hold(result, event, expected[event["basket"]], "Instances came and went")
                returned(results[-1], {"do": "visit", "page": "/day"})
            day.function.remove()
            if (rows := day.visits("/day")) != ADDED:
                raise Wrong("Instances came and went.", expected=f"{ADDED} visits", got=f"{rows} visits")
