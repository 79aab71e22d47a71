"""Frames: written one by one, right or wrong, and read from bytes as they come. No I/O."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NAMES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
DEFLATE_END = b"\x00\x00\xff\xff"  # RFC 7692, 7.2.1: the sender takes it off, the receiver puts it back
LARGEST = 64 * 1024 * 1024  # bytes of a frame or an inflated message that we take from anybody
NO_CODE, NO_CLOSE = 1005, 1006  # what an end without a code, and one without a close frame, are called


class Violation(Exception):
    """The other side broke the protocol. `code` is the close code that RFC 6455 has for it."""

    def __init__(self, text: str, code: int = 1002) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Frame:
    """One frame. `rsv` holds the three reserved bits as a number: 4 is RSV1, the mark of a compressed message."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0

    @property
    def is_control(self) -> bool:
        """Close, ping, pong, or a reserved control frame."""
        return self.opcode >= CLOSE

    @property
    def name(self) -> str:
        """The opcode in words."""
        return NAMES.get(self.opcode, f"opcode {self.opcode:#x}")

    def write(self, *, mask: bool, claims: int | None = None) -> bytes:
        """The frame's bytes: masked, as a client's must be, or not, as a server's. `claims` is a length to lie about."""
        length = len(self.payload) if claims is None else claims
        head = bytes([self.fin << 7 | self.rsv << 4 | self.opcode])
        flag = 0x80 if mask else 0
        if length < 126:
            head += bytes([flag | length])
        elif length < 1 << 16:
            head += bytes([flag | 126]) + length.to_bytes(2, "big")
        else:
            head += bytes([flag | 127]) + length.to_bytes(8, "big")
        if not mask:
            return head + self.payload
        key = os.urandom(4)
        return head + key + masked(self.payload, key)


def masked(payload: bytes, key: bytes) -> bytes:
    """The payload under a key of 4 bytes; again, and it is the payload."""
    size = len(payload)
    if not size:
        return b""
    whole = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(size, "big")


def close_payload(code: int, reason: str = "") -> bytes:
    """What a close frame carries."""
    return struct.pack("!H", code) + reason.encode()


def close_meaning(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame. Raises Violation."""
    if not payload:
        return NO_CODE, ""
    if len(payload) == 1:
        raise Violation("a close frame with half a code")
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise Violation(f"a close frame with code {code}, which may not be sent")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise Violation("a close frame whose reason is not UTF-8", 1007) from None


class Reader:
    """Frames of one direction, from bytes in pieces of any size. `masks` says whether the other side must mask."""

    def __init__(self, *, masks: bool) -> None:
        self._masks = masks
        self._bytes = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._bytes)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete now. Raises Violation; then nothing more can be read."""
        self._bytes += data
        frames: list[Frame] = []
        at = 0
        while found := self._next(at):
            frame, at = found
            frames.append(frame)
        del self._bytes[:at]
        return frames

    def _next(self, at: int) -> tuple[Frame, int] | None:
        have, start = self._bytes, at
        if len(have) < start + 2:
            return None
        first, second = have[start], have[start + 1]
        size, at = second & 0x7F, start + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(have) < at + width:
                return None
            size, at = int.from_bytes(have[at : at + width], "big"), at + width
        if size > LARGEST:
            raise Violation(f"a frame of {size:,} bytes", 1009)
        if bool(second & 0x80) is not self._masks:
            raise Violation("a frame without a mask" if self._masks else "a masked frame from a server")
        end = at + size + (4 if self._masks else 0)
        if len(have) < end:
            return None
        payload = bytes(have[at:end])
        if self._masks:
            payload = masked(payload[4:], payload[:4])
        return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7), end


class Deflate:
    """permessage-deflate, for one side of a connection (RFC 7692). Windows are in bits."""

    def __init__(self, *, out_bits: int = 15, in_bits: int = 15, out_anew: bool = False, in_anew: bool = False) -> None:
        self._out_bits, self._in_bits, self._out_anew, self._in_anew = out_bits, in_bits, out_anew, in_anew
        self._out = self._in = None

    def compress(self, message: bytes, *, stored: bool = False) -> bytes:
        """The payload of a message's frames. `stored`: as it is, in blocks that make it a little longer, which is a right way, too."""
        if stored:
            writer = zlib.compressobj(0, wbits=-self._out_bits)
            self._out = None
            return (writer.compress(message) + writer.flush(zlib.Z_SYNC_FLUSH))[: -len(DEFLATE_END)]
        if self._out is None or self._out_anew:
            self._out = zlib.compressobj(wbits=-self._out_bits)
        return (self._out.compress(message) + self._out.flush(zlib.Z_SYNC_FLUSH))[: -len(DEFLATE_END)]

    def inflate(self, payload: bytes) -> bytes:
        """The message. Raises Violation."""
        if self._in is None or self._in_anew:
            self._in = zlib.decompressobj(wbits=-self._in_bits)
        try:
            message = self._in.decompress(payload + DEFLATE_END, LARGEST)
        except zlib.error as error:
            raise Violation(f"a compressed message that does not inflate ({error})", 1007) from None
        if self._in.unconsumed_tail:
            raise Violation(f"a compressed message of more than {LARGEST:,} bytes", 1009)
        return message


@dataclass(frozen=True)
class Message:
    """A whole message: `str` when it came as text, else bytes."""

    content: str | bytes
    frames: int = 1
    compressed: bool = False


class Messages:
    """Puts frames together to messages, by the rules; control frames come back as they are."""

    def __init__(self, deflate: Deflate | None = None) -> None:
        self._deflate = deflate
        self._first: Frame | None = None
        self._parts: list[bytes] = []

    def feed(self, frame: Frame) -> Message | Frame | None:
        """A message, when the frame completes one; a control frame; None in the middle of a message. Raises Violation."""
        if frame.is_control:
            return self._checked(frame)
        if frame.opcode not in (CONTINUATION, TEXT, BINARY):
            raise Violation(f"a frame with the reserved {frame.name}")
        if (frame.opcode == CONTINUATION) is not bool(self._first):
            raise Violation("a continuation of nothing" if not self._first else "a new message inside of another one")
        if frame.rsv & 3 or (frame.rsv and (self._first or not self._deflate)):
            raise Violation("a frame with reserved bits set")
        self._first = self._first or frame
        self._parts.append(frame.payload)
        return self._whole() if frame.fin else None

    @property
    def is_within(self) -> bool:
        """Whether a message has begun that is not complete."""
        return self._first is not None

    def _checked(self, frame: Frame) -> Frame:
        if frame.name not in NAMES.values():
            raise Violation(f"a frame with the reserved {frame.name}")
        if frame.rsv:
            raise Violation("a control frame with reserved bits set")
        if not frame.fin:
            raise Violation("a control frame in fragments")
        if len(frame.payload) > 125:
            raise Violation(f"a control frame of {len(frame.payload)} bytes")
        if frame.opcode == CLOSE:
            close_meaning(frame.payload)
        return frame

    def _whole(self) -> Message:
        first, parts = self._first, self._parts
        assert first is not None
        self._first, self._parts = None, []
        content, compressed = b"".join(parts), bool(first.rsv)
        if compressed and self._deflate:
            content = self._deflate.inflate(content)
        if first.opcode == BINARY:
            return Message(content, len(parts), compressed)
        try:
            return Message(content.decode(), len(parts), compressed)
        except UnicodeDecodeError:
            raise Violation("a text message that is not UTF-8", 1007) from None
