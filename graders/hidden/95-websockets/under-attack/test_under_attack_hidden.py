"""Hidden checks of under-attack: many at the same moment, requests that come to nothing, windows of time, and neighbours of an attacker."""

import asyncio
import secrets
import time

import pytest
from test_under_attack import (
    A_SECOND,
    AT_ONCE,
    OF_ADDRESS,
    OF_USER,
    PATIENCE,
    alone,
    claims_more,
    dialled,
    entered,
    hall,
    in_two_lines,
    must_be_closed,
    must_be_soon,
    name,
    new_address,
    play,
    siege,
    slow_handshakes,
)

from labkit.checking.checks import AnswerError, Wrong, after, keeps, points, review
from labkit.kinds.websocket.connection import Client, Refused, Silence


@pytest.fixture(scope="module")
def scenes(stage, sandbox, text, entered):
    """What takes seconds, begun together."""
    if isinstance(entered, AnswerError):
        return {}
    return {
        "handshakes": stage.begin(slow_handshakes(entered, trickle=True)),
        "siege": stage.begin(siege(sandbox, text, secrets.randbits(32), new_address())),
    }


@keeps("connections")
@after("test_limits_connections")
@points(2)
@review("what may happen between the moment in which you count and the moment in which you have counted")
def test_many_at_the_same_moment(hall, play):
    """Of thirty connections that a user asks for at the same moment three are opened, and ten of thirty of an address."""

    async def scene():
        for most, user, address in ((OF_USER, name("user"), ""), (OF_ADDRESS, "", new_address())):
            asking = []
            for _ in range(30):
                headers = [("X-User", user or name("user")), *alone(address or new_address())]
                asking.append(await Client.dial(hall.instance.path, "/", headers=headers))
            hall.clients += asking
            for client in asking:
                client.shake()
            opened = await asyncio.gather(*map(is_let_in, asking))
            if sum(opened) != most:
                who = "A user" if user else "An address"
                what = f"{who} asked for 30 connections at the same moment."
                raise Wrong(what, expected=f"{most} are opened", got=f"{sum(opened)} are opened")

    play(scene())


async def is_let_in(client):
    """Whether it is. Raises Silence, and Refused where the answer is another one than 429."""
    try:
        await client.is_open(PATIENCE)
    except Refused as error:
        if error.status != 429:
            raise
        return False
    return True


@keeps("leaves-room", "connections")
@after("test_limits_connections")
@points(2)
@review("which connections never come to a handler, and who gives back what you counted for them")
def test_who_never_got_in_leaves_room(hall, play):
    """Requests that were refused, were no good request, or whose client left before the answer take nobody's place."""

    async def scene():
        user, full = name("user"), new_address()
        for _ in range(OF_ADDRESS):
            await hall.guest(address=full)
        for _ in range(4):
            await hall.must_refuse("An address had 10 connections, and one more came.", user, full)
        for _ in range(4):
            try:
                headers = [("X-User", user), *alone(new_address()), ("Sec-WebSocket-Key", "")]
                await hall.client("/", headers=headers)
            except Refused:
                continue
            raise Wrong("A request had no Sec-WebSocket-Key.", expected="status 400", got="status 101")
        for _ in range(8):
            hasty = await Client.dial(hall.instance.path, "/", headers=[("X-User", user), *alone(new_address())])
            hasty.shake()
            hasty.hang_up()
        what = "A user's requests were refused, were wrong, or left before the answer. Then it asked for its 3 connections."
        for _ in range(OF_USER):
            await hall.must_have_room(what, user)
        await hall.must_refuse("A user had 3 connections, and asked for one more.", user)

    play(scene())


@keeps("address")
@after("test_believes_its_own_proxy")
@points(1)
@review("what a proxy may do to a header that is there already, and what is whose name")
def test_other_proxies_and_names(hall, play):
    """Where the proxy adds a line of its own, the last line counts; and a user who is called like an address is none."""

    async def scene():
        address = new_address()
        what = "The client sent a line `X-Forwarded-For`, and the proxy added another one. Of the proxy's address"
        await hall.guests(OF_ADDRESS, what, address=address, way=in_two_lines)
        what = "Eleven clients came from one address, which the proxy wrote into a second line."
        await hall.must_refuse(what, address=address, way=in_two_lines)
        await hall.must_refuse("Eleven clients came from one address.", address=address, way=claims_more)
        await hall.guests(OF_USER, "Of a user who is called like an address", user=address)
        other = new_address()
        await hall.guests(OF_USER, "Of one user", user=other)
        await hall.guests(OF_ADDRESS, "Of an address which is a user's name, too,", address=other)

    play(scene())


@keeps("rate")
@after("test_limits_a_users_rate")
@points(2)
@review("how much may come around the moment at which a counter starts again")
def test_no_moment_lets_more_through(hall, play):
    """Whenever a user speaks, never more than 10 things at once and 5 a second are heard."""

    async def scene():
        await asyncio.gather(*(one_user(hall, 0.2 * number) for number in range(10)))

    async def one_user(hall, delay):
        guest = await hall.guest()
        await asyncio.sleep(delay)
        await guest.must_be_heard(1, "A client said its first thing.")
        await asyncio.sleep(1.8)
        began = time.monotonic()
        heard = await guest.says(AT_ONCE - 1)
        await asyncio.sleep(max(0.0, began + 0.4 - time.monotonic()))
        heard += await guest.says(AT_ONCE)
        seconds = time.monotonic() - began
        most = AT_ONCE + int(A_SECOND * seconds) + 1
        if len(heard) > most:
            what = f"A client said 9 things, and 0.4 s later 10 more, {seconds:.1f} s in all."
            raise Wrong(what, expected=f"{most} are heard at most", got=f"{len(heard)} are heard")

    play(scene())


@keeps("rate")
@after("test_limits_a_users_rate")
@points(1)
@review("what a bucket gives back, and when: not all of it at once")
def test_a_burst_and_then_a_pace(hall, play):
    """Whoever has said 10 things at once is heard four times a second from half a second later."""

    async def scene():
        guest = await hall.guest()
        await guest.must_be_heard(AT_ONCE, "A client said its first 10 things at once.")
        await asyncio.sleep(0.25)
        for _ in range(6):
            await asyncio.sleep(0.25)
            await guest.must_be_heard(1, "A client said 10 things at once, and after that four a second.")

    play(scene())


@keeps("pings")
@after("test_limits_pings")
@points(1)
@review("a limit over time: what is fine, and what is too much, when it does not come at once")
def test_pings_over_time(hall, play):
    """Who pings eight times a second after a burst stays; who pings forty times a second is closed with 1008."""

    async def scene():
        good, bad = await hall.guest(), await hall.guest()
        for _ in range(15):
            good.client.ping(b"x" * 125)
        for number in range(16):
            await asyncio.sleep(1 / 8)
            good.client.ping(b"%d" % number)
            for _ in range(5):
                bad.client.ping()
        what = "A client sent 15 pings, and then 8 a second for two seconds."
        try:
            await good.client.until(lambda: len(good.client.pongs) == 31 or good.client.ending, PATIENCE, "pongs")
        except Silence:
            raise Wrong(what, expected="31 pongs", got=f"{len(good.client.pongs)} pongs") from None
        if good.client.ending:
            raise Wrong(what, expected="31 pongs", got=f"close code {good.client.ending}")
        await must_be_closed(bad.client, 1008, "A client sent 40 pings a second for two seconds.")

    play(scene())


@keeps("handshake")
@after("test_ends_slow_handshakes")
@points(1)
@review("what a time limit on a handshake counts from, and what begins it again")
def test_drops_of_a_handshake(scenes, play):
    """A request that comes one byte at a time and to no end is ended, too."""
    play(scenes["handshakes"])


@keeps("honest", "refused")
@after("test_honest_clients_notice_nothing", "test_limits_an_address_rate")
@points(2)
@review("what an attacker can use up that belongs to others, too")
def test_an_attackers_neighbours(scenes, play, stage):
    """Honest clients who share their address with an attacker are heard, within half a second."""
    _, waits = play(scenes["siege"])
    must_be_soon(waits, stage.lateness, "Others flooded, one of them from the address of honest clients.")
