"""The gate in front of MLflow's server: a key in the address opens one place, and of the server only tracking, registry and artifacts.

/at/KEY/…   what MLflow offers, in the place that KEY opens: the address is at once a tracking URI and, in a browser, the user interface
/labkit     makes, resets and drops places: for whoever has the keeper's own key
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread

from .current import works_in
from .places import Place, Places, Refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

AT = re.compile(r"/at/([0-9a-f]{32,64})(/.*)?", re.DOTALL)
ORDER = 64 * 1024  # bytes of an order to /labkit
ARTIFACTS = re.compile(r"/(ajax-)?api/2\.0/mlflow-artifacts/artifacts(/.*)?", re.DOTALL)
REQUEST = 8 * 2**20  # bytes of a request that is no artifact
READING = re.compile(r"/graphql|.*/search(-datasets)?", re.DOTALL)  # with POST all the same
# What else the server can do (webhooks, model gateways, an assistant with a shell, jobs) would reach out of the place.
OFFERED = re.compile(
    r"""/ | /version | /health | /graphql | /get-artifact | /model-versions/get-artifact
    | /static-files/.* | /(ajax-)?api/3\.0/mlflow/server-info
    | /(ajax-)?api/2\.0/mlflow-artifacts/artifacts(/.*)?
    | /(ajax-)?api/2\.0/?mlflow/(experiments|runs|metrics|logged-models|model-versions|registered-models)(/.*)?
    | /(ajax-)?api/2\.0/mlflow/artifacts/list
    | /ajax-api/2\.0/mlflow/upload-artifact
    | /(ajax-)?api/[23]\.0/mlflow/traces(/.*)?""",
    re.VERBOSE | re.DOTALL,
)


class Gate:
    """An ASGI application around MLflow's."""

    def __init__(self, app: Callable[..., Awaitable[None]], places: Places, key: str) -> None:
        self._app, self._places, self._key = app, places, key

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"] == "/labkit":
            await self._obey(scope, receive, send)
        elif not (opened := AT.fullmatch(scope["path"])) or not (place := self._places.by_key(opened[1])):
            await _refuse(
                send,
                404,
                "RESOURCE_DOES_NOT_EXIST",
                "There is no lab at this address. Open it again from its notebook.",
            )
        elif opened[2] is None:
            await _answer(send, 307, b"", [(b"location", f"{opened[1]}/".encode())])
        elif not OFFERED.fullmatch(opened[2]):
            said = f"{opened[2][:200]} is not offered here: a lab has runs, models and artifacts, and nothing that reaches out of it."
            await _refuse(send, 403, "PERMISSION_DENIED", said)
        else:
            await self._let_in(place, opened[2], scope, receive, send)

    async def _let_in(self, place: Place, path: str, scope: Message, receive: Receive, send: Send) -> None:
        """Hands the request on, as long as what it brings has room."""
        writes = scope["method"] not in ("GET", "HEAD", "OPTIONS") and not READING.fullmatch(path)
        room = await anyio.to_thread.run_sync(place.room) if writes else 0
        if writes and room <= 0:
            said = f"This lab's place is full: it may hold {place.limit / 2**20:g} MB. Reset the lab to go on."
            return await _refuse(send, 413, "RESOURCE_EXHAUSTED", said)
        body = Body(receive, send, room if ARTIFACTS.fullmatch(path) else REQUEST)
        headers = _headers(scope)
        if body.limit < int(headers.get(b"content-length", b"0") or 0):
            return await body.refuse()
        inner = {
            **scope,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "headers": _as_local(scope["headers"]),
        }
        with works_in(place):
            await body.hand_to(self._app, inner)
        if body.size <= body.limit:
            place.grew(body.size)

    async def _obey(self, scope: Message, receive: Receive, send: Send) -> None:
        """An order of the keeper's, or of whoever works with it."""
        given = _headers(scope).get(b"authorization", b"").decode("latin-1")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._key}".encode()):
            return await _refuse(send, 403, "PERMISSION_DENIED", "Not yours.")
        text, more = b"", True
        while more and len(text) <= ORDER:
            message = await receive()
            text, more = text + message.get("body", b""), message.get("more_body", False)
        try:
            told = await anyio.to_thread.run_sync(self._do, json.loads(text))
        except Refused as error:
            return await _refuse(send, 409, "INVALID_STATE", str(error))
        await _answer(send, 200, json.dumps(told).encode(), [(b"content-type", b"application/json")])

    def _do(self, order: dict[str, Any]) -> Any:
        places, name = self._places, str(order.get("place", ""))
        match order["do"]:
            case "make":
                return places.make(name, order["key"], order["limit"])
            case "reset":
                return places.reset(name, order["key"], order["limit"], order["undoable"])
            case "undo_reset":
                return places.undo_reset(name)
            case "drop":
                return places.drop(name)
            case "names":
                return places.names()
            case "fingerprint":
                from .contents import fingerprint

                return fingerprint(places.get(name))
        raise Refused(f"{order['do']!r} is nothing that can be done.")


class Body:
    """What a request brings: it is counted, and one that is too large ends."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self.limit = receive, send, limit
        self.size, self._answered = 0, False

    async def hand_to(self, app: Callable[..., Awaitable[None]], scope: Message) -> None:
        """The application's answer, or our refusal."""
        try:
            await app(scope, self._next, self._tell)
        except Exception:
            if self.size <= self.limit:
                raise
        if self.size > self.limit:
            await self.refuse()

    async def refuse(self) -> None:
        """Says that it is too large, unless the application has answered already."""
        if not self._answered:
            said = f"This is larger than the {max(self.limit, 0) / 2**20:.1f} MB that this lab has room for, so it was not stored."
            await _refuse(self._send, 413, "RESOURCE_EXHAUSTED", said)

    async def _next(self) -> Message:
        message = await self._receive()
        self.size += len(message.get("body", b""))
        return message if self.size <= self.limit else {"type": "http.disconnect"}

    async def _tell(self, message: Message) -> None:
        if self.size <= self.limit or self._answered:
            self._answered = True
            await self._send(message)


def _headers(scope: Message) -> dict[bytes, bytes]:
    return dict(scope["headers"])


def _as_local(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """As a request from this machine: the key is what lets in, so that the host may be any (a proxy's, say). A page of another site stays refused."""
    given = dict(headers)
    hosts = {given.get(name, b"").decode("latin-1") for name in (b"host", b"x-forwarded-host")}
    same = urlsplit(given.get(b"origin", b"").decode("latin-1")).netloc in hosts
    return [(b"host", b"localhost"), *((n, v) for n, v in headers if n != b"host" and not (same and n == b"origin"))]


async def _refuse(send: Send, status: int, code: str, said: str) -> None:
    """An error as MLflow's clients read them."""
    text = json.dumps({"error_code": code, "message": said}).encode()
    await _answer(send, status, text, [(b"content-type", b"application/json")])


async def _answer(send: Send, status: int, text: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(text)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": text})
