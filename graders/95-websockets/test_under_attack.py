"""Checks of under-attack: an auction's hall with honest guests, and with guests who do what is allowed, but too much of it."""

import asyncio
import contextlib
import functools
import json
import random
import secrets
import time
import zlib
from dataclasses import dataclass, replace

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.server.desk import PATIENCE, Desk, in_words, must_have_started, started
from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence
from labkit.kinds.websocket.frames import PING, TEXT, Frame
from labkit.kinds.websocket.instance import LIMITS, DoesNotListen
from labkit.sandbox.limits import MiB

ROOM = replace(LIMITS, memory=128 * MiB, addresses=512 * MiB, output=8 * MiB)
OF_USER, OF_ADDRESS = 3, 10  # connections at a time
AT_ONCE, A_SECOND = 10, 5  # things that a user may say
ADDRESS_AT_ONCE, ADDRESS_A_SECOND = 30, 15
REFUSED = 100  # messages, at the last of which a connection is closed
LARGEST = 4_096  # bytes of a message
OVER = 3.0  # seconds from a close frame, or from the beginning of a handshake, to the end of the connection
SLOW = 1.0  # seconds that a handshake may take
BUSY = 3.0  # seconds more, which a busy machine may take: who is wrong takes ten, or for ever
WAITING = 1_000_000  # bytes that wait for somebody at most
SOON = 0.5  # seconds until an honest client hears what it said
TOO_FAST = {"error": "too fast"}


class Hall(Desk):
    """The answer's server with 128 MB of memory, and guests whose names and addresses nobody knows before."""

    def __init__(self, sandbox, text):
        super().__init__(sandbox, text, ROOM)
        self.handshakes = []  # connections that have not said all yet

    def _leave(self):
        super()._leave()
        for client in self.handshakes:
            client.cut()

    async def guest(self, user="", address="", *, way=None, **options):
        """Somebody who is let in. Raises Refused."""
        user, address = user or name("user"), address or new_address()
        headers = [("X-User", user), *(way or alone)(address)]
        try:
            client = await self.client("/", headers=headers, **options)
        except Refused as error:
            if error.head:
                raise
            client = await self.client("/", headers=headers, **options)  # a busy machine may have made us slow
        return Guest(client, user, address)

    async def guests(self, count, what, user="", address="", **options):
        """So many who must be let in. Raises Wrong."""
        found = []
        for _ in range(count):
            try:
                found.append(await self.guest(user, address, **options))
            except Refused as error:
                raise Wrong(
                    f"{what}, {len(found)} connections were open, and one more was asked for.",
                    expected="status 101",
                    got=error,
                ) from None
        return found

    async def must_refuse(self, what, user="", address="", **options):
        """Raises Wrong unless somebody is answered with 429."""
        try:
            await self.guest(user, address, **options)
        except Refused as error:
            if error.status != 429:
                raise Wrong(what, expected="status 429", got=error) from None
        else:
            raise Wrong(what, expected="status 429", got="status 101")

    async def must_have_room(self, what, user="", address=""):
        """Raises Wrong unless somebody is let in, now or a moment later."""
        until = time.monotonic() + 1 + BUSY
        while True:
            try:
                return await self.guest(user, address)
            except Refused as error:
                if error.status != 429 or time.monotonic() > until:
                    raise Wrong(what, expected="status 101 within 1 s", got=error) from None
            await asyncio.sleep(0.05)


@dataclass
class Guest:
    """Somebody who is connected."""

    client: Client
    user: str
    address: str

    async def told(self, texts, what, expected):
        """The next message that is about one of these texts, which this guest has said. Raises Wrong."""
        while True:
            try:
                message = await self.client.receive(PATIENCE)
            except Silence:
                raise Wrong(what, expected=expected, got="no message") from None
            except Ended as error:
                got = f"close code {error.ending}"
                raise Wrong(what, expected=f"{expected}, and the connection stays", got=got) from None
            found = read(message)
            if "error" in found or (found.get("from") == self.user and found.get("text") in texts):
                must_have_fields(found)
                return found

    async def says(self, count, size=0):
        """Says so many different things at once. Returns those that were heard. Raises Wrong where one is neither heard nor refused."""
        texts = [secrets.token_hex(4).ljust(size, ".") for _ in range(count)]
        for text in texts:
            self.client.send(text)
        heard = []
        said = f"A client said {count} things at once." if count > 1 else "A client said something."
        what = (
            f"{said} It was neither heard nor refused."
            if count == 1
            else f"{said} One of them was neither heard nor refused."
        )
        for _ in texts:
            got = await self.told(texts, what, f"it is heard, or {json.dumps(TOO_FAST)}")
            if got != TOO_FAST:
                heard.append(got.get("text"))
        if heard != [text for text in texts if text in heard] or len(set(heard)) != len(heard):
            raise Wrong(said, expected="heard once, in order", got=short(heard[:4]))
        return heard

    async def must_be_heard(self, count, what, by=(), size=0):
        """Raises Wrong unless so many things are heard by this guest and by all these others. Returns them."""
        heard = await self.says(count, size)
        if len(heard) < count:
            expected, got = (
                (f"all {count} are heard", f"{count - len(heard)} are refused")
                if count > 1
                else ("it is heard", "it is refused")
            )
            raise Wrong(what, expected=expected, got=got)
        for other in by:
            for text in heard:
                await other.must_hear(self.user, text, what)
        return heard

    async def must_hear(self, user, text, what):
        """Raises Wrong unless the next thing of that user which this guest hears is this one."""
        expected = short({"from": user, "text": text})
        try:
            while (found := read(await self.client.receive(PATIENCE))).get("from") != user:
                if "error" in found:
                    why = "A client that had said nothing was told of another one's error."
                    raise Wrong(why, expected="nothing", got=short(found))
        except Silence:
            raise Wrong(f"{what} Another client was there.", expected=expected, got="no message") from None
        except Ended as error:
            got = f"close code {error.ending}"
            raise Wrong(what, expected="it stays, and hears it", got=got) from None
        if found != {"from": user, "text": text}:
            raise Wrong(f"{what} Another client was there.", expected=expected, got=short(found))


def read(message):
    """What the server said. Raises Wrong."""
    try:
        found = json.loads(message.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        got = f"{message.content[:80]!r}"
        raise Wrong("A message of the server is no JSON object.", expected='{"from": …}', got=got)
    return found


def must_have_fields(found):
    """Raises Wrong unless a message is one of the two that there are."""
    if found != TOO_FAST and set(found) != {"from", "text"}:
        expected = f'{{"from": …, "text": …}} or {json.dumps(TOO_FAST)}'
        raise Wrong("A client was told something else than the task says.", expected=expected, got=short(found))


def name(what):
    """A name that nobody knows before."""
    return f"{what}-{secrets.token_hex(4)}"


def new_address():
    """An address that nobody had before."""
    return f"{random.randint(11, 99)}.{'.'.join(str(random.randrange(256)) for _ in range(3))}"


def alone(address):
    """The proxy's header, of a client that wrote none."""
    return [("X-Forwarded-For", address)]


def claims_more(address):
    """The proxy's header, of a client that has claimed another address."""
    return [("X-Forwarded-For", f"{new_address()}, {address}")]


def in_two_lines(address):
    """As `claims_more`, of a proxy that adds a line."""
    return [("X-Forwarded-For", f"{new_address()}, {new_address()}"), ("x-forwarded-for", address)]


def short(found):
    """A message as it is told."""
    return json.dumps(found, ensure_ascii=False)[:120]


def must_be_within(heard, at_once, a_second, seconds, what):
    """Raises Wrong unless a bucket lets so many through in so many seconds, during which somebody always wanted more."""
    most = at_once + int(a_second * seconds) + 1
    if heard < at_once:
        raise Wrong(what, expected=f"{at_once} are heard", got=f"{heard} are heard")
    if heard > most:
        expected = f"{at_once} at once and {a_second} a second: {most} in {seconds:.1f} s at most"
        raise Wrong(what, expected=expected, got=f"{heard} are heard")


async def must_be_closed(client, code, what):
    """Raises Wrong unless a client is told this code, and its connection ends in time."""
    try:
        await client.until(lambda: client.told or client.ending, PATIENCE, "a close frame", strict=False)
    except Silence:
        raise Wrong(what, expected=f"close code {code}", got="it stays open") from None
    if not client.told or client.told[0] != code:
        got = client.told[0] if client.told else client.ending
        raise Wrong(what, expected=f"close code {code}", got=f"close code {got}")
    try:
        await client.ended(OVER + BUSY)
    except Silence:
        got = f"still there after {OVER + BUSY:g} s"
        raise Wrong(f"{what} It was told {code}.", expected=f"over within {OVER:g} s", got=got) from None


async def slow_handshakes(hall, trickle=0):
    """A handshake that takes a second is fine, and one that comes to no end is ended."""
    begun = time.monotonic()
    slow, never, half = [await dialled(hall) for _ in range(3)]
    half.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n")
    drip = asyncio.create_task(dripping(half)) if trickle else None
    await asyncio.sleep(SLOW)
    slow.shake()
    try:
        await slow.is_open(PATIENCE)
    except Refused as error:
        why = f"A client sent its request {SLOW:g} s after it had connected."
        raise Wrong(why, expected="status 101", got=error) from None
    for client, what in ((never, "said nothing"), (half, "sent half a request")):
        try:
            await client.ended(max(0.1, begun + OVER + BUSY - time.monotonic()))
        except Silence:
            got = f"still there after {OVER + BUSY:g} s"
            raise Wrong(f"A client connected, and {what}.", expected=f"ended after {OVER:g} s", got=got) from None
    if drip:
        drip.cancel()


async def dialled(hall):
    """Somebody who has connected and said nothing. Its name and address are new."""
    headers = [("X-User", name("user")), *alone(new_address())]
    client = await Client.dial(hall.instance.path, "/", headers=headers)
    hall.handshakes.append(client)
    return client


async def dripping(client):
    """Goes on with a request that comes to no end."""
    while not client.ending:
        client.send_bytes(b"x")
        await asyncio.sleep(0.2)


async def siege(sandbox, text, seed, neighbour=""):
    """Five honest guests talk while others flood, one of those from the address of two of them where `neighbour` is an address. Returns how
    long each thing that they said took, in seconds, without and with the attack."""
    chance = random.Random(seed)
    async with Hall(sandbox, text) as hall:
        honest = [await hall.guest(address=neighbour if number < 2 else "") for number in range(5)]
        quiet = await talking(hall, honest, 4)
        attack = asyncio.create_task(attacking(hall, chance, neighbour))
        waits = await talking(hall, honest, 10)
        await attack
    return quiet, waits


async def talking(hall, guests, turns):
    """Each guest says something four times a second, and all of them hear it. Returns seconds. Raises Wrong."""
    waits = []
    for _ in range(turns):
        until = time.monotonic() + 1 / 4
        for guest in guests:
            began = time.monotonic()
            what = "Others flooded, and an honest client said something."
            await guest.must_be_heard(1, what, by=[other for other in guests if other is not guest])
            waits.append(time.monotonic() - began)
        await asyncio.sleep(max(0.0, until - time.monotonic()))
    return waits


async def attacking(hall, chance, neighbour):
    """All at once: floods of words and of pings, bombs, connections without end, handshakes without end, and readers who do not read."""
    floods = [*await several(hall, 5), *await several(hall, 1, address=neighbour)]
    pinging = await several(hall, 4)
    bombs = await several(hall, 4, compression=True)
    for flood in floods:
        flood.client.pause()
    for _ in range(30):
        await dialled(hall)
    refused = name("user")
    for _ in range(10):
        for guest in floods:
            for _ in range(chance.randint(30, 40)):
                guest.client.send(secrets.token_hex(4))
        for guest in pinging:
            for _ in range(60):
                guest.client.send_frame(Frame(PING, b"?"))
        with contextlib.suppress(Refused, Silence):
            await hall.guest(refused)
        if bombs:
            bomb(bombs.pop().client)
        await asyncio.sleep(0.1)


async def several(hall, count, **options):
    """So many guests, of whom some may have been refused."""
    found = []
    for _ in range(count):
        with contextlib.suppress(Refused, Silence):
            found.append(await hall.guest(**options))
    return found


def bomb(client):
    """Sends a message that is small as it comes, and large when inflated; where nothing is compressed, one that is as large as that as it comes."""
    data = inflates_to_200_mb()
    if client.is_compressed:
        client.send_frame(Frame(TEXT, data, rsv=4))
    else:
        client.send(" " * len(data))


@functools.cache
def inflates_to_200_mb():
    """The payload of a compressed message of 200 million spaces."""
    writer = zlib.compressobj(wbits=-15)
    million = writer.compress(b" " * 1_000_000) + writer.flush(zlib.Z_FULL_FLUSH)  # refers to nothing before it
    return (million * 200)[:-4]


def must_be_soon(waits, lateness, what):
    """Raises Wrong unless half of the waits are short, and nearly all are where the machine is busy."""
    waits = sorted(waits)
    half, most = waits[len(waits) // 2], waits[len(waits) * 19 // 20]
    if half > SOON + lateness or most > SOON + BUSY / 2:
        got = f"half of it after {half:.1f} s, and one in twenty after {most:.1f} s"
        raise Wrong(what, expected=f"heard within {SOON:g} s", got=got)


@pytest.fixture(scope="module")
def entered(stage, sandbox, text):
    """A hall, or the error that starting it came to."""
    return started(stage, Hall(sandbox, text))


@pytest.fixture(scope="module")
def scenes(stage, sandbox, text, entered):
    """What takes seconds, begun together."""
    if isinstance(entered, AnswerError):
        return {}
    return {"handshakes": stage.begin(slow_handshakes(entered)), "siege": stage.begin(siege(sandbox, text, 1))}


@pytest.fixture
def hall(entered, scenes):
    """A hall that is open."""
    return must_have_started(entered)


async def then_all_leave(hall, scene):
    """Plays a scene; what is said in the next one need not reach everybody who was in this one."""
    try:
        return await scene
    finally:
        for client in hall.clients:
            client.cut()
        hall.clients.clear()


@pytest.fixture
def play(stage, entered):
    """Plays a scene to its end; what goes wrong in it is told to the server's author."""

    def run(scene):
        try:
            with in_words("/"):
                return scene.result() if hasattr(scene, "result") else stage.run(then_all_leave(entered, scene))
        except Wrong as error:
            if not isinstance(entered, AnswerError) and (why := entered.instance.why_it_ended()):
                raise Wrong(f"{error.why} The server is gone.", expected="it lives on", got=why) from None
            raise

    return run


@keeps("said")
@points(1)
@hint(
    "`connection.request.headers` has what the proxy wrote.",
    "`broadcast(connection.server.connections, text)` writes to everybody who is there.",
)
def test_says_it_to_everybody(hall, play):
    """What a client says reaches everybody, the client too, once and in order, with its user's name."""

    async def scene():
        one, other = await hall.guest(), await hall.guest()
        for text in ("4,200", "x" * LARGEST, 'a "quoted"\n line', "ä\U0001f980"):
            one.client.send(text)
            for hearer in (one, other):
                await hearer.must_hear(one.user, text, "A client said something.")
        await other.must_be_heard(AT_ONCE, f"A client said its first {AT_ONCE} things at once.", by=[one])

    play(scene())


@keeps("connections", "leaves-room")
@after("test_says_it_to_everybody")
@points(3)
@hint(
    "`process_request=` is called before a connection is open; what `connection.respond(429, text)` returns is the answer.",
    "Who takes a place in `process_request` must give it back, also when no handler ever runs for that connection. `connection_lost` is called for each one.",
)
def test_limits_connections(hall, play):
    """A user has at most 3 connections at a time, an address at most 10; one more is answered with 429, and there is room again when one has left."""

    async def scene():
        user, address = name("user"), new_address()
        places = await hall.guests(OF_USER, "Of one user, each from another address", user=user)
        await hall.must_refuse("A user had 3 connections, each from another address, and asked for one more.", user)
        await hall.guests(1, "Of another user", address=places[0].address)
        many = await hall.guests(OF_ADDRESS, "Of one address, each of another user", address=address)
        what = "An address had 10 connections, each of another user, and one more came."
        await hall.must_refuse(what, address=address)
        await hall.must_refuse(what, address=address)
        places[0].client.close(1000)
        await hall.must_have_room("A user had 3 connections, and closed one. Then it asked for one more.", user)
        many[3].client.cut()
        what = "An address had 10 connections, and one ended without a close frame. Then one more was asked for."
        await hall.must_have_room(what, address=address)
        await hall.must_refuse("A user had 3 connections again, and asked for one more.", user)

    play(scene())


@keeps("address")
@after("test_limits_connections")
@points(2)
@hint(
    "Who wrote which entry of `X-Forwarded-For`? Everybody can write the first one.",
    "`request.headers.get_all(name)` gives all lines of that name.",
)
def test_believes_its_own_proxy(hall, play):
    """The address is the last entry of X-Forwarded-For, whatever the client has written before it."""

    async def scene():
        what = (
            "Each client had another user, and claimed another address in front of the one which the proxy saw. Of that"
        )
        address = new_address()
        await hall.guests(OF_ADDRESS, what, address=address, way=claims_more)
        claimed = "Eleven clients, each of another user, had one address, and claimed eleven others in front of it."
        await hall.must_refuse(claimed, address=address, way=claims_more)
        same = new_address()

        def the_same(seen):
            return [("X-Forwarded-For", f"{same}, {seen}")]

        what = (
            "Each client had another user and another address, and claimed the same one in front of it. Of all of them"
        )
        await hall.guests(OF_ADDRESS + 2, what, way=the_same)

    play(scene())


@keeps("rate", "refused")
@after("test_says_it_to_everybody")
@points(3)
@hint(
    "A bucket: `left = min(10, left + seconds * 5)`. When is that computed? Whenever somebody asks.",
    "Whose bucket is it? Where does it live, when the connection is gone?",
)
def test_limits_a_users_rate(hall, play):
    """A user may say 10 things at once and 5 a second from then on, on all connections together; what is more is refused, heard by nobody, and the connection goes on."""

    async def scene():
        began = time.monotonic()
        user = name("user")
        one, other, listens = await hall.guest(user), await hall.guest(user), await hall.guest()
        heard = await one.says(25)
        must_be_within(len(heard), AT_ONCE, A_SECOND, time.monotonic() - began, "A client said 25 things at once.")
        for text in heard:
            await listens.must_hear(user, text, "A client said 25 things at once.")
        more = await other.says(15)
        what = "A user said 25 things on one connection, and then 15 on another one, from another address."
        must_be_within(len(heard + more), AT_ONCE, A_SECOND, time.monotonic() - began, what)
        for guest in (one, other):
            guest.client.close(1000)
            await guest.client.ended(PATIENCE)
        back = await hall.guest(user)
        again = await back.says(15)
        what = "A user said 40 things on two connections, left with both, came back, and said 15 more."
        must_be_within(len(heard + more + again), AT_ONCE, A_SECOND, time.monotonic() - began, what)
        for text in more + again:
            await listens.must_hear(user, text, "A user said more than it may, on several connections.")
        await asyncio.sleep(AT_ONCE / A_SECOND + 0.2)
        what = "A user had said more than it may, and was quiet for 2.2 s. Then it said 10 things at once."
        await back.must_be_heard(AT_ONCE, what, by=[listens])

    play(scene())


@keeps("rate", "refused")
@after("test_limits_a_users_rate", "test_believes_its_own_proxy")
@points(2)
@hint(
    "Two buckets, and a message needs a token of each. When the user's has none, what becomes of the token of the address?",
    "First look into both, then take from both.",
)
def test_limits_an_address_rate(hall, play):
    """An address may say 30 things at once and 15 a second, whoever says them; what was refused to one user takes nothing from the others there."""

    async def scene():
        began = time.monotonic()
        address = new_address()
        guests = [await hall.guest(address=address) for _ in range(6)]
        first = await guests[0].says(60)
        what = "A user said 60 things at once, of which its own bucket let 10 through. Then two other users of the same address said 10 each."
        await guests[1].must_be_heard(AT_ONCE, what)
        await guests[2].must_be_heard(AT_ONCE, what)
        rest = [text for guest in guests[3:] for text in await guest.says(AT_ONCE)]
        heard = len(first) + 2 * AT_ONCE + len(rest)
        what = "Six users of one address said 10 things each, and more."
        must_be_within(heard, ADDRESS_AT_ONCE, ADDRESS_A_SECOND, time.monotonic() - began, what)
        await (await hall.guest()).must_be_heard(
            AT_ONCE, "Another address had said more than it may. A client said 10 things."
        )

    play(scene())


@keeps("flood", "over")
@after("test_limits_a_users_rate")
@points(2)
@hint(
    "Count what was refused, for each connection.",
    "Two hundred messages wait in the library's queue when you close, and it reads no more of the connection: so it does not see the answer to your close frame. Which option says for how long it waits?",
)
def test_closes_a_flood(hall, play):
    """A connection is closed with 1008 at its 100th refused message, not before, and is over within 3 seconds."""

    async def scene():
        patient = await hall.guest()
        heard = await patient.says(80)
        what = "70 of a client's messages were refused, and it went on."
        patient.client.ping(b"still there")
        try:
            await patient.client.until(lambda: patient.client.pongs or patient.client.ending, PATIENCE, "a pong")
        except Silence:
            raise Wrong(what, expected="a ping is answered", got="no pong") from None
        if patient.client.ending:
            raise Wrong(what, expected="it stays", got=f"close code {patient.client.ending}")
        flood = await hall.guest()
        for _ in range(400):
            flood.client.send(secrets.token_hex(4))
        what = f"A client said 400 things at once, of which {len(heard)} could be heard."
        await must_be_closed(flood.client, 1008, what)

    play(scene())


@keeps("pings", "over")
@after("test_says_it_to_everybody")
@points(2)
@hint(
    "A ping never reaches your handler. `process_event` of a subclass of `ServerConnection` sees each frame.",
    "`process_event` is no coroutine: `asyncio.create_task(self.close(1008))`, once.",
)
def test_limits_pings(hall, play):
    """20 pings at once are answered; a connection that sends more is closed with 1008 and over within 3 seconds, whether it answers the close frame or not."""

    async def scene():
        good, bad, deaf = [await hall.guest() for _ in range(3)]
        what = "A client sent 20 pings at once."
        for number in range(20):
            good.client.ping(b"%d" % number)
        try:
            await good.client.until(lambda: len(good.client.pongs) == 20 or good.client.ending, PATIENCE, "pongs")
        except Silence:
            raise Wrong(what, expected="20 pongs", got=f"{len(good.client.pongs)} pongs") from None
        if good.client.ending:
            raise Wrong(what, expected="20 pongs", got=f"close code {good.client.ending}")
        deaf.client.answers_close = False
        for guest in (bad, deaf):
            for _ in range(200):
                guest.client.send_frame(Frame(PING))
        await must_be_closed(bad.client, 1008, "A client sent 200 pings at once.")
        await must_be_closed(deaf.client, 1008, "A client sent 200 pings at once, and did not answer the close frame.")
        await good.must_be_heard(3, "Others had sent too many pings, and a client said something.")

    play(scene())


@keeps("size", "memory")
@after("test_says_it_to_everybody")
@points(2)
@hint(
    "`max_size=` of `unix_serve`: 1 MiB by default.",
    "Who compares `len(message)` in the handler has the whole message in memory by then, and what it inflates to.",
)
def test_limits_size_and_memory(hall, play):
    """A message of more than 4,096 bytes is answered with 1009; so is one that would inflate to 200 MB, and the server lives on with 128 MB."""

    async def scene():
        for compression in (False, True):
            large = await hall.guest(compression=compression)
            large.client.send("x" * (LARGEST + 1))
            await must_be_closed(large.client, 1009, f"A client sent a message of {LARGEST + 1:,} bytes.")
        stays = await hall.guest()
        large = await hall.guest(compression=True)
        bomb(large.client)
        what = "A client sent a message that inflates to 200 MB."
        try:
            ending = await large.client.ended(4 * PATIENCE)
        except Silence:
            raise Wrong(what, expected="close code 1009", got="it stays open") from None
        if ending.code == 1006:  # cut while we still write, or it was its last
            await hall.instance.ended(1)
        elif ending.code != 1009:
            raise Wrong(what, expected="close code 1009", got=f"close code {ending}")
        if why := hall.instance.why_it_ended():
            raise Wrong(what, expected="close code 1009", got=why)
        await stays.must_be_heard(3, "A client sent a message that inflates to 200 MB. Another one said something.")

    play(scene())


@keeps("handshake")
@after("test_says_it_to_everybody")
@points(1)
@hint("Which option of `unix_serve` says how long a handshake may take?")
def test_ends_slow_handshakes(scenes, play):
    """A connection whose handshake is not complete after 3 seconds is ended; one that takes 1 second is let in."""
    play(scenes["handshakes"])


@keeps("reader", "memory")
@after("test_says_it_to_everybody")
@points(3)
@hint(
    "Look at `connection.transport.get_write_buffer_size()` before you broadcast.",
    "`transport.abort()` ends a connection at once. A close frame would wait behind all that is not read.",
)
def test_ends_who_reads_nothing(hall, play):
    """A client that reads nothing is ended when more than 1,000,000 bytes wait for it; one that stops for a moment, and for which 200,000 wait, hears everything."""

    async def scene():
        listens, stops, moment = [await hall.guest() for _ in range(3)]
        for reader in (stops, moment):
            reader.client.pause()
        said = []
        for number in range(40):
            speaker = await hall.guest()
            what = "Somebody read nothing, and another client said 10 things of 4,000 bytes."
            heard = await speaker.must_be_heard(AT_ONCE, what, by=[listens], size=4_000)
            speaker.client.close(1000)
            said += [(speaker.user, text) for text in heard]
            if number == 4:
                moment.client.resume()
                for user, text in said:
                    await moment.must_hear(
                        user, text, f"{len(said) * 4_000:,} bytes were said while a client did not read. It went on."
                    )
                moment.client.cut()
        stops.client.resume()
        what = f"A client read nothing while {len(said)} things of 4,000 bytes were said."
        expected = f"ended, as more than {WAITING:,} bytes waited"
        try:
            await stops.client.ended(PATIENCE)
        except Silence:
            got = f"all {len(stops.client.waiting)} were kept for it"
            raise Wrong(what, expected=expected, got=got) from None

    play(scene())


@keeps("honest")
@after("test_limits_a_users_rate", "test_limits_pings", "test_limits_size_and_memory")
@points(3)
@hint(
    "What does your server do for a message that it refuses? Does anybody else wait meanwhile?",
    "`time.sleep` stops everybody, not only the one who is too fast.",
)
def test_honest_clients_notice_nothing(scenes, play, stage, note):
    """While others flood with words, pings, bombs, connections and handshakes, honest clients hear all that they say, within half a second."""
    quiet, waits = play(scenes["siege"])
    note("quiet_ms", round(1000 * sorted(quiet)[len(quiet) // 2], 1))
    note("attack_ms", round(1000 * sorted(waits)[len(waits) // 2], 1))
    must_be_soon(waits, stage.lateness, "Others flooded, and honest clients said something four times a second.")
