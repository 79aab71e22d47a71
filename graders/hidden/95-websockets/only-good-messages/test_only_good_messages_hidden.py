"""Hidden checks of only-good-messages: other shapes of the same mistakes, bombs, and many bad clients beside good ones."""

import asyncio
import json
import random
import secrets
import zlib

from test_only_good_messages import (
    LARGEST,
    LONGEST,
    noise,
    opened,
    padded,
    play,
    read,
    room,
    say,
)

from labkit.checking.checks import Wrong, after, keeps, points, review
from labkit.kinds.server.desk import PATIENCE
from labkit.kinds.websocket.frames import BINARY, CONTINUATION, PING, TEXT, Frame


@keeps("said", "utf8")
@after("test_says_it_to_everybody")
@points(1)
@review("fragments: where they may be cut, and what may stand between them")
def test_takes_messages_in_any_pieces(room, play):
    """A message whose fragments cut through characters, with pings between them, is a good message."""

    async def scene():
        text = "äöü€\U0001f980" * 20
        message = say(text).encode()
        client = await room.enter()
        member = await room.listening()
        cuts = sorted(random.Random(7).sample(range(1, len(message)), 12))
        starts, ends = [0, *cuts], [*cuts, len(message)]
        for start, end in zip(starts, ends, strict=True):
            client.send_frame(Frame(CONTINUATION if start else TEXT, message[start:end], end == len(message)))
            client.send_frame(Frame(PING, b"between"))
        for one in (client, member):
            if read(await one.receive(PATIENCE)).get("text") != text:
                raise Wrong("A message came in 13 fragments.", expected="said as it was", got="something else")

    play(scene())


@keeps("size", "others")
@after("test_keeps_the_size")
@points(2)
@review("what a small frame may become when it is inflated, and what a frame may claim")
def test_is_not_blown_up(room, play):
    """A compressed message that inflates to 30 MB, many fragments without an end, or a frame that claims a gigabyte, end with 1009, and the others go on."""

    async def scene():
        writer = zlib.compressobj(wbits=-15)
        bomb = (writer.compress(b" " * 30_000_000) + writer.flush(zlib.Z_SYNC_FLUSH))[:-4]

        def endless(client):
            client.send_frame(Frame(TEXT, b"x" * 1_000, fin=False))
            for _ in range(20):
                client.send_frame(Frame(CONTINUATION, b"x" * 1_000, fin=False))

        await room.must_be_closed(1009, endless, what="fragments without an end")
        claim = Frame(TEXT)
        await room.must_be_closed(
            1009, lambda client: client.send_frame(claim, claims=1 << 30), what="a frame that claims a gigabyte"
        )
        client = await room.enter(compression=True)
        if client.is_compressed:
            client.send_frame(Frame(TEXT, bomb, rsv=4))
        else:
            client.send(" " * 30_000_000)
        ending = await client.ended(PATIENCE)
        if ending.code not in (1009, 1006):  # cut while we still write
            raise Wrong("A client sent 30 MB.", expected="close code 1009", got=f"close code {ending}")
        await room.must_be_heard(await room.enter(), secrets.token_hex(4))

    play(scene())


@keeps("json", "schema", "version")
@after("test_tells_what_is_no_json", "test_keeps_the_schema", "test_speaks_one_version")
@points(2)
@review("every field and every type: what a message may be, not what it may not")
def test_other_shapes_of_the_same(room, play):
    """Other objects that are not of the protocol are told so, too, with the right code."""

    async def scene():
        schema = [
            say("x" * 5_000), say("hello", text2="x"), '{"v": 1, "type": "SAY", "text": "hello"}', '{"v": 1, "type": null, "text": "hello"}',
            '{"v": 1, "type": {}, "text": "hello"}', '{"v": 1, "type": "say", "text": {"a": 1}}', '{"v": 1, "type": "say", "text": true}',
            '{"v": 1}', say("ä" * (LONGEST + 1)), noise(LARGEST // 2),
        ]  # fmt: skip
        for message in schema:
            await room.must_be_told("schema", message, what=f"{message[:50]!r}")
        for message in (
            "{",
            "[]",
            '"say"',
            "true",
            '{"v": 1 "type": "say"}',
            "[" * 3_000 + "]" * 3_000,
            say("x")[:-1] + ', "n": -Infinity}',
            "\ufeff{}",
            '{"a":' * 2_500,
        ):
            await room.must_be_told("json", message, what=f"{message[:30]!r}")
        for version in ("-1", "[]", "{}", '"v1"', "11", "false"):
            message = f'{{"text": "hello", "type": "say", "v": {version}}}'
            await room.must_be_closed(4001, lambda client, message=message: client.send(message), what=f"v = {version}")

    play(scene())


@keeps("others", "said")
@after("test_says_it_to_everybody")
@points(2)
@review("what of one client's mistake can be noticed by another one")
def test_a_bad_crowd_disturbs_nobody(room, play):
    """While thirty clients send bad messages of every kind, or leave in the middle of one, two others talk and hear each word once, in order."""

    async def scene():
        one, other = await room.enter(), await room.enter()
        bad = [
            lambda client: client.send(b"\0"), lambda client: client.send("no json"), lambda client: client.send_frame(Frame(TEXT, b"\xff")),
            lambda client: client.send(padded(LARGEST + 1)), lambda client: client.send('{"v": 2}'), lambda client: client.send(say("")),
            lambda client: (client.send_frame(Frame(TEXT, b"half", fin=False)), client.cut()), lambda client: client.send_frame(Frame(BINARY, b"x", rsv=1)),
            lambda client: client.send("[" * 9_000), lambda client: client.send_frame(Frame(CONTINUATION, b"of nothing")),
        ]  # fmt: skip
        texts = [secrets.token_hex(4) for _ in range(30)]
        for number, text in enumerate(texts):
            bad[number % len(bad)](await room.enter())
            (one, other)[number % 2].send(say(text))
            for client in (one, other):
                got = read(await client.receive(PATIENCE))
                if got.get("text") != text:
                    raise Wrong(
                        "Bad clients came and went, and a good one heard something else.",
                        expected=text,
                        got=json.dumps(got)[:80],
                    )
        await asyncio.sleep(0)

    play(scene())
