"""One connection, held by the course: it keeps the rules until it is told to break one, and logs all that happens.

client = await Client.open(path, "/room/7")       # a Unix socket
client.send("hello")
message = await client.receive()
client.close(1000)
ending = await client.ended()                       # code, reason, and whether there was a close frame at all
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from labkit.kinds.websocket import handshake
from labkit.kinds.websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    NO_CLOSE,
    PING,
    PONG,
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

T = TypeVar("T")
PATIENCE = 20.0  # seconds for what takes milliseconds: other load must not reach it
LOOK = 0.02  # seconds between two looks at a socket that is no longer read
SHORT = 80  # characters of a message that the log keeps
LONGEST_LOG = 5_000  # events; what comes after that is not logged
MOST_WAITING = 100_000  # messages that nobody took: whoever floods is cut off
MOST_BYTES = 16 * 2**20  # that come in all on one connection; no lab's takes a tenth of it
Who = Literal["us", "them"]


class Silence(Exception):
    """What was awaited did not come in time."""


class Ended(Exception):
    """The connection ended while something else was awaited."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(f"the connection ended ({ending})")
        self.ending = ending


class Refused(Exception):
    """The server did not open the connection: `head` is its answer, or None where it said nothing that is HTTP; `body` is what came
    with the head."""

    def __init__(self, why: str, head: handshake.Head | None = None, body: bytes = b"") -> None:
        super().__init__(why)
        self.head, self.body = head, body

    @property
    def status(self) -> int:
        """The HTTP status; 0 without one."""
        return self.head.status if self.head else 0


@dataclass(frozen=True)
class Event:
    """Something on the wire: `at` in seconds of the monotonic clock, who sent it, what it was, and a short text."""

    at: float
    who: Who
    kind: str  # open, text, binary, fragment, ping, pong, close, refused, violation, end, cut
    text: str = ""
    size: int = 0


@dataclass(frozen=True)
class Ending:
    """How a connection ended for us. Without a close frame the code is 1006; a close frame without a code is 1005."""

    code: int
    reason: str
    at: float

    def __str__(self) -> str:
        return f"{self.code} {self.reason!r}" if self.reason else str(self.code)


class Connection(asyncio.Protocol):
    """What both sides have. `answers_pings` and `answers_close` may be set to False, to see what the other side does then."""

    is_client: bool

    def __init__(self) -> None:
        self.log: list[Event] = []
        self.answers_pings = self.answers_close = True
        self.violation: Violation | None = None
        self.ending: Ending | None = None
        self.head: handshake.Head | None = None  # what the other side said in the handshake
        self.waiting: list[Message] = []  # messages that nobody took yet
        self.pongs: list[bytes] = []
        self.pings: list[bytes] = []  # theirs, answered or not
        self._told: tuple[int, str, float] | None = None  # their close frame
        self._closing = self._gone = False
        self._transport: asyncio.Transport | None = None
        self._buffer = b""  # until the handshake is over
        self._received = 0  # bytes
        self._reader: Reader | None = None
        self._messages = Messages()
        self._deflate: Deflate | None = None
        self._wakers: set[asyncio.Future[None]] = set()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._received += len(data)
        try:
            if self._received > MOST_BYTES:
                raise Violation(f"a flood: over {MOST_BYTES // 2**20} MB that nobody asked for", 1008)
            if self._reader is None:
                self._buffer += data
                found = handshake.read_head(self._buffer)
                if found is None:
                    return
                self.head, self._buffer = found
                self._shake(self.head)
                data, self._buffer = self._buffer, b""
            if self._reader and self._told is None:
                for frame in self._reader.feed(data):
                    self._take(frame)
        except Violation as violation:
            self._broken(violation)
        self._wake()

    def eof_received(self) -> bool:
        """See asyncio.Protocol. Who has vanished does not hear of it: the connection stays until the other side gives it up."""
        if self._gone:
            self._hang_up = asyncio.ensure_future(self._await_hang_up())
        return self._gone

    async def _await_hang_up(self) -> None:
        """Until the other side has closed its socket, and not only said that it says no more. Polled: nobody tells who does not read."""
        if self._transport is None:
            return
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), 0)
        while self._transport and not self._transport.is_closing():
            if poll.poll(0):
                self._transport.abort()
                return
            await asyncio.sleep(LOOK)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None  # asyncio's transport takes no call any more
        if self.ending is None:
            code, reason, at = self._told or (NO_CLOSE, "", time.monotonic())
            self.ending = Ending(code, reason, at)
            self._note("them", "end" if self._told else "cut", type(exc).__name__ if exc else "")
        self._wake()

    # what a check does

    def send(self, content: str | bytes, *, pieces: Sequence[int] = (), stored: bool = False) -> None:
        """Sends a message; with `pieces` in fragments that end at those bytes of its payload; `stored` as in `Deflate.compress`."""
        payload, opcode = (content.encode(), TEXT) if isinstance(content, str) else (content, BINARY)
        self._note("us", "text" if opcode == TEXT else "binary", _short(content), len(payload))
        rsv = 0
        if self._deflate:
            payload, rsv = self._deflate.compress(payload, stored=stored), 4
        ends = [*(at for at in pieces if 0 < at < len(payload)), len(payload)]
        starts = [0, *ends[:-1]]
        for start, end in zip(starts, ends, strict=True):
            first, last = start == 0, end == len(payload)
            part = Frame(opcode if first else CONTINUATION, payload[start:end], last, rsv if first else 0)
            self._write(part.write(mask=self.is_client))
            if len(ends) > 1:
                self._note("us", "fragment", "", end - start)

    def send_frame(self, frame: Frame, *, mask: bool | None = None, claims: int | None = None) -> None:
        """Sends one frame, right or wrong."""
        self._note("us", frame.name, _short(frame.payload), len(frame.payload))
        self._write(frame.write(mask=self.is_client if mask is None else mask, claims=claims))

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes that are whatever they are."""
        self._note("us", "bytes", "", len(data))
        self._write(data)

    def ping(self, payload: bytes = b"") -> None:
        """Sends a ping."""
        self.send_frame(Frame(PING, payload))

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Begins the closing handshake; with code None, without a code."""
        if not self._closing:
            self._closing = True
            self._note("us", "close", f"{code or ''} {reason}".strip())
            payload = b"" if code is None else close_payload(code, reason)
            self._write(Frame(CLOSE, payload).write(mask=self.is_client))

    def vanish(self) -> None:
        """From now on as if the cable were pulled: nothing is answered, and nobody is told. That the other side ends it is still seen."""
        self._gone = True
        self._note("us", "vanished")

    def pause(self) -> None:
        """Reads nothing more until `resume`: the other side's buffers fill up."""
        if self._transport and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """The end of `pause`."""
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()

    def cut(self) -> None:
        """Ends the connection at once, without a close frame."""
        if self.ending is None:
            self._note("us", "cut")
        if self._transport:
            self._transport.abort()

    def hang_up(self) -> None:
        """Ends the connection without a close frame, once all that was written has left."""
        if self.ending is None:
            self._note("us", "cut")
        if self._transport:
            self._transport.close()

    @property
    def is_compressed(self) -> bool:
        """Whether compression was agreed on."""
        return self._deflate is not None

    @property
    def told(self) -> tuple[int, str, float] | None:
        """Code, reason and moment of the other side's close frame, when it came."""
        return self._told

    async def receive(self, seconds: float = PATIENCE) -> Message:
        """The next message. Raises Ended, Silence, Violation."""

        def there() -> bool:
            if not self.waiting and self.ending:
                raise Ended(self.ending)
            return bool(self.waiting)

        await self.until(there, seconds, "a message")
        return self.waiting.pop(0)

    async def ended(self, seconds: float = PATIENCE) -> Ending:
        """Waits for the end. Raises Silence; Violation only where that was how it ended."""
        await self.until(lambda: self.ending, seconds, "the end of the connection", strict=False)
        assert self.ending is not None
        return self.ending

    async def let_go(self, seconds: float = PATIENCE) -> None:
        """Waits until the other side has closed its socket, also where we do not read. Raises Silence."""
        try:
            async with asyncio.timeout(seconds):
                await self._await_hang_up()
        except TimeoutError:
            raise Silence(f"the end of the connection did not come within {seconds:g} s") from None

    async def until(self, condition: Callable[[], T], seconds: float, what: str, *, strict: bool = True) -> T:
        """Waits until the condition is true of this connection, and returns its value. Raises Silence, and a Violation that came before."""
        until = time.monotonic() + seconds
        while not (found := condition()):
            if strict and self.violation:
                raise self.violation
            waker = asyncio.get_running_loop().create_future()
            self._wakers.add(waker)
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    await waker
            except TimeoutError:
                raise Silence(f"{what} did not come within {seconds:g} s") from None
            finally:
                self._wakers.discard(waker)
        return found

    # inside

    def _shake(self, head: handshake.Head) -> None:
        raise NotImplementedError

    def _opened(self, deflate: Deflate | None) -> None:
        self._deflate = deflate
        self._messages = Messages(deflate)
        self._reader = Reader(masks=not self.is_client)

    def _take(self, frame: Frame) -> None:
        got = self._messages.feed(frame)
        if isinstance(got, Message):
            self._note(
                "them", "text" if isinstance(got.content, str) else "binary", _short(got.content), len(got.content)
            )
            self.waiting.append(got)
            if len(self.waiting) > MOST_WAITING:
                raise Violation(f"a flood: {MOST_WAITING:,} messages that nobody asked for", 1008)
        elif got is None:
            self._note("them", "fragment", "", len(frame.payload))
        elif got.opcode == CLOSE:
            self._take_close(got)
        else:
            self._note("them", got.name, _short(got.payload), len(got.payload))
            if got.opcode == PONG:
                self.pongs.append(got.payload)
                return
            self.pings.append(got.payload)
            if self.answers_pings and not self._closing:
                self._note("us", "pong", _short(got.payload), len(got.payload))
                self._write(Frame(PONG, got.payload).write(mask=self.is_client))

    def _take_close(self, frame: Frame) -> None:
        code, reason = close_meaning(frame.payload)
        self._told = code, reason, time.monotonic()
        self._note("them", "close", f"{code} {reason}".strip())
        if self.answers_close and not self._gone:
            self._note("us", "close", str(code))
            if not self._closing:
                self._write(Frame(CLOSE, frame.payload[:2]).write(mask=self.is_client))
            if not self.is_client and self._transport:
                self._transport.close()  # a server ends TCP, a client waits for that (RFC 6455, 7.1.1)
        self._closing = True

    def _broken(self, violation: Violation) -> None:
        self.violation = violation
        self._note("them", "violation", str(violation))
        self.close(violation.code)
        if self._transport:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if not self._gone and self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def _note(self, who: Who, kind: str, text: str = "", size: int = 0) -> None:
        if len(self.log) < LONGEST_LOG:
            self.log.append(Event(time.monotonic(), who, kind, text, size))

    def _wake(self) -> None:
        for waker in self._wakers:
            if not waker.done():
                waker.set_result(None)


class Client(Connection):
    """A client of a learner's server, on its Unix socket."""

    is_client = True

    def __init__(self, target: str, compression: bool, headers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.target, self._compression, self._headers = target, compression, headers
        self._key = handshake.new_key()
        self.refused: Refused | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        target: str = "/",
        *,
        compression: bool = False,
        headers: Sequence[tuple[str, str]] = (),
        seconds: float = PATIENCE,
    ) -> Self:
        """A connection that is open. Raises Refused, and Silence when nobody answers in time."""
        client = await cls.dial(path, target, compression=compression, headers=headers, seconds=seconds)
        client.shake()
        return await client.is_open(seconds)

    @classmethod
    async def dial(cls, path: Path, target: str = "/", *, compression: bool = False, headers: Sequence[tuple[str, str]] = (),
                   seconds: float = PATIENCE) -> Self:  # fmt: skip
        """A connection on which nothing was said yet. Raises Refused when nobody listens, or the queue stays full."""
        until = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, client = await loop.create_unix_connection(lambda: cls(target, compression, headers), str(path))
                return client
            except BlockingIOError:  # so many connect that the queue of the socket is full; nobody tells when it is not
                if time.monotonic() > until:
                    raise Refused("the server takes no more connections") from None
                await asyncio.sleep(0.01)
            except OSError as error:
                raise Refused(f"nobody listens on the server's socket ({type(error).__name__})") from None

    def shake(self) -> None:
        """Sends the request of the handshake."""
        self._note("us", "open", self.target)
        self._write(handshake.request(self.target, self._key, compression=self._compression, headers=self._headers))

    async def is_open(self, seconds: float = PATIENCE) -> Self:
        """Waits for the server's answer. Raises Refused and Silence."""

        def answered() -> bool:
            if self.ending and not self._reader:
                raise self.refused or Refused("the server ended the connection and said nothing")
            if self.violation and not self._reader:
                raise Refused(f"the server sent {self.violation}", self.head)
            if self.refused:
                raise self.refused
            return bool(self._reader)

        try:
            await self.until(answered, seconds, "the answer to the handshake", strict=False)
        except BaseException:
            self.cut()
            raise
        return self

    def _shake(self, head: handshake.Head) -> None:
        if head.status != 101:
            self._note("them", "refused", head.line[:SHORT])
            self.refused = Refused(f"the server answered {head.line[:SHORT]!r}", head, self._buffer)
            return
        deflate = handshake.check_response(head, self._key, compression=self._compression)
        self._note("them", "open", "101")
        self._opened(deflate)


class Served(Connection):
    """The server's end of a connection that a learner's client opened. `on_request` decides: it calls `accept` or `refuse`."""

    is_client = False

    def __init__(self, on_request: Callable[[Served], Any], on_data: Callable[[Served], Any] | None = None) -> None:
        super().__init__()
        self._on_request, self._on_data = on_request, on_data

    def accept(self, *, compression: bool = False, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Opens the connection."""
        assert self.head is not None
        answer, deflate = handshake.response(self.head, compression=compression, headers=headers)
        self._note("us", "open", "101")
        self._opened(deflate)
        self._write(answer)

    def refuse(self, status: int, reason: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answers with another status, and ends the connection."""
        self._note("us", "refused", f"{status} {reason}")
        self._write(handshake.refusal(status, reason, headers=headers))
        if self._transport:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        if self._on_data and self._reader:
            self._on_data(self)

    def _shake(self, head: handshake.Head) -> None:
        self._note("them", "open", head.target[:SHORT])
        self._on_request(self)


def _short(content: str | bytes) -> str:
    text = content if isinstance(content, str) else content[:SHORT].decode("utf-8", "backslashreplace")
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"
