"""Hidden checks of two-clouds: names, times and orders at their edges, headers as others spell them, and the same events on both clouds."""

import json

from test_two_clouds import (
    ANOTHER,
    Alone,
    alone,
    answer_to,
    as_cloudevent,
    asked,
    desk,
    event,
    must_be_given_up,
    must_hand_over,
    must_refuse,
    must_stop,
    must_tell_time,
    on_eventbridge,
    on_http,
    on_lambda,
    order,
    prints,
    queued,
    timed,
)

from labkit.checking.checks import AnswerError, Wrong, after, answer, keeps, points, review
from labkit.kinds.function.calls import short
from labkit.kinds.function.calls import why as why_on_lambda
from labkit.kinds.function_part.calls import replied
from labkit.kinds.function_part.calls import why as why_on_http
from labkit.services.functions.cloudevents import CloudEvent, binary, structured


@answer("core")
@points(1)
@keeps("once")
@after("test_each_event_once")
@review("What names an event: two texts. And what becomes of two texts that are written one behind the other.")
def test_two_texts_are_a_name(alone):
    """Source and id together name an event, whatever characters are in them."""
    names = [
        ("shop", "1-2"),
        ("shop-1", "2"),
        ("shop1", "-2"),
        ("shop 1", "2"),
        ("shop", "1 2"),
        ("shop/1", "2"),
        ("shop", "1/2"),
    ]
    names += [("shop:1", "2"), ("shop", "1:2"), ("shop|1", "2"), ("shop", "1|2"), ("shop#1", "2"), ("shop", "1#2")]
    names += [
        ("shop, 1", "2"),
        ("shop", "1, 2"),
        ("shop_1", "2"),
        ("shop", "1_2"),
        ("shop", ""),
        ("", "shop"),
        ("Shop", "1-2"),
    ]
    ledger = alone.ledger()
    for number, (source, id) in enumerate(names, 1):
        told = {**event(order(f"o-{number}")), "source": source, "id": id}
        came = alone.answered(told, ledger=ledger)
        if len(came["prints"]) != 2 * number:
            other = next((s, i) for s, i in names[: number - 1] if i != id or s != source)
            said = f"Source {source!r} with id {id!r} counts as an event that was there, as {other[0]!r} with {other[1]!r} was."
            raise Wrong(said, expected="another event, which is printed", got="nothing is printed")


@answer("core")
@points(1)
@keeps("refuse")
@after("test_refuses_what_can_never_succeed")
@review("All the ways in which data can be no order.")
def test_refuses_every_broken_order(alone):
    """Data that is no order with its three names raises Refused."""
    whole = order("o-1")
    for name in whole:
        must_refuse(
            alone, event({key: value for key, value in whole.items() if key != name}), f"The data has no `{name}`"
        )
    for data in (None, [], "an order", 7, {}):
        must_refuse(alone, event(data), f"The data is {short(data)!r}")


@answer("core")
@points(1)
@keeps("time", "prints")
@after("test_stops_in_time")
@review("Both sides of the boundary, and which photo it is that must fit.")
def test_just_enough_time(alone):
    """With exactly the photo's seconds and one more it is begun, with less it is not, and photos are printed in their order."""
    one = event(order("o-1", photos=[("a", 1)], seconds=4.0))
    came = alone.play(one, left=5.0)
    if prints(came) != [("a", 1)]:
        raise Wrong(
            "5 s were left, and the photo takes 4 s.",
            expected="it is printed",
            got=came.get("error") or "nothing is printed",
        )
    must_stop(alone.play(one, left=4.9), "4.9 s were left, and the photo takes 4 s.", [])
    data = order("o-2", photos=[("long", 1), ("short", 1)])
    data["photos"][0]["seconds"], data["photos"][1]["seconds"] = 8.0, 1.0
    must_stop(alone.play(event(data), left=6.0), "6 s were left. The first photo takes 8 s, the second 1 s.", [])


@answer("on_lambda")
@points(1)
@keeps("lambda-time")
@after("test_lambda_tells_the_time")
@review("Who knows a function's time limit, and who may change it.")
def test_lambda_with_another_limit(desk, answers):
    """With another time limit the core is told what is left of that one."""
    handler = desk.on_lambda(answers["on_lambda"], seconds=ANOTHER, name="lambda-short")
    must_tell_time(
        *timed(lambda told: handler.values(on_eventbridge(told))[0], ANOTHER), "On Lambda, with another limit."
    )


@answer("on_lambda")
@points(1)
@keeps("lambda-event", "lambda-answer")
@after("test_lambda_hands_the_event_over", "test_lambda_tries_again")
@review("Whether an adapter needs to know what is in the data.")
def test_lambda_with_any_data(on_lambda):
    """The data may be any JSON value, and an event after one that failed is handed over like the first."""
    for data in (None, [1, "ü"], "text", 0, {"size": "ä"}):
        on_lambda.invoke(on_eventbridge(event({"do": "fail", "why": "out of paper"})))
        told = event(data)
        must_hand_over(told, on_lambda.values(on_eventbridge(told))[0], "On Lambda.")


@answer("on_http")
@points(2)
@keeps("headers")
@after("test_http_structured_mode")
@review("What HTTP says of the names of headers and of media types, and CloudEvents of the values of headers.")
def test_headers_as_others_spell_them(on_http):
    """Names of headers and media types come in large and small letters, and values of ce- headers are percent-encoded."""
    told = event({"do": "nothing"})
    for spelled in (str.upper, str.lower, str.title):
        for mode in (binary, structured):
            request = mode(as_cloudevent(told))
            request["headers"] = {spelled(name): value for name, value in request["headers"].items()}
            how = f"An event in {mode.__name__} mode, with the header {spelled('content-type')} and others in such letters."
            must_hand_over(told, asked(on_http, request, how), how)
    request = structured(as_cloudevent(told))
    for value in ("Application/CloudEvents+JSON", "application/cloudevents+json;charset=UTF-8"):
        how = f"An event in structured mode, with Content-Type: {value}."
        must_hand_over(told, asked(on_http, {**request, "headers": {"Content-Type": value}}, how), how)
    odd = event({"do": "nothing"}, id="Bestellung 7+1 zu 100%20 für Zoë", source="laden/münchen")
    for mode in (structured, binary):
        how = f"An event in {mode.__name__} mode, with spaces and umlauts in its id and source."
        must_hand_over(odd, asked(on_http, mode(as_cloudevent(odd)), how), how)


@answer("on_http")
@points(2)
@keeps("reply", "reply-name")
@after("test_http_structured_mode")
@review("What names the event that you reply with, and what its receivers do when it comes twice.")
def test_name_of_the_reply(on_http):
    """The reply is an event with a name of its own, the same one when the same event comes again, and of type prints.done."""
    first, second = event(order("o-1"), id="7"), event(order("o-1"), id="7", source="shop.app")
    replies = [
        replied(on_http.ask(mode(as_cloudevent(told)))[0]) for told in (first, second) for mode in (binary, structured)
    ]
    names = [(reply.source, reply.id) for reply in replies]
    if names[0] != names[1]:
        said = "The same event came twice, and the replies are two events: their receivers act twice."
        other = "source" if names[0][0] != names[1][0] else "id"
        raise Wrong(said, expected="the same source and id", got=f"another {other}")
    if names[0] == names[2]:
        said = "Two events came, and their replies have one name: their receivers drop the second one."
        raise Wrong(said, expected="another source or another id", got=_name(names[2]))
    if names[0] == (first["source"], first["id"]):
        raise Wrong(
            "The reply has the name of the event that it replies to.", expected="a name of its own", got=_name(names[0])
        )
    if replies[0].type != "prints.done":
        raise Wrong("The type of the reply decides who gets it.", expected="prints.done", got=short(replies[0].type))


def _name(pair):
    return f"source {short(pair[0])}, id {short(pair[1])}"


@answer("on_http")
@points(1)
@keeps("http-time")
@after("test_http_tells_the_time")
@review("Where the service's time limit stands.")
def test_http_with_another_limit(desk, answers):
    """With another $TIME_LIMIT the core is told what is left of that one."""
    service = desk.on_http(answers["on_http"], seconds=ANOTHER, name="http-short")
    must_tell_time(
        *timed(lambda told: asked(service, binary(as_cloudevent(told))), ANOTHER), "Over HTTP, with another limit."
    )


@answer("on_http")
@points(1)
@keeps("no-event")
@after("test_http_refuses_what_is_no_event")
@review("Which attributes each CloudEvent has, in both modes.")
def test_more_that_is_no_event(on_http):
    """Requests without one of the four required attributes, in either mode, and bodies that are no event are given up after one attempt."""
    told = event({"do": "nothing"})
    for name in ("specversion", "id", "source", "type"):
        request = binary(as_cloudevent(told))
        del request["headers"][f"ce-{name}"]
        must_be_given_up(on_http, request, f"In binary mode, a request has no ce-{name}.")
        request = structured(CloudEvent("", "", "", None))
        whole = {key: value for key, value in {**as_cloudevent(told).attributes, "data": {}}.items() if key != name}
        must_be_given_up(
            on_http, {**request, "body": json.dumps(whole)}, f"In structured mode, the event has no {name}."
        )
    for body in ("[]", "null", "7", "no JSON", ""):
        must_be_given_up(on_http, {**request, "body": body}, f"In structured mode, the body is {body!r}.")


@answer("on_http")
@points(3)
@keeps("both")
@after("test_headers_as_others_spell_them", "test_http_tries_again", "test_http_gives_up_what_was_refused")
@review("All three parts together: what names an event on each platform, and what your core makes of it.")
def test_the_same_events_on_both_clouds(desk, answers):
    """With your core and both adapters, the same events come to the same on both clouds, and an event that both get is printed once."""
    handler = desk.on_lambda(answers["on_lambda"], answers["core"], name="both-lambda")
    service = desk.on_http(answers["on_http"], answers["core"], name="both-http")
    clouds = {
        "Lambda": lambda told: _from_lambda(handler, told),
        "HTTP, binary": lambda told: _from_http(service, binary(as_cloudevent(told))),
        "HTTP, structured": lambda told: _from_http(service, structured(as_cloudevent(told))),
    }
    printed = 0
    for number, first in enumerate(clouds):
        for data in (order(f"both-{number}"), order(f"many-{number}", "20x30", [("a", 99), ("b", 2)])):
            told = event(data, id=f"both {number} für {data['order']}")
            for name in [first, *(name for name in clouds if name != first)]:
                got = clouds[name](told)
                if got != answer_to(data):
                    said = (
                        f"An event came to {first} first. Then to {name}:"
                        if name != first
                        else f"An event came to {name}."
                    )
                    raise Wrong(said, expected=answer_to(data), got=short(got))
            printed += len(data["photos"])
            if (rows := desk.rows("SELECT count(*)::int FROM prints WHERE photo <> 'a photo'")[0][0]) != printed:
                more = rows - printed + len(data["photos"])
                said = f"An event came to all clouds, to {first} first."
                raise Wrong(said, expected=f"{len(data['photos'])} photos are printed", got=f"{more} photos")
    _must_refuse_both(desk, handler, service)


def _must_refuse_both(desk, handler, service):
    bad = event(order("o-1", "9x9"))
    (_, on_lambda), (_, on_http) = (
        queued(handler.function, on_eventbridge(bad)),
        queued(service.function, binary(as_cloudevent(bad))),
    )
    kept = desk.rows("SELECT count(*)::int FROM refused WHERE id = %s", bad["id"])[0][0]
    if (kept, len(on_lambda), len(on_http), *(letter.attempts for letter in on_http)) != (1, 0, 1, 1):
        got = f"{kept} rows in `refused`, {len(on_lambda)} and {len(on_http)} dead letters"
        said = "An order of a size that there is not came to both clouds."
        raise Wrong(said, expected="1 row in `refused`, 0 and 1 dead letters, after one attempt each", got=got)


def _from_lambda(handler, told):
    (result,) = handler.invoke(on_eventbridge(told))
    return result.json() if result.ok else why_on_lambda(result)


def _from_http(service, request):
    (result,) = service.ask(request)
    try:
        return replied(result).data
    except AnswerError:
        return why_on_http(result)
