"""One instance of a service over HTTP: Knative's container. It listens on $PORT, takes a request at a time, and is not frozen in between."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field

import h11

from labkit.services.functions import failure
from labkit.services.functions.instance import BUFFER, Instance, Outcome
from labkit.services.functions.invocation import BAD_GATEWAY, GATEWAY_TIMEOUT, Invocation
from labkit.services.functions.runtime_api import TooLarge, read_body, read_event
from labkit.services.functions.settings import LARGEST_PAYLOAD

POLL = 0.01  # seconds between two looks whether it listens: a port tells nobody
KNOCK = 20.0  # seconds for the process that connects for us
HEADERS = 64 * 1024  # bytes of an answer's
MOST = 100  # of them


@dataclass(frozen=True)
class Answered(Outcome):
    """What came of a request: HTTP's status and headers; the body is the answer's, or says why there is none."""

    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class HttpInstance(Instance):
    """Ready as soon as its port is open. `failed` of what it answers is whether the status is none of 2xx."""

    _control: socket.socket | None = None

    async def start(self) -> None:
        """See `Instance`."""
        async with self._life:
            self._timeline.enter(self.number, "start")
            self.ended.add_done_callback(lambda _: self._timeline.ended(self.number, self._why or "exit"))
            self._control = await self._box.start()
            self._init_from = time.monotonic()
            self._timeline.enter(self.number, "init")

    async def initialised(self, seconds: float) -> bytes | None:
        """Waits until it listens: None, or why it does not, empty where it took too long."""
        until = time.monotonic() + seconds
        while self.usable and time.monotonic() < until:
            if made := await self._connected():
                made.close()  # as a readiness probe does
                self.init_ms = 1000 * (time.monotonic() - self._init_from)
                self.init_cpu_ms = await self._cpu_since_last()
                self._timeline.enter(self.number, "idle")
                return None
            await asyncio.sleep(POLL)
        failed = failure.exited("", self.ended.result()) if self.ended.done() else b""
        self.kill("init")
        return failed

    async def run(self, invocation: Invocation, seconds: float) -> Answered | None:
        """Sends it the request. None where it had ended before. One that takes too long is answered for, and goes on, as on Knative."""
        if (made := await self._connected()) is None:
            self.kill("exit")
            return None
        self._timeline.enter(self.number, "run", invocation.request_id)
        self.used += 1
        began, self._done = time.monotonic(), self._loop.create_future()
        exchange = asyncio.ensure_future(self._exchange(invocation, made, self._done))
        try:
            await self._until_done(invocation, seconds)
            if self.ended.done():  # what it had sent before it ended counts
                await asyncio.wait([exchange], timeout=KNOCK)
        finally:
            exchange.cancel()
            await asyncio.gather(exchange, return_exceptions=True)
        took = time.monotonic() - began
        self.cpu_ms = await self._cpu_since_last()
        self._timeline.enter(self.number, "idle")
        return self._answered(took, seconds)

    async def rest(self) -> None:
        """It is not frozen: what it does in the background goes on."""

    async def close(self) -> None:
        """See `Instance`."""
        await super().close()
        if self._control:
            self._control.close()

    def _answered(self, took: float, seconds: float) -> Answered:
        if self._done.done():
            done = self._done.result()
            assert isinstance(done, Answered)
            return Answered(done.body, done.failed, done.status, took, done.code, done.headers)
        if self.ended.done():
            return _no_answer("the container ended in the middle of the request", took)
        said = f"the request took longer than {seconds:g} s".encode()
        return Answered(said, True, "timeout", seconds, GATEWAY_TIMEOUT)

    async def _exchange(self, invocation: Invocation, made: socket.socket, done: asyncio.Future[Outcome]) -> None:
        """One request and its answer, on a connection of its own. Where none comes, it is looked whether the container is still there."""
        try:
            answer = await self._asked(invocation, made)
        except (OSError, EOFError, ValueError):  # ValueError: what was handed out is no connection
            answer = _no_answer("the container closed the connection without an answer")
            if again := await self._connected():
                again.close()
            else:
                self.kill("exit")
                return
        except h11.ProtocolError as error:
            answer = _no_answer(f"the container's answer is no HTTP: {str(error)[:200]}")
        except TooLarge:
            answer = _no_answer("the answer is too large")
        if not done.done():
            done.set_result(answer)

    async def _asked(self, invocation: Invocation, made: socket.socket) -> Answered:
        request = json.loads(invocation.payload)
        reader, writer = await asyncio.open_connection(sock=made, limit=BUFFER)
        try:
            writer.write(_written(request["headers"], request["body"].encode()))
            await writer.drain()
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADERS)
            connection.send(h11.Request(method="POST", target="/", headers=[("Host", self._box.name)]))
            connection.send(h11.EndOfMessage())
            response, body = await _answer(connection, reader)
            if len(body) > LARGEST_PAYLOAD:
                raise TooLarge
        finally:
            writer.close()
        headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in list(response.headers)[:MOST]}
        failed = not 200 <= response.status_code < 300
        return Answered(body, failed, "error" if failed else "success", 0.0, response.status_code, headers)

    async def _connected(self) -> socket.socket | None:
        """A connection to its port, from inside; None where nobody listens."""
        control = self._control
        if control is None or self.ended.done():
            return None
        with suppress(OSError):
            control.send(b"c")
            told = self._loop.create_future()
            self._loop.add_reader(control, lambda: told.done() or told.set_result(None))
            try:
                await asyncio.wait([told, self.ended], timeout=KNOCK, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._loop.remove_reader(control)
            if told.done():
                _, fds, _, _ = socket.recv_fds(control, 1, 1)
                if fds:
                    return _connection(fds[0])
        return None


def _connection(handed_out: int) -> socket.socket:
    """What a process of the instance handed out, as a connection. Raises OSError where it is none."""
    try:
        made = socket.socket(fileno=handed_out)
    except OSError:
        os.close(handed_out)
        raise
    made.setblocking(False)
    return made


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Response, bytes]:
    """The answer to a request. Raises EOFError where the connection was closed before its first byte, TooLarge, and h11's errors."""
    try:
        while not isinstance(response := await read_event(connection, reader), h11.Response):
            if not isinstance(response, h11.InformationalResponse):
                raise EOFError
    except h11.RemoteProtocolError:
        if connection.trailing_data == (b"", True):
            raise EOFError from None
        raise
    return response, await read_body(connection, reader)


def _written(headers: dict[str, str], body: bytes) -> bytes:
    """The request as it goes out; the names of headers keep their large and small letters."""
    connection = h11.Connection(h11.CLIENT)
    lines = [("Host", "service.default.svc.cluster.local"), ("Content-Length", str(len(body))), *headers.items()]
    sent = connection.send(h11.Request(method="POST", target="/", headers=[*lines, ("Connection", "close")])) or b""
    return sent + (connection.send(h11.Data(data=body)) or b"") + (connection.send(h11.EndOfMessage()) or b"")


def _no_answer(why: str, seconds: float = 0.0) -> Answered:
    return Answered(why.encode(), True, "error", seconds, BAD_GATEWAY)
