"""Cases that a server which echoes must get right: each says what is sent, and what must come back.

They follow RFC 6455 and RFC 7692 section by section: frames, control frames, reserved bits and opcodes, fragments, UTF-8,
close codes, masks, compression.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from labkit.kinds.websocket.connection import PATIENCE, Client, Ended, Refused, Silence
from labkit.kinds.websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Deflate,
    Frame,
    Message,
    Violation,
    close_payload,
)

OPEN = "the connection stays open, and closes with 1000 when asked to"
PROTOCOL_ERROR, BAD_DATA = 1002, 1007
Send = Callable[[Client], None]


@dataclass(frozen=True)
class Case:
    """`sends` writes to an open connection; then `echoes` and `pongs` must come back, and the end must have one of `codes` (none: it stays open)."""

    name: str
    says: str
    sends: Send
    echoes: tuple[str | bytes, ...] = ()
    pongs: tuple[bytes, ...] = ()
    codes: tuple[int, ...] = ()
    compression: bool = False

    @property
    def expects(self) -> str:
        """What must come back, in words."""
        parts = [f"{len(self.echoes)} echoed"] if self.echoes else []
        parts += [f"{len(self.pongs)} answered with pong"] if self.pongs else []
        return ", ".join([*parts, f"close code {' or '.join(map(str, self.codes))}" if self.codes else OPEN])

    async def failure(self, path: Path, target: str = "/", seconds: float = PATIENCE) -> str:
        """Runs the case against a server. Returns what came instead, or nothing when all is as it must be."""
        try:
            client = await Client.open(path, target, compression=self.compression, seconds=seconds)
        except (Refused, Silence, Violation) as error:
            return f"the connection did not open: {error}"
        try:
            self.sends(client)
            return await self._compare(client, seconds)
        except (Silence, Violation) as error:
            return str(error)
        except Ended as error:
            return f"the connection ended with {error.ending}"
        finally:
            client.cut()

    async def _compare(self, client: Client, seconds: float) -> str:
        for want in self.echoes:
            got = (await client.receive(seconds)).content
            if got != want:
                return f"another message came back: {_short(got)} instead of {_short(want)}"
        for want in self.pongs:
            got = await client.until(lambda: client.pongs or client.ending, seconds, "a pong")
            if not isinstance(got, list):
                return f"the connection ended with {client.ending} instead of a pong"
            if (pong := client.pongs.pop(0)) != want:
                return f"a pong with {_short(pong)} instead of {_short(want)}"
        if not self.codes:
            client.close(1000)
        code = (await client.ended(seconds)).code
        if client.waiting:
            return f"a message more came back: {_short(client.waiting[0].content)}"
        if code not in (self.codes or (1000,)):
            return f"the connection ended with {code}"
        return ""


def frames(*parts: Frame) -> Send:
    """Sends these frames as they are."""

    def send(client: Client) -> None:
        for part in parts:
            client.send_frame(part)

    return send


def message(content: str | bytes, *pieces: int) -> Send:
    """Sends a message, in fragments that end at `pieces`."""
    return lambda client: client.send(content, pieces=pieces)


def text(content: str | bytes, fin: bool = True, opcode: int = TEXT, rsv: int = 0) -> Frame:
    """A frame of a text message."""
    return Frame(opcode, content.encode() if isinstance(content, str) else content, fin, rsv)


def _short(content: str | bytes) -> str:
    shown = repr(content[:24])
    return shown if len(content) <= 24 else f"{shown}… ({len(content):,} long)"


def _sizes() -> Iterator[Case]:
    for size in (0, 1, 125, 126, 127, 128, 65_535, 65_536):
        yield Case(f"text-{size}", f"a text of {size:,} bytes", message("*" * size), ("*" * size,))
        data = os.urandom(size)
        yield Case(f"binary-{size}", f"{size:,} bytes", message(data), (data,))


def _byte_by_byte(client: Client) -> None:
    for byte in text("slowly").write(mask=True):
        client.send_bytes(bytes([byte]))


def _control() -> Iterator[Case]:
    for size in (0, 1, 125):
        payload = os.urandom(size)
        yield Case(f"ping-{size}", f"a ping with {size} bytes", frames(Frame(PING, payload)), pongs=(payload,))
    yield Case(
        "ping-126", "a ping with 126 bytes, one too many", frames(Frame(PING, b"x" * 126)), codes=(PROTOCOL_ERROR,)
    )
    yield Case("pong-alone", "a pong that nobody asked for", frames(Frame(PONG, b"here")))
    ten = tuple(f"{number}".encode() for number in range(10))
    yield Case("pings-10", "ten pings at once", frames(*(Frame(PING, payload) for payload in ten)), pongs=ten)
    yield Case("ping-fragment", "a ping in fragments", frames(Frame(PING, b"", fin=False)), codes=(PROTOCOL_ERROR,))


def _reserved() -> Iterator[Case]:
    for rsv in range(1, 8):
        says = f"a text with reserved bits {rsv:03b}, and no extension"
        yield Case(f"rsv-{rsv}", says, frames(text("x", rsv=rsv)), codes=(PROTOCOL_ERROR,))
    yield Case("rsv-ping", "a ping with a reserved bit", frames(Frame(PING, rsv=2)), codes=(PROTOCOL_ERROR,))
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield Case(f"opcode-{opcode:x}", f"opcode {opcode:#x}", frames(Frame(opcode)), codes=(PROTOCOL_ERROR,))


def _fragments() -> Iterator[Case]:
    yield Case("in-two", "a text in two fragments", message("hello world", 5), ("hello world",))
    yield Case("in-empty-ones", "a text of which the first and last fragments are empty",
               frames(text("", False), text("hi", False, CONTINUATION), text("", True, CONTINUATION)), ("hi",))  # fmt: skip
    yield Case("in-single-bytes", "a text of 100 fragments", message("*" * 100, *range(1, 100)), ("*" * 100,))
    yield Case("ping-between", "a ping between two fragments",
               frames(text("a", False), Frame(PING, b"now"), text("b", True, CONTINUATION)), ("ab",), (b"now",))  # fmt: skip
    yield Case("byte-by-byte", "a frame that arrives byte by byte", _byte_by_byte, ("slowly",))
    nothing = frames(text("a", True, CONTINUATION))
    yield Case("continues-nothing", "a continuation of nothing", nothing, codes=(PROTOCOL_ERROR,))
    inside = frames(text("a", False), text("b"))
    yield Case("inside-another", "a new text inside of another one", inside, codes=(PROTOCOL_ERROR,))


def _utf8() -> Iterator[Case]:
    for name, good in {"umlauts": "κόσμε äöü", "last": "\U0010ffff", "noncharacter": "\ufffe"}.items():
        yield Case(f"utf8-{name}", "a text that is UTF-8", message(good), (good,))
    euro = "€".encode()
    cut_through = frames(text(euro[:1], False), text(euro[1:], True, CONTINUATION))
    yield Case("utf8-cut-through", "a character that two fragments share", cut_through, ("€",))
    bad = {
        "surrogate": b"\xed\xa0\x80",
        "overlong": b"\xc0\xaf",
        "beyond": b"\xf4\x90\x80\x80",
        "alone": b"\x80",
        "half": euro[:2],
        "after-good": "κόσμε".encode() + b"\xff",
    }
    for name, data in bad.items():
        yield Case(f"utf8-{name}", f"a text with {data!r}", frames(text(data)), codes=(BAD_DATA,))
    halves = frames(text(b"\xce", False), text(b"\xff", True, CONTINUATION))
    yield Case("utf8-bad-fragments", "a text that is not UTF-8, in two fragments", halves, codes=(BAD_DATA,))


def _closes() -> Iterator[Case]:
    yield Case("close-empty", "a close frame without a code", frames(Frame(CLOSE)), codes=(1000, 1005))
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999):
        yield Case(
            f"close-{code}", f"a close frame with {code}", frames(Frame(CLOSE, close_payload(code))), codes=(code,)
        )
    full = Frame(CLOSE, close_payload(1000, "*" * 123))
    yield Case("close-reason-123", "a reason of 123 bytes", frames(full), codes=(1000,))
    too_long = Frame(CLOSE, close_payload(1000, "*" * 124))
    yield Case("close-reason-124", "a reason of 124 bytes, one too many", frames(too_long), codes=(PROTOCOL_ERROR,))
    yield Case("close-half", "a close frame with one byte", frames(Frame(CLOSE, b"\x03")), codes=(PROTOCOL_ERROR,))
    for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535):
        bad = frames(Frame(CLOSE, close_payload(code)))
        yield Case(f"close-{code}", f"a close frame with {code}, which may not be sent", bad, codes=(PROTOCOL_ERROR,))
    words = frames(Frame(CLOSE, close_payload(1000) + b"\xff"))
    yield Case("close-words", "a close frame whose reason is not UTF-8", words, codes=(PROTOCOL_ERROR, BAD_DATA))
    after = frames(Frame(CLOSE, close_payload(1000)), text("too late"))
    yield Case("close-then-text", "a text after a close frame", after, codes=(1000,))


def _masks() -> Iterator[Case]:
    def unmasked(client: Client) -> None:
        client.send_frame(text("hello"), mask=False)

    yield Case("no-mask", "a text without a mask, from a client", unmasked, codes=(PROTOCOL_ERROR,))


def _compressed() -> Iterator[Case]:
    chance = random.Random(1)
    for size in (0, 10, 1_000, 100_000):
        words = " ".join(chance.choice(["one", "two", "three"]) for _ in range(size // 4))
        yield Case(
            f"deflate-{size}", f"a compressed text of {len(words):,} bytes", message(words), (words,), compression=True
        )
        pieces = range(1, size // 8, max(1, size // 80))
        says = f"a compressed text of {len(words):,} bytes in fragments"
        yield Case(f"deflate-{size}-in-fragments", says, message(words, *pieces), (words,), compression=True)

    def again(client: Client) -> None:
        for _ in range(5):
            client.send("the same")

    yield Case("deflate-window", "five equal texts, with the window kept", again, ("the same",) * 5, compression=True)
    plain = frames(text("plain"))
    yield Case("deflate-not-used", "a text that is not compressed", plain, ("plain",), compression=True)
    rubbish = frames(text(b"\xff\xff\xff rubbish", rsv=4))
    yield Case(
        "deflate-rubbish",
        "a compressed text that does not inflate",
        rubbish,
        codes=(PROTOCOL_ERROR, BAD_DATA, 1011),
        compression=True,
    )
    later = frames(text(b"", False, rsv=4), text(b"", True, CONTINUATION, 4))
    yield Case(
        "deflate-bit-later", "the compression bit on a continuation", later, codes=(PROTOCOL_ERROR,), compression=True
    )
    ping = frames(Frame(PING, rsv=4))
    yield Case("deflate-ping", "the compression bit on a ping", ping, codes=(PROTOCOL_ERROR,), compression=True)
    bad = frames(Frame(TEXT, Deflate().compress(b"\xff\xfe"), rsv=4))
    yield Case("deflate-not-utf8", "a compressed text that is not UTF-8", bad, codes=(BAD_DATA,), compression=True)


def cases() -> list[Case]:
    """All of them."""
    parts = (_sizes, _control, _reserved, _fragments, _utf8, _closes, _masks, _compressed)
    return [case for part in parts for case in part()]


__all__ = ["BINARY", "Case", "Message", "cases", "frames", "message", "text"]
