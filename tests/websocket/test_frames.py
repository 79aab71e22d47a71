"""Frames, read and written, beside another implementation."""

from __future__ import annotations

import random

import pytest
from wsproto.frame_protocol import FrameProtocol, Opcode

from labkit.kinds.websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Deflate,
    Frame,
    Message,
    Messages,
    Reader,
    Violation,
    close_meaning,
    close_payload,
)

SIZES = (0, 1, 125, 126, 65_535, 65_536, 200_000)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mask", [False, True])
def test_wsproto_reads_what_we_write(size, mask):
    other = FrameProtocol(client=not mask, extensions=[])
    other.receive_bytes(Frame(BINARY, b"x" * size).write(mask=mask))
    got = b"".join(bytes(frame.payload) for frame in other.received_frames())
    assert got == b"x" * size


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("client", [False, True])
def test_we_read_what_wsproto_writes(size, client):
    data = FrameProtocol(client=client, extensions=[]).send_data(b"x" * size)
    assert Reader(masks=client).feed(data) == [Frame(BINARY, b"x" * size)]


def test_pieces_of_any_size_are_put_together():
    chance = random.Random(3)
    sent = [Frame(TEXT, b"a" * chance.randint(0, 300)) for _ in range(50)]
    data, reader, got = b"".join(frame.write(mask=True) for frame in sent), Reader(masks=True), []
    while data:
        size = chance.randint(1, 50)
        got += reader.feed(data[:size])
        data = data[size:]
    assert got == sent
    assert reader.waiting == 0


@pytest.mark.parametrize(
    ("masks", "data", "said"),
    [
        (True, Frame(TEXT, b"a").write(mask=False), "without a mask"),
        (False, Frame(TEXT, b"a").write(mask=True), "masked frame from a server"),
        (True, Frame(TEXT, b"a").write(mask=True, claims=1 << 40), "1,099,511,627,776 bytes"),
    ],
    ids=["no mask", "a mask", "a size that nobody sends"],  # masks are random, and names of tests must not be
)
def test_a_frame_that_may_not_be_is_named(masks, data, said):
    with pytest.raises(Violation, match=said):
        Reader(masks=masks).feed(data)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([Frame(3)], "reserved opcode 0x3"),
        ([Frame(PING, b"x" * 126)], "of 126 bytes"),
        ([Frame(PING, fin=False)], "in fragments"),
        ([Frame(PING, rsv=1)], "reserved bits"),
        ([Frame(TEXT, rsv=4)], "reserved bits"),
        ([Frame(CONTINUATION)], "of nothing"),
        ([Frame(TEXT, fin=False), Frame(TEXT)], "inside of another"),
        ([Frame(TEXT, b"\xff")], "not UTF-8"),
        ([Frame(CLOSE, b"\x03")], "half a code"),
        ([Frame(CLOSE, close_payload(1006))], "1006, which may not be sent"),
        ([Frame(CLOSE, close_payload(1000) + b"\xff")], "reason is not UTF-8"),
    ],
)
def test_what_may_not_follow_is_named(frames, said):
    messages = Messages()
    *before, last = frames
    for frame in before:
        messages.feed(frame)
    with pytest.raises(Violation, match=said):
        messages.feed(last)


def test_fragments_become_one_message_around_a_ping():
    messages = Messages()
    euro = "€".encode()
    ping = Frame(PING, b"now")
    parts = [Frame(TEXT, euro[:1], fin=False), ping, Frame(CONTINUATION, euro[1:])]
    assert [messages.feed(part) for part in parts] == [None, ping, Message("€", 2)]


def test_compression_goes_both_ways_with_and_without_a_kept_window():
    for anew in (False, True):
        ours, theirs = Deflate(out_anew=anew), Deflate(in_anew=anew)
        for _ in range(3):
            assert theirs.inflate(ours.compress(b"the same words " * 20)) == b"the same words " * 20


def test_what_is_only_stored_is_a_little_longer_and_inflates():
    ours, theirs = Deflate(), Deflate()
    for message in (b"x" * 10_000, b"the next one"):
        stored = ours.compress(message, stored=True)
        assert len(stored) > len(message)
        assert theirs.inflate(stored) == message
    assert theirs.inflate(ours.compress(b"and one that is not")) == b"and one that is not"


def test_a_bomb_is_not_inflated():
    bomb = Deflate().compress(b"\0" * (65 * 1024 * 1024))
    with pytest.raises(Violation, match="compressed message of more than"):
        Deflate().inflate(bomb)


def test_close_frames_mean_a_code_and_a_reason():
    assert close_meaning(b"") == (1005, "")
    assert close_meaning(close_payload(4000, "go")) == (4000, "go")


def test_opcodes_are_those_of_the_other_implementation():
    assert {TEXT, BINARY, CLOSE, PING, CONTINUATION} <= {int(code) for code in Opcode}
