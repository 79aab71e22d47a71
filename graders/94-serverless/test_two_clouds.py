"""Checks of two-clouds: the core where there is no cloud, and each adapter around a core of the course, which tells what it was given."""

import itertools
import json
import secrets
import time

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, answer, hint, keeps, points
from labkit.kinds.function.calls import GRADED, WARM, Handler, deploy, returned, short
from labkit.kinds.function.calls import why as why_on_lambda
from labkit.kinds.function.outside import Outside
from labkit.kinds.function_part.calls import Service, replied, served
from labkit.kinds.function_part.calls import why as why_on_http
from labkit.services.functions.cloudevents import CloudEvent, binary, structured

PRICES = {"10x15": 19, "13x18": 29, "20x30": 149}
LIMIT, ANOTHER = 60.0, 25.0  # seconds
SLACK = 0.03  # seconds that two clocks may differ
ENOUGH = 1000.0  # seconds left
BINARY, STRUCTURED = "An event in binary mode.", "An event in structured mode."

# Stands in the place of the core while an adapter is judged, and tells what it was given.
PROBE = """
import time


class Refused(Exception):
    pass


class OutOfPaper(Exception):
    pass


def handle(event, ledger, seconds_left):
    data = event["data"]
    do = data.get("do") if isinstance(data, dict) else None
    if do == "refuse":
        raise Refused(data["why"])
    if do == "fail":
        raise OutOfPaper(data["why"])
    if do == "print":
        ledger.print(data["key"], "a photo", 1)
    if do == "wait":
        since, left = time.monotonic(), [seconds_left()]
        begun = time.monotonic()
        time.sleep(0.15)  # what is measured is how much less is left then
        ended = time.monotonic()
        left.append(seconds_left())
        return {"left": left, "least": ended - begun, "most": time.monotonic() - since}
    return {"event": event, "sum": TOKEN}
"""
TOKEN = secrets.randbelow(900) + 100  # who answers with it has called the core
PROBE = f"TOKEN = {TOKEN}\n{PROBE}"


def order(name, size="10x15", photos=(("sea", 2), ("dunes", 1)), seconds=1.0):
    """The data of an order."""
    listed = [{"photo": photo, "copies": copies, "seconds": seconds} for photo, copies in photos]
    return {"order": name, "size": size, "photos": listed}


def answer_to(data):
    """What the order comes to."""
    copies = sum(photo["copies"] for photo in data["photos"])
    cents = copies * PRICES[data["size"]]
    return {"order": data["order"], "copies": copies, "cents": cents * 9 // 10 if copies >= 100 else cents}


_numbers = itertools.count(1)


def event(data, id=None, source="shop.web", type="prints.ordered"):
    """A business event, as the core gets it."""
    return {"id": id or f"e-{next(_numbers):04}", "source": source, "type": type, "data": data}


def on_eventbridge(told):
    """The event as EventBridge gives it to a function."""
    about = {"version": "0", "account": "000000000000", "region": "eu-central-1", "resources": []}
    about |= {"time": "2026-10-05T07:00:00Z", "id": told["id"], "source": told["source"]}
    return {**about, "detail-type": told["type"], "detail": told["data"]}


def as_cloudevent(told):
    """The event as a CloudEvent."""
    return CloudEvent(told["id"], told["source"], told["type"], told["data"], {"time": "2026-10-05T07:00:00Z"})


# The core


class Alone:
    """The core in a process that has no cloud."""

    def __init__(self, space, files, text):
        self._service = Service(space.deploy("alone", {**files, "core.py": text}, served("alone")))
        self._ledgers = itertools.count(1)

    def play(self, told, left=ENOUGH, takes=(), ledger=None):
        """Gives it an event. What came of it, with what its ledger holds afterwards."""
        asks = {"event": told, "left": left, "takes": dict(takes), "ledger": ledger or self.ledger()}
        request = {"headers": {"Content-Type": "application/json"}, "body": json.dumps(asks)}
        (result,) = self._service.ask(request)
        came = replied(result).data
        if not isinstance(came, dict) or "broken" in came:
            raise AnswerError(
                came["broken"] if isinstance(came, dict) else "The core's process tells nothing that can be read."
            )
        return came

    def ledger(self):
        """The name of an empty one."""
        return f"ledger-{next(self._ledgers)}"

    def answered(self, told, **more):
        """As `play`. Raises AnswerError where it gave no answer."""
        came = self.play(told, **more)
        if "answer" not in came:
            said = came.get("error") or f"Refused: {came.get('refused')}"
            raise AnswerError(f"The event {told['id']} was not answered. {said}")
        return came


@pytest.fixture(scope="module")
def alone(space, files, answers):
    """The answer `core` where there is no cloud."""
    return Alone(space, files, answers["core"])


def prints(came):
    """What was printed: (photo, copies)."""
    return [(photo, copies) for _, photo, copies in came["prints"]]


@answer("core")
@points(2)
@keeps("prints", "price")
@hint(
    "What does September's function do with an order? The event of the core has other names: `data` instead of `detail`.",
    "`ledger.print(key, photo, copies)` for each photo. Copies are summed over all photos, and the price depends on that sum.",
)
def test_prints_an_order(alone):
    """The core prints each photo of an order, and answers with order, copies and cents."""
    orders = [
        order("o-1"),
        order("o-2", "13x18", [("a", 99)]),
        order("o-3", "13x18", [("a", 60), ("b", 40)]),
        order("o-4", "20x30", [("a", 1), ("b", 102), ("c", 4)]),
    ]
    for data in orders:
        came = alone.answered(event(data))
        if came["answer"] != answer_to(data):
            copies = answer_to(data)["copies"]
            said = f"An order of {copies} copies, {data['size']}, was answered otherwise."
            raise Wrong(said, expected=answer_to(data), got=short(came["answer"]))
        if prints(came) != (listed := [(photo["photo"], photo["copies"]) for photo in data["photos"]]):
            raise Wrong("Something else was printed.", expected=listed, got=short(prints(came)))


@answer("core")
@points(2)
@keeps("no-cloud")
@after("test_prints_an_order")
@hint(
    "Look at the list: which of it could the adapter find out, and hand over?",
    "The core needs an event, a ledger and the seconds that are left. It gets all three.",
)
def test_asks_no_provider(alone):
    """The core asks for nothing that only a provider has: no variable of the environment, no module of a platform."""
    for told in (event(order("o-1")), event(order("o-2", "1x1"))):
        if asked := alone.play(told)["asked"]:
            raise Wrong("This is left of the provider in your core.", expected="nothing", got=", ".join(asked)[:300])


@answer("core")
@points(2)
@keeps("once")
@after("test_prints_an_order")
@hint(
    "What names an event, on both platforms? Take that as the key of the ledger.",
    "Look for the answer under the key before you print, and remember it afterwards.",
)
def test_each_event_once(alone):
    """An event that comes again prints nothing, and gets the same answer; another event is printed."""
    ledger, first = alone.ledger(), event(order("o-1"), id="1")
    before = alone.answered(first, ledger=ledger)
    again = alone.answered(first, ledger=ledger)
    if prints(again) != prints(before):
        raise Wrong("The same event came again.", expected="nothing more is printed", got=_more(again, before))
    if again["answer"] != before["answer"]:
        raise Wrong("The same event came again.", expected=before["answer"], got=short(again["answer"]))
    for what, told in {
        "Another event with an equal order came.": event(order("o-1"), id="2"),
        "An event with the same id came from another source.": event(order("o-9"), id="1", source="shop.app"),
    }.items():
        came = alone.answered(told, ledger=ledger)
        if len(came["prints"]) != len(again["prints"]) + 2:
            raise Wrong(what, expected="its two photos are printed", got=_more(came, again))
        again = came


def _more(came, before):
    more = prints(came)[len(before["prints"]) :]
    return f"{len(more)} photos" if more else "nothing is printed"


@answer("core")
@points(1)
@keeps("refuse")
@after("test_prints_an_order")
@hint(
    "How shall an adapter know that trying again is of no use? It can only see which exception it is.",
    "Look at the order before anything is printed, and `raise Refused(...)`.",
)
def test_refuses_what_can_never_succeed(alone):
    """An event that can never succeed raises Refused, and nothing is printed."""
    for what, told in {
        "Its type is prints.cancelled": event(order("o-1"), type="prints.cancelled"),
        "Its size is 9x9": event(order("o-1", "9x9")),
        "It has no photos": event(order("o-1", photos=())),
    }.items():
        must_refuse(alone, told, what)


def must_refuse(alone, told, what):
    """Raises Wrong unless the core refuses the event."""
    came = alone.play(told)
    if "refused" not in came:
        got = (
            f"the answer {came['answer']}"
            if "answer" in came
            else f"{came.get('error')}: it would come again, and again"
        )
        raise Wrong(f"{what}.", expected="Refused", got=short(got))
    if came["prints"]:
        raise Wrong(f"{what}.", expected="nothing is printed", got=short(prints(came)))


@answer("core")
@points(2)
@keeps("time")
@after("test_each_event_once")
@hint(
    "When does the core look at `seconds_left()`: once for an order, or before each photo?",
    "What is printed already when the event comes again? `ledger.printed(key)` says it.",
)
def test_stops_in_time(alone):
    """A photo is begun only if its seconds and one more are left. Else the event fails, and when it comes again it goes on from there."""
    photos = [("a", 1), ("b", 2), ("c", 3)]
    data, takes = order("o-1", photos=photos, seconds=4.0), dict.fromkeys("abc", 4.0)
    ledger, told = alone.ledger(), event(data)
    came = alone.play(told, left=10.0, takes=takes, ledger=ledger)
    what = "10 s were left, and three photos take 4 s each: after two of them 2 s are left."
    must_stop(came, what, photos[:2])
    came = alone.play(told, left=10.0, takes=takes, ledger=ledger)
    if "answer" not in came or prints(came) != photos:
        got = short(prints(came)) if "answer" in came else came.get("error") or f"Refused: {came.get('refused')}"
        raise Wrong(f"{what} The event came again, with 10 s.", expected=f"printed in all: {photos}", got=got)
    if came["answer"] != answer_to(data):
        raise Wrong("It was printed in two attempts.", expected=answer_to(data), got=short(came["answer"]))


def must_stop(came, what, photos):
    """Raises Wrong unless an event failed for want of time, after these photos."""
    if prints(came) != photos:
        raise Wrong(what, expected=f"printed: {photos}", got=short(prints(came)))
    if "error" not in came:
        got = (
            f"the answer {came['answer']}: it counts as done" if "answer" in came else "Refused: nobody tries it again"
        )
        raise Wrong(what, expected="an error, so that it comes again", got=short(got))


# The adapters


class Desk:
    """Where adapters are deployed, with a way to the database."""

    def __init__(self, space, files, database, way):
        self.space, self.files, self.way = space, files, way
        self._session = database.connect()

    def on_lambda(self, text, core=PROBE, seconds=LIMIT, name="on-lambda"):
        """An adapter for Lambda around a core."""
        settings = self.way.reached_by(WARM)
        more = {**settings.__dict__, "timeout": seconds, "retry_after": (0.01,)}
        return Handler(deploy(self.space, text, {**self.files, "core.py": core}, type(settings)(**more), name=name))

    def on_http(self, text, core=PROBE, seconds=LIMIT, name="on-http"):
        """An adapter for CloudEvents over HTTP around a core."""
        settings = served("service", seconds, self.way.reached_by(GRADED))
        settings = type(settings)(**{**settings.__dict__, "retry_after": (0.01,)})
        return Service(self.space.deploy(name, {**self.files, "core.py": core, "service.py": text}, settings))

    def rows(self, query, *values):
        """What a query gives."""
        return self._session.execute(query, values).fetchall()

    def close(self):
        """Ends its session."""
        self._session.close()


@pytest.fixture(scope="module")
def desk(platform, space, database, files):
    """Where adapters are deployed."""
    with Outside(platform, database) as way:
        desk = Desk(space, files, database, way)
        yield desk
        desk.close()


@pytest.fixture(scope="module")
def on_lambda(desk, answers):
    """The adapter for Lambda, around the course's core."""
    return desk.on_lambda(answers["on_lambda"])


@pytest.fixture(scope="module")
def on_http(desk, answers):
    """The adapter for CloudEvents over HTTP, around the course's core."""
    return desk.on_http(answers["on_http"])


def must_hand_over(told, given, how):
    """Raises Wrong unless a core was given this event, and its answer came back."""
    if not isinstance(given, dict) or given.get("sum") != TOKEN:
        said = f"{how} The core answered {{'event': …, 'sum': {TOKEN}}}, and something else came back."
        raise Wrong(said, expected="the core's answer", got=short(given))
    got = given.get("event")
    for name in ("id", "source", "type", "data"):
        if not isinstance(got, dict) or got.get(name) != told[name]:
            value = got.get(name, f"no {name}") if isinstance(got, dict) else got
            raise Wrong(
                f"{how} The core was given something else as `{name}`.", expected=short(told[name]), got=short(value)
            )
    if more := sorted(set(got) - set(told)):
        raise Wrong(
            f"{how} The core was given more than four names.", expected="id, source, type, data", got=", ".join(more)
        )


def must_tell_time(given, limit, took, how):
    """Raises Wrong unless the core was told what is left of a time limit, in seconds, each time it asked."""
    if not (isinstance(given, dict) and isinstance(given.get("left"), list) and len(given["left"]) == 2):
        raise Wrong(
            f"{how} The core asked for the time, and its answer did not come back.",
            expected="its answer",
            got=short(given),
        )
    first, second = given["left"]
    if not all(isinstance(value, int | float) for value in (first, second)):
        raise Wrong(f"{how}", expected="seconds_left() gives a number", got=short(given["left"]))
    gone = took - given["most"]  # between the event and the question at most so much
    if not limit - gone - SLACK <= first <= limit + SLACK:
        said = f"{how} The time limit is {limit:g} s, and the core asked as soon as it was called."
        raise Wrong(said, expected=f"a little less than {limit:g}", got=f"{first:.1f}")
    if not given["least"] - SLACK <= first - second <= given["most"] + SLACK:
        said = f"{how} The core asked, worked for 0.15 s, and asked again."
        raise Wrong(said, expected="some 0.15 s less", got=f"{first - second:.2f} s less")


@answer("on_lambda")
@points(2)
@keeps("lambda-event", "lambda-answer")
@hint(
    "Print an event. Which of its names is the type, and which holds the data?",
    "The core gets four names. What else EventBridge sends is not its business.",
)
def test_lambda_hands_the_event_over(desk, on_lambda):
    """On Lambda the core gets id, source, type and data of EventBridge's event, with a ledger, and its answer is returned."""
    for told in (
        event(order("o-1")),
        event({"do": "nothing", "detail": {"id": 7}}, type="meters.read", source="cellar"),
    ):
        must_hand_over(told, on_lambda.values(on_eventbridge(told))[0], "On Lambda.")
    key = f"key-{next(_numbers)}"
    on_lambda.values(on_eventbridge(event({"do": "print", "key": key})))
    must_have_printed(desk, key)


def must_have_printed(desk, key):
    """Raises Wrong unless the core could print."""
    if (rows := desk.rows("SELECT count(*)::int FROM prints WHERE key = %s", key)[0][0]) != 1:
        said = "The core called ledger.print once, and the database should have it."
        raise Wrong(said, expected="1 row in `prints`", got=f"{rows} rows")


@answer("on_lambda")
@points(1)
@keeps("lambda-time")
@after("test_lambda_hands_the_event_over")
@hint("What does the context give, and in which unit? The core asks when it wants to know: hand over a function.")
def test_lambda_tells_the_time(on_lambda):
    """On Lambda `seconds_left()` is what is left of the function's time limit, in seconds, whenever the core asks."""
    must_tell_time(*timed(lambda told: on_lambda.values(on_eventbridge(told))[0], LIMIT), "On Lambda.")


def timed(ask, limit):
    """What a core was told of the time, the limit, and how long all of it took."""
    began = time.monotonic()
    given = ask(event({"do": "wait"}))
    return given, limit, time.monotonic() - began


@answer("on_lambda")
@points(1)
@keeps("lambda-again")
@after("test_lambda_hands_the_event_over")
@hint("What makes Lambda try an event again? And what if the handler catches everything?")
def test_lambda_tries_again(on_lambda):
    """On Lambda an event that failed in the core has failed: it is tried three times, and is a dead letter then."""
    must_come_again(
        on_lambda.function, on_eventbridge(event({"do": "fail", "why": "out of paper"})), "On Lambda. ", "an error"
    )


def queued(function, request):
    """Queues an event, and waits. How often it was tried, and its dead letter, if there is one."""
    (taken,) = function.invoke_async(request)
    letters = [letter for letter in function.drained() if letter.request_id == taken.request_id]
    return sum(report.request_id == taken.request_id for report in function.history().reports), letters


def must_come_again(function, request, where, by):
    """Raises Wrong unless an event that fails is tried three times."""
    tried, letters = queued(function, request)
    said = f"{where}The core raised OutOfPaper, which is no Refused. Later there may be paper."
    if not letters:
        raise Wrong(said, expected=f"{by}: the event comes again", got="the event counts as done")
    if tried != 3:
        told = f"given up after {tried} attempt, by {letters[0].error_code}"
        raise Wrong(said, expected=f"{by}: it is tried 3 times", got=told)


@answer("on_lambda")
@points(2)
@keeps("lambda-refused")
@after("test_lambda_hands_the_event_over")
@hint(
    "Lambda has no error that says: do not try this again. So how must the handler end?",
    "The event must not get lost, either. The ledger has a method for that.",
)
def test_lambda_keeps_what_was_refused(desk, on_lambda):
    """On Lambda an event that the core refused is put down in `refused`, once, and is not tried again."""
    told = event({"do": "refuse", "why": "no such size: 9x9"})
    tried, letters = queued(on_lambda.function, on_eventbridge(told))
    said = "On Lambda. The core refused an event: it can never succeed."
    if letters or tried != 1:
        got = f"{tried} attempts. {letters[0].error_message[:100]}" if letters else f"{tried} attempts"
        raise Wrong(said, expected="1 attempt, and no error", got=got)
    rows = desk.rows("SELECT source, id, why FROM refused WHERE id = %s LIMIT 5", told["id"])
    if rows != [(told["source"], told["id"], "no such size: 9x9")]:
        expected = f"one row in `refused`: {told['source']}, {told['id']}, no such size: 9x9"
        raise Wrong(said, expected=expected, got=short(rows) if rows else "no row")
    (result,) = on_lambda.invoke(on_eventbridge(event({"do": "refuse", "why": "no photos"})))
    if (got := returned(result, told)) != {"refused": "no photos"}:
        raise Wrong(said, expected={"refused": "no photos"}, got=short(got))


def asked(on_http, request, how=""):
    """The data that a service answered with. Raises AnswerError, which begins with `how`, where it answered otherwise."""
    (result,) = on_http.ask(request)
    try:
        return replied(result).data
    except AnswerError as error:
        raise AnswerError(f"{how} {error}".strip()) from None


@answer("on_http")
@points(2)
@keeps("modes", "reply")
@hint(
    "In binary mode the attributes are headers, `ce-id` and so on, and the body is the data.",
    "Look at the status that came to the broker. What may stand in the body of an answer?",
)
def test_http_binary_mode(desk, on_http):
    """Over HTTP the core gets id, source, type and data of a CloudEvent in binary mode, and its answer is the data of the CloudEvent that is replied."""
    for told in (event(order("o-1")), event({"do": "nothing", "data": {"id": 7}}, type="meters.read", source="cellar")):
        must_hand_over(told, asked(on_http, binary(as_cloudevent(told)), BINARY), BINARY)
    key = f"key-{next(_numbers)}"
    asked(on_http, binary(as_cloudevent(event({"do": "print", "key": key}))))
    must_have_printed(desk, key)


@answer("on_http")
@points(2)
@keeps("modes")
@after("test_http_binary_mode")
@hint("In structured mode there is one header that tells, and all of the event is in the body.")
def test_http_structured_mode(on_http):
    """A CloudEvent in structured mode reaches the core just the same."""
    for told in (event(order("o-1")), event({"do": "nothing", "data": {"id": 7}}, type="meters.read", source="cellar")):
        must_hand_over(told, asked(on_http, structured(as_cloudevent(told)), STRUCTURED), STRUCTURED)


@answer("on_http")
@points(2)
@keeps("http-time")
@after("test_http_binary_mode")
@hint(
    "Nobody hands a context over. Where does the limit stand, and since when does the time run?",
    "Note the time when a request comes. `time.monotonic()` is the clock for durations.",
)
def test_http_tells_the_time(on_http):
    """Over HTTP `seconds_left()` is what is left of $TIME_LIMIT, in seconds, counted from this request."""
    for number in ("first", "second", "third"):
        how = f"Over HTTP, the {number} time."
        must_tell_time(*timed(lambda told: asked(on_http, binary(as_cloudevent(told))), LIMIT), how)


@answer("on_http")
@points(2)
@keeps("http-again")
@after("test_http_binary_mode")
@hint("Which statuses does Knative try again? And does your server live on after an exception?")
def test_http_tries_again(on_http):
    """Over HTTP an event that failed in the core is answered such that it comes again, three times, and the service goes on."""
    request = binary(as_cloudevent(event({"do": "fail", "why": "out of paper"})))
    (result,) = on_http.ask(request)
    if result.headers == {}:
        said = f"The core raised OutOfPaper, which is no Refused, and the service gave no answer at all: {why_on_http(result)}."
        raise Wrong(said, expected="a status that Knative tries again", got="no status")
    must_come_again(on_http.function, request, "Over HTTP. ", "a status that Knative tries again")


@answer("on_http")
@points(2)
@keeps("http-refused")
@after("test_http_binary_mode")
@hint(
    "The broker must learn that trying again is of no use. Which statuses tell it?",
    "Not each 4xx does: four of them come again. The table of statuses has them.",
)
def test_http_gives_up_what_was_refused(on_http):
    """Over HTTP an event that the core refused is given up after one attempt, and is a dead letter."""
    request = binary(as_cloudevent(event({"do": "refuse", "why": "no such size: 9x9"})))
    must_be_given_up(on_http, request, "The core refused an event: it can never succeed.")


def must_be_given_up(on_http, request, said):
    """Raises Wrong unless an event is a dead letter after one attempt."""
    on_http.must_listen(binary(as_cloudevent(event({"do": "nothing"}))))
    tried, letters = queued(on_http.function, request)
    if not letters:
        got = "a success: nobody would ever look at it"
        raise Wrong(said, expected="a status by which the broker gives it up", got=got)
    if tried != 1:
        raise Wrong(said, expected="1 attempt, then a dead letter", got=f"{letters[0].error_code}: {tried} attempts")


@answer("on_http")
@points(1)
@keeps("no-event")
@after("test_http_binary_mode")
@hint("What does your code do if there is no `ce-id`? And if the body is no JSON?")
def test_http_refuses_what_is_no_event(on_http):
    """A request that is no CloudEvent is given up after one attempt, too."""
    for what, request in no_events(event(order("o-1"))).items():
        must_be_given_up(on_http, request, f"A request was no CloudEvent: {what}.")


def no_events(told):
    """Requests that are no CloudEvents, by what is wrong with them."""
    plain = binary(as_cloudevent(told))
    without = {name: value for name, value in plain["headers"].items() if name != "ce-id"}
    return {
        "it has no header ce-id": {**plain, "headers": without},
        "its body is no JSON": {**plain, "body": "{"},
        "it has a JSON body and no header ce-…": {"headers": {"Content-Type": "application/json"}, "body": "{}"},
    }
