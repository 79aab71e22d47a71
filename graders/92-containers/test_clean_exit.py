"""Checks of clean-exit: a container that is opened, given orders, stopped, made to hang and kept busy; what counts is what its callers and the engine see."""

import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.checking.checks import Wrong, after, answer, hint, keeps, points
from labkit.services.images.caller import Caller

OPEN_WITHIN, HEALTHY_WITHIN, SICK_WITHIN = 30, 10, 15  # seconds; the first is no rule
STOP_WITHIN, TRIES = 2.0, 3  # a machine that is busy with other things is given three tries
IN_FLIGHT, BUSY = 3, 7  # orders; seven before one make 1.75 s
LONGER = 3  # seconds that a twin must live longer than one that hangs
MOST_ORDERS = 500  # of a customer: a till that answers at once is given no more
PROBES = 3  # at least, that are looked at while it is busy
ORDER = {"what": "coffee", "count": 2}
IMPOSSIBLE = {"what": "moon", "count": 1}
TMP = ["/tmp"]


class Till:
    """A container of the answer's image, with callers beside it."""

    def __init__(self, container, caller):
        self.container, self.caller = container, caller

    def order(self, order=ORDER):
        """Sends one."""
        return self.caller.send("POST", "/orders", json.dumps(order))

    def comes_again(self, over):
        """Sends one order after the other, until it is over."""
        for _ in range(MOST_ORDERS):
            if over.is_set():
                return
            self.order().answer()

    def must_open(self):
        """What it says of itself; raises Wrong when it does not open."""
        until = time.monotonic() + OPEN_WITHIN
        while time.monotonic() < until:
            found = self.caller.get("/", wait=1, seconds=5)
            if found.status == 200:
                return found.body
            if not self.runs():
                break
        what = f"is not open after {OPEN_WITHIN} s" if self.runs() else "ended before it was open"
        last = (self.container.output().strip().splitlines() or ["nothing"])[-1]
        raise Wrong(
            f"The container {what}.", expected="the till answers on port 8000", got=f"it said last: {last[:300]}"
        )

    def runs(self):
        """Whether it has not ended."""
        self.container.container.reload()
        return self.container.container.status == "running"

    def health(self, within, *wanted):
        """What the engine thinks of it, once that is one of `wanted` or so many seconds are over."""
        until = time.monotonic() + within
        while (found := self.container.health()).status and found.status not in wanted and time.monotonic() < until:
            time.sleep(0.1)  # the engine's own clock cannot be awaited otherwise
        if not found.status or found.status == "none":
            why = "The image has no HEALTHCHECK, so nobody asks whether the till works."
            raise Wrong(why, expected="HEALTHCHECK … CMD …", got="none")
        return found

    def must_get_healthy(self):
        """Raises Wrong unless the engine calls it healthy soon."""
        found = self.health(HEALTHY_WITHIN, "healthy")
        if found.status != "healthy":
            why = f"{HEALTHY_WITHIN} s after the till opened, the container is not called healthy yet."
            said = str(found.failed) if found.failed else "no probe was done"
            raise Wrong(why, expected="healthy", got=f"{found.status}; {said}"[:300])

    def must_get_sick(self, because):
        """Raises Wrong unless the engine calls it unhealthy within the time that the task gives."""
        found = self.health(SICK_WITHIN, "unhealthy")
        if found.status != "unhealthy":
            last = str(found.probes[-1]) if found.probes else "no probe was done"
            raise Wrong(
                f"{because}, and {SICK_WITHIN} s later the container is still called {found.status}.",
                expected="unhealthy",
                got=last,
            )


@contextlib.contextmanager
def till(place, image, *argv, **environment):
    """A container that was started with these words after the image's name."""
    options = {"environment": environment, "tmpfs": TMP}
    with place.start(image, list(argv) or None, **options) as container, Caller(container) as caller:
        yield Till(container, caller)


class Stop:
    """`docker stop` while some orders were begun: how it ended, and what became of them."""

    def __init__(self, place, image, orders=IN_FLIGHT, order=ORDER):
        with till(place, image) as open_till:
            open_till.must_open()
            calls = [open_till.order(order) for _ in range(orders)]
            self.begun = sum(call.begun() for call in calls)
            self.ended = open_till.container.stop()
            self.answers = [call.answer() for call in calls]
            self.output = open_till.container.output()
        self.answered = sum(answer.status == 200 and not answer.error and bool(answer.body) for answer in self.answers)

    def must_be_soon(self):
        """Raises Wrong unless SIGTERM ended it in time, with status 0."""
        if self.ended.killed:
            why = "SIGTERM did not end the container: ten seconds later it was killed."
            raise Wrong(why, expected="it ends by itself, with status 0", got=f"exit status {self.ended.exit_code}")
        if self.ended.exit_code != 0:
            why = "The container did not end with status 0 after `docker stop`."
            raise Wrong(why, expected="0", got=str(self.ended.exit_code))
        if self.ended.seconds > STOP_WITHIN:
            why = "The container took too long to end."
            raise Wrong(why, expected=f"{STOP_WITHIN:g} s", got=f"{self.ended.seconds:.1f} s")

    def must_answer(self, cents):
        """Raises Wrong unless each order that was begun was answered, and is in the till's last line."""
        if self.answered != self.begun:
            cut = next(answer for answer in self.answers if not answer.body)
            why = "Orders were begun when the container was stopped, and got no answer."
            raise Wrong(
                why,
                expected=f"{self.begun} answers",
                got=f"{self.answered}; one customer saw: {cut.error or 'an empty answer'}",
            )
        wanted = f"{self.begun} receipts, {cents * self.begun} cents"
        last = (self.output.strip().splitlines() or ["nothing"])[-1]
        if last != wanted:
            why = "The till was ended before it had handed over its receipts, which is the last line that it prints."
            raise Wrong(why, expected=wanted, got=last[:300])


def stopped(place, image, **options):
    """A stop, or the quickest of some where nothing but its time is to be said against it."""
    found = Stop(place, image, **options)
    for _ in range(TRIES - 1):
        if found.ended.exit_code != 0 or found.ended.seconds <= STOP_WITHIN:
            break
        found = min(found, Stop(place, image, **options), key=lambda stop: stop.ended.seconds)
    return found


def hang(place, image):
    """An order for which there is no price ends the clerk: from then on everybody waits for ever.

    A twin was started before it, and nothing is wrong with that one: who goes by the clock calls both sick.
    """
    with place.start(image, tmpfs=TMP) as twin, till(place, image) as open_till:
        open_till.must_open()
        open_till.must_get_healthy()
        if not open_till.order(IMPOSSIBLE).begun():
            raise Wrong("The till does not take an order.", expected="it is begun", got="no answer")
        open_till.must_get_sick("The clerk stopped for good and nothing is answered any more")
        if (found := Till(twin, None).health(LONGER, "unhealthy")).status != "healthy":
            why = "A container with which nothing is wrong is called unhealthy, too."
            raise Wrong(why, expected="healthy", got=f"{found.status}; {found.failed}"[:300])


def busy(place, image):
    """The probes' results while seven orders are always before the next one."""
    with till(place, image) as open_till:
        open_till.must_open()
        open_till.must_get_healthy()
        over = threading.Event()
        with ThreadPoolExecutor(BUSY) as customers:
            try:
                for _ in range(BUSY):
                    customers.submit(open_till.comes_again, over)
                seen, until = {}, time.monotonic() + PROBES * SICK_WITHIN
                before = {probe.begun for probe in open_till.container.health().probes}
                while len(seen) <= PROBES and time.monotonic() < until:
                    found = open_till.container.health()
                    seen.update({probe.begun: probe for probe in found.probes if probe.begun not in before})
                    if failed := next((probe for probe in seen.values() if probe.exit_code != 0), None):
                        why = "Seven customers were before it, so /healthz took almost 2 s, and the probe failed."
                        raise Wrong(why, expected="exit status 0", got=str(failed)[:300])
                    time.sleep(0.1)
            finally:
                over.set()
    if len(seen) < 2:  # the first of them may have begun before
        raise Wrong("While the till was busy, nobody asked how it is.", expected="probes", got=str(len(seen)))


@pytest.fixture(scope="module")
def image(image_place, build_context, answers):
    """The answer, built in the project."""
    return image_place.build({**build_context, "Dockerfile": answers["image"]})


@pytest.fixture(scope="module")
def beside():
    """What takes long goes on while other checks are done."""
    with ThreadPoolExecutor(2) as workers:
        yield workers


@pytest.fixture(scope="module")
def hanging(beside, image_place, image):
    """`hang`, under way."""
    return beside.submit(hang, image_place, image)


@pytest.fixture(scope="module")
def kept_busy(beside, image_place, image):
    """`busy`, under way."""
    return beside.submit(busy, image_place, image)


@pytest.fixture(scope="module")
def stop(image_place, image):
    """A stop with orders in flight."""
    return stopped(image_place, image)


def must_serve(place, image, shop, *argv, cents=500, **environment):
    """Raises Wrong unless it opens with these words, and takes an order for two coffees."""
    with till(place, image, *argv, **environment) as open_till:
        said = open_till.must_open()
        if said != f"the till of {shop}":
            why = "What stands after the image's name does not reach the till as it stands."
            raise Wrong(why, expected=f"the till of {shop}", got=said[:300])
        got = open_till.order().answer()
        if got.body != f"{shop}: {cents} cents":
            raise Wrong(
                "The till does not take an order for two coffees.",
                expected=f"{shop}: {cents} cents",
                got=(got.body or got.error)[:300],
            )


def must_not_open(place, image, status):
    """Raises Wrong unless a price list that cannot be made ends the container with the status of what makes it."""
    ran = place.run(image, environment={"PRICES": ""}, tmpfs=TMP, seconds=15)
    if ran.timed_out or "open" in ran.stdout.split():
        raise Wrong(
            "There were no prices, and the till opened all the same.",
            expected=f"exit status {status}",
            got=ran.stdout[-200:] or "it runs",
        )
    if ran.exit_code != status:
        why = "There were no prices, and the container's exit status does not say so."
        raise Wrong(why, expected=str(status), got=str(ran.exit_code))


@answer("start")
@points(1)
@keeps("opens")
@hint("Which two programs must run, in which order? Where did the Dockerfile put them, and the script?")
def test_opens(image_place, image, hanging, kept_busy):
    """`docker run` on the image makes the price list and opens the till."""
    must_serve(image_place, image, "Corner")


@answer("start")
@points(1)
@keeps("arguments")
@after("test_opens")
@hint(
    "Words after the image's name are added to ENTRYPOINT, and take CMD's place. Do they reach your script?",
    'What is the difference between $@ and "$@"?',
)
def test_hands_arguments_on(image_place, image):
    """What stands after the image's name in `docker run` reaches the till as it stands."""
    must_serve(image_place, image, "Bergen  Süd", "--shop", "Bergen  Süd")


@answer("start")
@points(1)
@keeps("failure")
@after("test_opens")
@hint("A shell goes on after a command that failed. What tells it not to?")
def test_opens_with_prices_only(image_place, image):
    """Where no price list can be made, the till is not opened, and the container ends with the status of `prices.py`."""
    must_not_open(image_place, image, 3)


@answer("start")
@points(2)
@keeps("stops")
@after("test_opens")
@hint(
    "Which process is number 1 in the container? Only that one gets the signal.",
    "A shell that waits for a program passes no signal on to it. How can the program take the shell's place?",
)
def test_stops_in_time(stop, note):
    """`docker stop` ends the container within 2 s, with status 0."""
    note(
        "stop",
        {"seconds": stop.ended.seconds, "exit": stop.ended.exit_code, "answered": stop.answered, "begun": stop.begun},
    )
    stop.must_be_soon()


@answer("start")
@points(1)
@keeps("in-flight")
@after("test_stops_in_time")
@hint("The till answers what it has begun, if it is given the time. Who ends first, it or what started it?")
def test_answers_what_it_has_begun(stop):
    """Orders that were begun before that are answered, and the receipts are handed over."""
    stop.must_answer(500)


@answer("image")
@points(1)
@keeps("healthy")
@hint(
    "HEALTHCHECK's command runs in the container. The image has no curl; what has it that can ask for a page?",
    "The first probe is done when one interval is over, and an interval is 30 s where you say nothing.",
)
def test_is_called_healthy(image_place, image, hanging, kept_busy):
    """Ten seconds after it has opened, the container is called healthy."""
    with till(image_place, image) as open_till:
        open_till.must_open()
        open_till.must_get_healthy()


@answer("image")
@points(2)
@keeps("hangs")
@after("test_is_called_healthy")
@hint(
    "Which question does a till answer whose clerk is gone? The kernel takes connections for it, and its threads still say who they are.",
    "A question that is never answered ends with the time limit. How many of these do you wait for, and how long in all?",
)
def test_a_hang_is_seen(hanging):
    """Fifteen seconds after the till stopped answering, the container is called unhealthy."""
    hanging.result()


@answer("image")
@points(2)
@keeps("busy")
@after("test_a_hang_is_seen")
@hint("How long may an answer take that is on its way? Look at each time limit: of the command, and of HEALTHCHECK.")
def test_busy_is_not_sick(kept_busy):
    """While seven orders are before each new one, no probe fails."""
    kept_busy.result()
