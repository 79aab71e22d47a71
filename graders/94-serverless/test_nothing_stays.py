"""Checks of nothing-stays: what several instances say of one basket, and what is in the tables when an answer is there."""

import itertools
import time

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.function.calls import WARM, Handler, deploy, returned, short
from labkit.kinds.function.meddling import Meddler
from labkit.kinds.function.outside import Outside

OLDEST = 1.0  # seconds that a price may be told after it was changed
LATER = 0.1  # seconds more: then it is too old for certain
TRIES = 20  # to give four events within half a second


class Market(Meddler):
    """The market's tables as others see them, and the answer's handler."""

    def __init__(self, database, handler):
        super().__init__(database, handler)
        self._numbers = itertools.count(1)

    def name(self, what):
        """One that nobody has seen yet."""
        return f"{what}-{next(self._numbers):03}"

    def add(self, basket, *items):
        """The events that put items into a basket."""
        return [{"do": "add", "basket": basket, "item": item} for item in items]

    def must_hold(self, result, event, expected, what):
        """Raises Wrong unless the answer is this basket: a set where some of its items came at the same moment."""
        got = returned(result, event)
        items = got.get("items") if isinstance(got, dict) else None
        right = isinstance(items, list) and (
            items == expected if isinstance(expected, list) else set(map(str, items)) == expected
        )
        if not right or len(items) != len(expected):
            whole = expected if isinstance(expected, list) else sorted(expected)
            raise Wrong(f"{what}, and the basket is answered wrong.", expected={"items": whole}, got=short(got))

    def visits(self, page):
        """How many rows a page has in `visits`."""
        return self.rows("SELECT count(*)::int FROM visits WHERE page = %s", page)[0][0]

    def price(self, item):
        """What `prices` says."""
        rows = self.rows("SELECT cents::int FROM prices WHERE item = %s", item)
        if len(rows) != 1:
            raise Wrong(
                f"`prices` does not have one row of {item} any more.", expected="1 row", got=f"{len(rows)} rows"
            )
        return rows[0][0]

    def raise_price(self, item, cents):
        """Somebody changes a price. Returns when, and the new one."""
        self.session.execute("UPDATE prices SET cents = cents + %s WHERE item = %s", [cents, item])
        return time.monotonic(), self.price(item)

    def must_cost(self, result, item, cents, what):
        """Raises Wrong unless this is the price."""
        if (got := returned(result, {"do": "price", "item": item})) != {"cents": cents}:
            raise Wrong(f"{what}, and the answer is wrong.", expected={"cents": cents}, got=short(got))


@pytest.fixture(scope="module")
def market(platform, space, database, files, answers):
    """The answer, deployed with a way to the database."""
    with Outside(platform, database) as way:
        handler = Handler(deploy(space, answers["market"], files, way.reached_by(WARM)))
        with Market(database, handler) as market:
            yield market
            market.function.remove()


@points(1)
@keeps("basket")
@hint(
    "What does May's function return for three items, one after the other? Yours returns the same.",
    "One row in `basket_items` for each item. In which order do rows come back, if you do not ask for one?",
)
def test_basket_of_one_instance(market):
    """Items that are added one after the other are all in the basket, in their order; another basket stays apart."""
    basket, other = market.name("basket"), market.name("basket")
    events = [*market.add(basket, "plate", "cup", "cup"), *market.add(other, "bowl"), *market.add(basket, "ashtray")]
    expected = [["plate"], ["plate", "cup"], ["plate", "cup", "cup"], ["bowl"], ["plate", "cup", "cup", "ashtray"]]
    for event, result, items in zip(events, market.handler.invoke(*events), expected, strict=True):
        market.must_hold(result, event, items, f"{event['item']!r} was added to {event['basket']}")


@points(3)
@keeps("basket", "side-by-side")
@after("test_basket_of_one_instance")
@hint(
    "Two customers at once are two instances. What does the second one know of what the first one took?",
    "Does your function answer from what *it* has seen, or from what the table holds?",
)
def test_basket_of_several_instances(market):
    """Whichever instances take the items, at the same moment or later, all of them are in the basket."""
    basket = market.name("basket")
    first, second = market.add(basket, "mug", "jug"), market.add(basket, "tray", "vase")
    market.handler.invoke_at_once(*first)
    for event, result in zip(second, market.handler.invoke_at_once(*second), strict=True):
        got = returned(result, event)
        items = set(map(str, got["items"])) if isinstance(got, dict) and isinstance(got.get("items"), list) else set()
        if missing := {"mug", "jug", event["item"]} - items:
            why = f"Two instances took 'mug' and 'jug', and then one of them {event['item']!r}: {min(missing)!r} is missing."
            raise Wrong(why, expected=f"mug, jug and {event['item']}, at least", got=short(got))
    market.function.recycle()
    (event,) = market.add(basket, "lid")
    (result,) = market.handler.invoke(event)
    market.must_hold(result, event, {"mug", "jug", "tray", "vase", "lid"}, "Instances were ended, and 'lid' was added")


@points(2)
@keeps("written")
@hint(
    "When does the visit get into the table: before the answer, or at some time after it?",
    "After its answer the instance is frozen, and perhaps ended. What is then in a list or in a thread, nobody gets.",
)
def test_visit_is_written_before_the_answer(market):
    """When a visit is answered, its row is in the table."""
    page = market.name("/page")
    event = {"do": "visit", "page": page}
    with market.locked("visits"):  # whoever writes waits here; who answers has not written
        running = market.begin(event)
        waited = market.waits([running])
    result = running.result()
    if result.ok and not waited:
        why = "Nobody could write to `visits` for a while, and the visit was answered in that time: it was not written yet."
        raise Wrong(why, expected="an answer after the row is written", got=short(result.payload))
    if (got := returned(result, event)) != {"counted": True}:
        raise Wrong("A visit was answered with something else.", expected={"counted": True}, got=short(got))
    if (rows := market.visits(page)) != 1:
        raise Wrong("The visit was answered, and `visits` does not have it once.", expected="1 row", got=rows)


@points(1)
@keeps("price")
@hint("`prices` has one row for each item.")
def test_price(market):
    """A price is what the table says."""
    for item in ("item-1", "item-300"):
        market.must_cost(*market.handler.invoke({"do": "price", "item": item}), item, market.price(item), item)


@points(2)
@keeps("cache")
@after("test_price")
@hint(
    "What of a price list can be kept from one event to the next, and where?",
    "A module variable is still there at the next event of the same instance. When was it read?",
)
def test_a_warm_instance_does_not_read_again(market):
    """Within a second a warm instance answers from what it has read, also for another item."""
    one = {"do": "price", "item": "item-20"}
    last = -OLDEST  # since then it has read for certain; what it read before may grow too old between the two events
    for number in range(TRIES):
        item = f"item-{21 + number}"
        cents = market.price(item)
        began = time.monotonic()
        market.handler.invoke(one)
        with market.locked("prices", "ACCESS EXCLUSIVE"):
            running = market.begin({"do": "price", "item": item})
            reads = market.waits([running])
            now = time.monotonic()
        result = running.result()
        if not reads:
            market.must_cost(result, item, cents, "A warm instance was asked for another price")
            return
        if now - last < OLDEST / 2:
            why = "An instance that had read `prices` less than half a second before read it again for the next event."
            raise Wrong(why, expected="it answers from its memory", got="it reads")
        last = began
    raise RuntimeError("This machine gives no function four events within half a second.")


@points(2)
@keeps("fresh")
@after("test_price")
@hint(
    "How old may what you keep be, and who says how old it is?",
    "A thread does not run while the instance is frozen, and a number of events says nothing about time. A clock does.",
)
def test_no_price_is_too_old(market):
    """A price that was changed more than a second ago is told, however the instance spent that second."""
    item = "item-33"
    event = {"do": "price", "item": item}
    market.must_cost(*market.handler.invoke(event), item, market.price(item), "A price was asked for")
    market.function.settled()
    changed, cents = market.raise_price(item, 111)
    time.sleep(max(0.0, changed + OLDEST + LATER - time.monotonic()))  # it is the time itself that matters here
    with market.locked("prices", "ACCESS EXCLUSIVE"):  # who reads it waits: nothing is told by luck
        running = market.begin(event)
        market.waits([running])
    what = f"The price was changed {OLDEST + LATER:g} s before, while the instance was frozen"
    market.must_cost(running.result(), item, cents, what)
