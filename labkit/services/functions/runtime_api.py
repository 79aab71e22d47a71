"""The AWS Lambda Runtime API of one instance: HTTP on the one side, the instance's own events on the other.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. What an instance sends is untrusted: its sizes are bounded, and it can speak
for nobody but itself, as each instance has a listening socket of its own.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import h11

from labkit.services.functions.settings import LARGEST_ANSWER

HEADERS = 2 * 1024 * 1024  # bytes: the runtime sends tracebacks of up to 1 MiB in one header
LARGEST_BODY = LARGEST_ANSWER + 1024 * 1024  # a longer one is not read to its end
CHUNK = 256 * 1024
VERSION = "/2018-06-01/runtime/"
JSON = (
    "application/json"  # exactly so: with a charset behind it the runtime gives the handler bytes instead of the event
)
CONNECTIONS = 16  # at a time, of one instance


@dataclass(frozen=True)
class Reply:
    """What the runtime is answered."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())


ACCEPTED = Reply(202, b'{"status":"OK"}')


def refused(status: int, kind: str, message: str) -> Reply:
    """An error in the Runtime API's own form."""
    return Reply(status, json.dumps({"errorType": kind, "errorMessage": message}).encode())


class Runtime(Protocol):
    """What an instance does when its runtime speaks."""

    async def next(self) -> Reply:
        """The next event, whenever it comes."""
        ...

    def answered(self, request_id: str, body: bytes, *, error: bool) -> Reply:
        """The handler's answer to an event, or its error."""
        ...

    def init_failed(self, body: bytes) -> Reply:
        """The code outside of the handler did not run."""
        ...


class TooLarge(Exception):
    """A body is longer than anything that is carried."""


class RuntimeApi:
    """Serves the connections of one instance."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._open: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as long as it lasts."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if len(self._open) <= CONNECTIONS:
                await self._serve(reader, writer)
        except (OSError, EOFError, h11.ProtocolError, TooLarge, asyncio.CancelledError):
            pass  # the instance is gone, or speaks no HTTP
        finally:
            self._open.discard(task)
            writer.close()

    async def close(self) -> None:
        """Ends every connection."""
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS)
        while True:
            request = await read_event(connection, reader)
            if not isinstance(request, h11.Request):
                return
            body = await read_body(connection, reader)
            reply = await self._reply(request.method.decode(), request.target.decode("ascii", "replace"), body)
            headers = [("Content-Type", JSON), ("Content-Length", str(len(reply.body))), *reply.headers]
            sent = connection.send(h11.Response(status_code=reply.status, headers=headers)) or b""
            sent += connection.send(h11.Data(data=reply.body)) or b""
            writer.write(sent + (connection.send(h11.EndOfMessage()) or b""))
            await writer.drain()
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _reply(self, method: str, target: str, body: bytes) -> Reply:
        what = target.removeprefix(VERSION).split("/") if target.startswith(VERSION) else []
        match method, what:
            case "GET", ["invocation", "next"]:
                return await self._runtime.next()
            case "POST", ["invocation", request_id, "response" | "error" as kind]:
                return self._runtime.answered(request_id, body, error=kind == "error")
            case "POST", ["init", "error"]:
                return self._runtime.init_failed(body)
        return refused(404, "NotFound", f"The Runtime API has no {method} {target[:200]}")


async def read_event(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Event | type[h11.PAUSED]:
    """What the other end says next. Raises EOFError where it is gone, and h11's errors."""
    while (event := connection.next_event()) is h11.NEED_DATA:
        with suppress(ConnectionResetError):
            connection.receive_data(await reader.read(CHUNK))
            continue
        raise EOFError
    return event  # type: ignore[return-value]


async def read_body(connection: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    """All of a body. Raises TooLarge, and as `read_event`."""
    body = bytearray()
    while isinstance(event := await read_event(connection, reader), h11.Data):
        body += event.data
        if len(body) > LARGEST_BODY:
            raise TooLarge
    return bytes(body)
