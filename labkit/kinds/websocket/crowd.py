"""Thousands of clients at once, held by the course, for labs in which the number is the point.

with Crowd(path) as crowd:
    crowd.grow(10_000)                    # so many more, who have been let in
    crowd.say("are you there?")           # each of them says it
    crowd.hear("yes")                     # each of them has heard it
    crowd.wait(10)                        # nobody says anything; pings are answered
    crowd.leave()                         # a close frame from each, and one to each

One thread and one selector, without asyncio: a client costs about a kilobyte. What is sent is written once for all; what comes is
compared as bytes where it is one short frame, as nearly always. Everything else takes the way of `Connection`: `Reader` and `Messages`.
"""

from __future__ import annotations

import contextlib
import math
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from labkit.kinds.websocket import handshake
from labkit.kinds.websocket.connection import PATIENCE, Ended, Ending, Refused, Silence
from labkit.kinds.websocket.frames import (
    CLOSE,
    NO_CLOSE,
    PING,
    PONG,
    TEXT,
    Frame,
    Message,
    Messages,
    Reader,
    Violation,
    close_meaning,
)

AT_ONCE = 64  # handshakes that are under way: fewer than the shortest queue of a server, asyncio's of 100
OWN_FILES = 300  # open files that this process needs besides
SLICE = 128  # clients that speak before we listen again
LARGEST_READ = 64 * 1024
TURN = 0.05  # seconds of one wait: then the time is looked at
FIRST_TEXT = 0x80 | TEXT  # a text message of one frame that is not compressed
MOST_BYTES, MOST_IN_ALL = 2**20, 2**26  # that come to one client, and to all of them together; no lab's take half of it
KEPT = 1_000  # bytes of a text that is kept once for all


def room(wanted: int) -> int:
    """How many clients this process can hold, `wanted` at most; its limit on open files is raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == resource.RLIM_INFINITY else max(0, min(wanted, soft - OWN_FILES))


class Member:
    """One client of a crowd."""

    __slots__ = (
        "ending",
        "head",
        "heard",
        "is_open",
        "key",
        "messages",
        "reader",
        "received",
        "rest",
        "sock",
        "told",
        "unsent",
    )

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.key = handshake.new_key()  # each its own: by one that many share, a server would know who they are
        self.is_open = False
        self.heard: deque[str | bytes] | None = None  # messages that nobody took yet
        self.rest = b""  # of the handshake
        self.unsent = b""
        self.received = 0  # bytes
        self.head: handshake.Head | None = None
        self.reader: Reader | None = None  # from the first frame on that is not a short text of one frame
        self.messages: Messages | None = None  # of its own where compression was agreed on
        self.told: tuple[int, str] | None = None
        self.ending: Ending | None = None


class Crowd:
    """A context manager: leaving it cuts all clients off. Only one thread may use it at a time."""

    def __init__(self, path: Path, target: str = "/", *, compression: bool = True) -> None:
        self._path, self._target, self._compression = str(path), target, compression
        self._selector = selectors.DefaultSelector()
        self._all: dict[int, Member] = {}  # by the number of their socket
        self._opening: set[Member] = set()
        self._texts: dict[bytes, str] = {}  # so that what all hear is one string
        self.pings = 0  # that came, in all
        self._bytes = 0  # that came, as they came and inflated, in all
        self._ended: Member | None = None  # the first that was ended by the other side
        self._wrong: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._selector.close()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def open(self) -> int:
        """How many have been let in, and are there."""
        return len(self._all) - len(self._opening)

    # what a check does

    def grow(self, count: int, seconds: float = PATIENCE) -> None:
        """So many more, each let in. `seconds` is for a time in which nobody is. Raises Refused, Silence, Ended, Violation."""
        wanted, until = len(self._all) + count, time.monotonic() + seconds
        while len(self._all) < wanted or self._opening:
            before = self.open
            while len(self._all) < wanted and len(self._opening) < AT_ONCE and self._dial():
                pass
            self._turn()
            if self.open > before:
                until = time.monotonic() + seconds
            elif time.monotonic() > until:
                raise Silence(f"an answer to a handshake did not come within {seconds:g} s")

    def say(self, text: str, who: Iterable[Member] | None = None) -> None:
        """Each of them, or each of these, says it. Raises Ended, Violation."""
        data = Frame(TEXT, text.encode()).write(mask=True)
        for number, member in enumerate(list(self._all.values()) if who is None else who, 1):
            self._send(member, data)
            if number % SLICE == 0:
                self._turn(0.0)

    def hear(
        self, text: str, seconds: float = PATIENCE, who: Iterable[Member] | None = None, *, within: float = math.inf
    ) -> None:
        """Waits until the next message of each of them, or of each of these, is there. Raises Unheard unless it is this one, and Ended, Silence,
        Violation. `seconds` is for a time in which none comes, and `within` for all of it."""
        missing = set(self._all.values()) if who is None else set(who)
        until, end = time.monotonic() + seconds, time.monotonic() + within
        while missing:
            came = [member for member in missing if member.heard]
            for member in came:
                assert member.heard is not None
                if (found := member.heard.popleft()) != text:
                    raise Unheard(found)
            missing.difference_update(came)
            now = time.monotonic()
            until = now + seconds if came else until
            if missing and now > min(until, end):
                waited = seconds if now > until else within
                raise Silence(f"a message did not come to {len(missing):,} clients within {waited:.0f} s")
            if missing:
                self._turn()

    def wait(self, seconds: float) -> None:
        """Nobody says anything for so long; pings are answered. Raises Ended, Violation."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._turn(min(TURN, left))

    def untaken(self) -> str | bytes | None:
        """A message that somebody has heard and nobody waited for."""
        return next((member.heard[0] for member in self._all.values() if member.heard), None)

    def some(self, count: int) -> list[Member]:
        """So many of them, spread over the order in which they came."""
        everybody = list(self._all.values())
        return everybody[:: max(1, len(everybody) // count)][:count]

    def latest(self, count: int) -> list[Member]:
        """Those who came last."""
        return list(self._all.values())[-count:]

    def leave(self, seconds: float = PATIENCE) -> list[int]:
        """Each sends a close frame with 1000. Returns the close codes that were answered with, once all connections are over; 1006 where there was
        none. `seconds` is for a time in which none ends. Raises Silence, Violation."""
        leaving = list(self._all.values())
        data = Frame(CLOSE, b"\x03\xe8").write(mask=True)
        for number, member in enumerate(leaving, 1):
            member.told = None
            self._send(member, data)
            if number % SLICE == 0:
                self._turn(0.0, ending=True)
        until, left = time.monotonic() + seconds, len(self._all)
        while self._all:
            self._turn(ending=True)
            if len(self._all) < left:
                until, left = time.monotonic() + seconds, len(self._all)
            elif time.monotonic() > until:
                raise Silence(f"the end of {left:,} connections did not come within {seconds:g} s")
        self._ended = None
        return [member.ending.code if member.ending else NO_CLOSE for member in leaving]

    def cut(self, who: Iterable[Member] | None = None) -> None:
        """Ends all connections, or these, at once and without a close frame."""
        for member in list(self._all.values()) if who is None else who:
            self._drop(member)
        if not self._all:
            self._ended = self._wrong = None

    # inside

    def _dial(self) -> bool:
        """One more, who has sent its request. False while the server's queue is full. Raises Refused."""
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            sock.connect(self._path)
        except BlockingIOError:
            sock.close()
            return False
        except OSError as error:
            sock.close()
            raise Refused(f"nobody listens on the server's socket ({type(error).__name__})") from None
        member = self._all[sock.fileno()] = Member(sock)
        self._opening.add(member)
        self._selector.register(sock, selectors.EVENT_READ, member)
        self._send(member, handshake.request(self._target, member.key, compression=self._compression))
        return True

    def _turn(self, seconds: float = TURN, *, ending: bool = False) -> None:
        """Takes what has come. Raises Ended where somebody's connection ended that should not, unless it is `ending`; Refused, Violation."""
        for key, event in self._selector.select(seconds):
            if event & selectors.EVENT_WRITE:
                self._send(key.data, b"")
            if event & selectors.EVENT_READ:
                self._listen(key.data)
        if self._wrong:
            wrong, self._wrong = self._wrong, None
            raise wrong
        if self._ended and not ending and self._ended.ending:
            raise Ended(self._ended.ending)

    def _send(self, member: Member, data: bytes) -> None:
        if member.ending:
            return
        data = member.unsent + data
        try:
            sent = member.sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # its end is read
        was_waiting, member.unsent = bool(member.unsent), data[sent:]
        if bool(member.unsent) is not was_waiting:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if member.unsent else 0)
            self._selector.modify(member.sock, events, member)

    def _listen(self, member: Member) -> None:
        if member.sock.fileno() < 0:
            return  # dropped a moment ago
        try:
            data = member.sock.recv(LARGEST_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._over(member)
            return
        member.received += len(data)
        try:
            self._count(len(data))
            if member.received > MOST_BYTES:
                raise Violation(f"a flood: over {MOST_BYTES // 1024:,} kB to one client that nobody asked for", 1008)
            if not member.is_open:
                data = self._shake(member, data)
            if data:
                self._read(member, data)
        except (Violation, Refused) as error:
            self._wrong = self._wrong or error
            self._drop(member)

    def _shake(self, member: Member, data: bytes) -> bytes:
        """What follows the server's answer, once that has come. Raises Refused, Violation."""
        member.rest += data
        if (found := handshake.read_head(member.rest)) is None:
            return b""
        head, rest = found
        if head.status != 101:
            raise Refused(f"the server answered {head.line[:80]!r}", head, rest)
        if deflate := handshake.check_response(head, member.key, compression=self._compression):
            member.messages = Messages(deflate)
        member.rest, member.is_open = b"", True
        self._opening.discard(member)
        return rest

    def _read(self, member: Member, data: bytes) -> None:
        """Takes short texts of one frame here, and gives all else to a reader. Raises Violation."""
        at, size = 0, len(data)
        while member.reader is None and size - at >= 2 and data[at] == FIRST_TEXT and (length := data[at + 1]) < 126:
            end = at + 2 + length
            if end > size:
                break
            self._hears(member, self._text(data[at + 2 : end]))
            at = end
        if at == size:
            return
        reader = member.reader = member.reader or Reader(masks=False)
        for frame in reader.feed(data[at:]):
            self._take(member, frame)
        if not reader.waiting and not (member.messages and member.messages.is_within):
            member.reader = None

    def _count(self, size: int) -> None:
        """Raises Violation where it is too much."""
        self._bytes += size
        if self._bytes > MOST_IN_ALL:
            raise Violation(f"a flood: over {MOST_IN_ALL // 2**20} MB to all clients that nobody asked for", 1008)

    def _text(self, payload: bytes) -> str:
        found = self._texts.get(payload)
        if found is None:
            try:
                found = payload.decode()
            except UnicodeDecodeError:
                raise Violation("a text message that is not UTF-8", 1007) from None
            if len(self._texts) < LARGEST_READ and len(payload) <= KEPT:
                self._texts[payload] = found
        return found

    def _take(self, member: Member, frame: Frame) -> None:
        if member.messages is None:
            member.messages = Messages()
        got = member.messages.feed(frame)
        if isinstance(got, Message):
            self._count(len(got.content) if got.compressed else 0)
            self._hears(member, got.content if isinstance(got.content, bytes) else self._text(got.content.encode()))
        elif got is not None and got.opcode == CLOSE:
            member.told = close_meaning(got.payload)
            self._send(member, Frame(CLOSE, got.payload[:2]).write(mask=True))
        elif got is not None and got.opcode == PING:
            self.pings += 1
            self._send(member, Frame(PONG, got.payload).write(mask=True))

    def _hears(self, member: Member, text: str | bytes) -> None:
        if member.heard is None:
            member.heard = deque()
        member.heard.append(text)

    def _over(self, member: Member) -> None:
        """The other side has ended it."""
        if not member.is_open:
            self._wrong = self._wrong or Refused("the server ended the connection and said nothing")
        code, reason = member.told or (NO_CLOSE, "")
        member.ending = Ending(code, reason, time.monotonic())
        self._ended = self._ended or member
        self._drop(member)

    def _drop(self, member: Member) -> None:
        self._opening.discard(member)
        if self._all.pop(member.sock.fileno(), None):
            self._selector.unregister(member.sock)
        member.sock.close()


class Unheard(Exception):
    """Somebody heard something else than what was awaited: `found`."""

    def __init__(self, found: str | bytes) -> None:
        super().__init__("a client heard something else")
        self.found = found
