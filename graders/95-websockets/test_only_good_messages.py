"""Checks of only-good-messages: a room in which one client sends what it should not, and another one goes on talking."""

import asyncio
import contextlib
import json
import random
import secrets
import string

import pytest

from labkit.checking.checks import AnswerError, Wrong, after, hint, keeps, points
from labkit.kinds.server.desk import PATIENCE, Desk, in_words
from labkit.kinds.websocket.connection import Ended, Silence
from labkit.kinds.websocket.frames import TEXT, Frame
from labkit.kinds.websocket.instance import DoesNotListen

LARGEST = 16 * 1024  # bytes of a message
LONGEST = 500  # characters of a text
ROOM = "/"


class Room:
    """The answer's server, a member who listens, and whoever else comes."""

    def __init__(self, desk):
        self.desk = desk
        self.member = None

    async def enter(self, **options):
        """A new client."""
        return await self.desk.client(ROOM, **options)

    async def listening(self):
        """The member who is always there: it must have heard nothing but what was good."""
        if self.member is None or self.member.ending:
            self.member = await self.enter()
        return self.member

    async def must_be_heard(self, client, text, message=None, *, what="said something good", **how):
        """Raises Wrong unless what the client says reaches everybody, once, and is the next thing that they hear."""
        member = await self.listening()
        client.send(message or say(text), **how)
        for one in dict.fromkeys((client, member)):
            who = "the client itself" if one is client else "another client"
            try:
                heard = read(await one.receive(PATIENCE))
            except Ended as error:
                raise Wrong(
                    f"A client {what}, and the connection of {who} ended.",
                    expected="it stays open",
                    got=f"close code {error.ending}",
                ) from None
            except Silence:
                raise Wrong(
                    f"A client {what}, and {who} heard nothing.", expected='{"type": "said", …}', got="no message"
                ) from None
            if heard.get("type") != "said" or heard.get("text") != text:
                raise Wrong(
                    f"A client {what}, and {who} heard something else.",
                    expected=f"said: {text[:40]!r}",
                    got=str(heard)[:90],
                )

    async def must_be_told(self, code, message, *, what, **how):
        """Raises Wrong unless a message is answered with this error, the connection goes on, and nobody else hears of it."""
        client = await self.enter()
        client.send(message, **how)
        expected = f'{{"type": "error", "code": "{code}"}}, and the connection stays open'
        try:
            heard = read(await client.receive(PATIENCE))
        except Ended as error:
            raise Wrong(f"A client sent {what}.", expected=expected, got=f"close code {error.ending}") from None
        except Silence:
            raise Wrong(f"A client sent {what}.", expected=expected, got="no message") from None
        if (heard.get("type"), heard.get("code")) != ("error", code):
            raise Wrong(f"A client sent {what}.", expected=expected, got=str(heard)[:90])
        with others_live_on(what):
            await self.must_be_heard(client, secrets.token_hex(4), what="went on with a good message")

    async def must_be_closed(self, code, send, *, what, **options):
        """Raises Wrong unless what is sent is answered with this close code, and the others go on."""
        client = await self.enter(**options)
        send(client)
        try:
            ending = await client.ended(PATIENCE)
        except Silence:
            got = f"it stays open, and says {client.waiting[0].content[:60]!r}" if client.waiting else "it stays open"
            raise Wrong(f"A client sent {what}.", expected=f"close code {code}", got=got) from None
        if ending.code != code:
            raise Wrong(f"A client sent {what}.", expected=f"close code {code}", got=f"close code {ending}")
        with others_live_on(what):
            await self.must_be_heard(await self.enter(), secrets.token_hex(4))


@contextlib.contextmanager
def others_live_on(what):
    """Says after what it was that others noticed something."""
    try:
        yield
    except Wrong as error:
        raise Wrong(f"After {what}: {error.why}", expected=error.expected, got=error.got) from None


def say(text, **more):
    """A message of the protocol."""
    return json.dumps({"v": 1, "type": "say", "text": text, **more}, ensure_ascii=False)


def read(message):
    """What the server said. Raises Wrong."""
    try:
        found = json.loads(message.content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Wrong(
            "A message of the server is no JSON object.", expected='{"type": …}', got=f"{message.content[:80]!r}"
        )
    return found


def padded(size, text="padded"):
    """A good message of so many bytes: JSON may have spaces."""
    message = say(text)
    return message + " " * (size - len(message.encode()))


def noise(size):
    """A message of so many bytes that hardly gets shorter, and is none of the protocol."""
    chance = random.Random(size)
    rest = size - len(say("", x=""))
    return say("", x="".join(chance.choice(string.ascii_letters + string.digits) for _ in range(rest)))


@pytest.fixture(scope="module")
def opened(stage, sandbox, text):
    """The server, or the error that starting it came to."""
    try:
        return Room(stage.enter(Desk(sandbox, text)))
    except DoesNotListen as error:
        return AnswerError(str(error))


@pytest.fixture
def room(opened):
    """The room."""
    if isinstance(opened, AnswerError):
        raise opened
    return opened


@pytest.fixture
def play(stage, room):
    """Plays a scene to its end; what goes wrong in it is told to the server's author."""

    def run(scene):
        try:
            with in_words(ROOM):
                return stage.run(scene)
        except Wrong:
            room.member = None  # what it heard of this mistake must not be another check's
            raise

    return run


@keeps("said")
@points(1)
@hint(
    "`broadcast(connection.server.connections, text)` writes to everybody who is there.",
    "`json.loads` reads, `json.dumps` writes.",
)
def test_says_it_to_everybody(room, play):
    """What a client says reaches everybody, once, in order, and as it was said, whatever characters it has."""

    async def scene():
        client = await room.enter()
        for text in ("hello", "x", "ä" * LONGEST, "\U0001f980" * LONGEST, 'a "quoted"\n\\ line', "\u2028", " "):
            await room.must_be_heard(client, text, what=f"said {text[:12]!r} ({len(text)} characters)")
        for text in (texts := [secrets.token_hex(3) for _ in range(20)]):
            client.send(say(text))
        for one in (client, room.member):
            heard = [read(await one.receive(PATIENCE)).get("text") for _ in texts]
            if heard != texts:
                raise Wrong(
                    "Twenty texts came in another order, or not as they were said.",
                    expected=texts[:3],
                    got=str(heard[:3])[:90],
                )

    play(scene())


@keeps("binary", "others")
@after("test_says_it_to_everybody")
@points(1)
@hint("Iterating over a connection gives `str` for text and `bytes` for binary.")
def test_takes_no_binary(room, play):
    """A binary message is answered with close code 1003, also when its bytes are good JSON."""

    async def scene():
        for data in (b"\0\1\2", say("hello").encode(), b""):
            await room.must_be_closed(1003, lambda client, data=data: client.send(data), what="a binary message")

    play(scene())


@keeps("utf8", "others")
@after("test_says_it_to_everybody")
@points(1)
@hint("The library looks at UTF-8 when a message is read. Does your handler read all the time, and as text?")
def test_takes_no_broken_text(room, play):
    """A text message that is not UTF-8 is answered with close code 1007, and nobody hears of it."""

    async def scene():
        for data in (b"\xff", say("caf\u00e9").encode("latin-1"), b'{"v": 1, "type": "say", "text": "\xed\xa0\x80"}'):
            frame = Frame(TEXT, data)
            await room.must_be_closed(
                1007, lambda client, frame=frame: client.send_frame(frame), what=f"a text with {data[-8:]!r}"
            )

    play(scene())


@keeps("size", "others")
@after("test_says_it_to_everybody")
@points(2)
@hint(
    "`max_size=` of `unix_serve`. Is it about characters, or about bytes?",
    "Which of the two sizes does the library compare, when a message comes compressed: as it came, or as it is? Both.",
    "`compression=None` makes them the same; or allow a little more, and compare `len(message.encode())` yourself.",
)
def test_keeps_the_size(room, play):
    """A message of 16,384 bytes is taken, compressed or not, in fragments or not; one more byte is answered with close code 1009."""

    async def scene():
        for compression in (False, True):
            client = await room.enter(compression=compression)
            how = "compressed" if compression else "not compressed"
            await room.must_be_heard(
                client, "padded", padded(LARGEST), what=f"sent a message of {LARGEST:,} bytes, {how}"
            )
            await room.must_be_heard(
                client,
                "padded",
                padded(LARGEST),
                what=f"sent {LARGEST:,} bytes in fragments, {how}",
                pieces=range(1_000, LARGEST, 1_000),
            )
            if compression:
                what = f"sent {LARGEST:,} bytes which its library put unchanged into blocks of deflate"
                await room.must_be_heard(client, "padded", padded(LARGEST), what=what, stored=True)
        too_large = {"one message": (), "fragments": range(1_000, LARGEST, 1_000)}
        for name, pieces in too_large.items():
            for compression in (False, True):
                await room.must_be_closed(
                    1009, lambda client, pieces=pieces: client.send(padded(LARGEST + 1), pieces=pieces),
                    what=f"{LARGEST + 1:,} bytes in {name}", compression=compression,
                )  # fmt: skip

    play(scene())


@keeps("json", "others")
@after("test_says_it_to_everybody")
@points(2)
@hint(
    "Which errors can `json.loads` raise? ValueError is one; what about a text of 8,000 opening brackets?",
    "Python's `json` takes more than JSON: `NaN`, `Infinity`. `parse_constant=` is called for them.",
    "A number, a list and `null` are JSON, too, and no object.",
)
def test_tells_what_is_no_json(room, play):
    """Text that is no JSON object is answered with the error `json`, and the connection goes on."""

    async def scene():
        bad = {
            "an empty message": "",
            "a word": "hello",
            "half an object": '{"v": 1, "type": "say", "text": "he',
            "a list": '[1, "say", "hello"]',
            "null": "null",
            "a number": "1",
            "two objects": say("a") + say("b"),
            "single quotes": "{'v': 1, 'type': 'say', 'text': 'x'}",
            "NaN, which is not JSON": '{"v": 1, "type": "say", "text": "x", "n": NaN}',
            "8,000 opening brackets": "[" * 8_000,
        }
        for what, message in bad.items():
            await room.must_be_told("json", message, what=what)

    play(scene())


@keeps("version")
@after("test_says_it_to_everybody")
@points(1)
@hint("`True == 1` in Python. In JSON, `true` is no number.")
def test_speaks_one_version(room, play):
    """An object whose `v` is not the number 1 is answered with close code 4001, whatever else is in it."""

    async def scene():
        for version in ("2", "0", '"1"', "true", "null", "[1]", "1e400"):
            message = f'{{"v": {version}, "type": "say", "text": "hello"}}'
            await room.must_be_closed(
                4001, lambda client, message=message: client.send(message), what=f"an object with v = {version}"
            )
        for message in ("{}", '{"type": "say", "text": "hello"}', '{"v": 7, "type": "shout", "loud": true}'):
            await room.must_be_closed(
                4001, lambda client, message=message: client.send(message), what=f"the object {message}"
            )

    play(scene())


@keeps("schema", "others")
@after("test_says_it_to_everybody")
@points(2)
@hint(
    "Four things: which fields there are, what `type` is, that `text` is a string, and how long it is.",
    "`len` of a `str` counts characters, as the task does.",
)
def test_keeps_the_schema(room, play):
    """An object of version 1 with a missing, unknown or wrong field, or a text that is empty or longer than 500 characters, is answered with the error `schema`."""

    async def scene():
        bad = {
            "a text of 501 characters": say("x" * (LONGEST + 1)),
            "an empty text": say(""),
            "a number as text": '{"v": 1, "type": "say", "text": 7}',
            "a list as text": '{"v": 1, "type": "say", "text": ["hello"]}',
            "null as text": '{"v": 1, "type": "say", "text": null}',
            "no text": '{"v": 1, "type": "say"}',
            "no type": '{"v": 1, "text": "hello"}',
            "another type": '{"v": 1, "type": "shout", "text": "hello"}',
            "a list as type": '{"v": 1, "type": ["say"], "text": "hello"}',
            "a field more": say("hello", admin=True),
            f"{LARGEST:,} bytes of another field": noise(LARGEST),
        }
        for what, message in bad.items():
            await room.must_be_told("schema", message, what=what)

    play(scene())
