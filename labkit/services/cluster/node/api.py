"""The API server, seen by the agent: plain requests, and a copy of a list that stays up to date."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

Object = dict[str, Any]
MERGE = "application/strategic-merge-patch+json"
LONGEST_LINE = 2**24  # bytes: an object may have 1.5 MB
AGAIN = 0.5  # seconds after which a watch that broke is begun anew


class ApiError(Exception):
    """The server refused: `status` is the HTTP status, `reason` its word for it."""

    def __init__(self, status: int, body: str) -> None:
        self.status = status
        try:
            told = json.loads(body)
            self.reason, message = told.get("reason", ""), told.get("message", "")
        except ValueError:
            self.reason, message = "", body[:200]
        super().__init__(f"{status} {message}")


class Api:
    """One connection pool to the API server, its certificate checked."""

    def __init__(self, server: str, ca: Path, token: str) -> None:
        self.server = server
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}", "User-Agent": "labkit-node"},
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(ca)), limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            read_bufsize=LONGEST_LINE,
        )

    async def close(self) -> None:
        """Ends all connections."""
        await self._session.close()

    async def call(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        """One request. Raises ApiError, or aiohttp's ClientError where the server does not answer."""
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": kind} if data else {}
        timeout = aiohttp.ClientTimeout(total=30)
        async with self._session.request(
            method, self.server + path, data=data, headers=headers, timeout=timeout
        ) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise ApiError(answer.status, text)
            return json.loads(text)

    async def get(self, path: str) -> Object:
        """One object or list."""
        return await self.call("GET", path)

    async def post(self, path: str, body: Object) -> Object:
        """Makes an object."""
        return await self.call("POST", path, body)

    async def patch(self, path: str, body: Object) -> Object:
        """Changes a part of an object."""
        return await self.call("PATCH", path, body, MERGE)

    async def delete(self, path: str, body: Object) -> Object:
        """Removes an object."""
        return await self.call("DELETE", path, body)

    async def watch(self, path: str, version: str, seen: Callable[[str, Object], None]) -> None:
        """Tells `seen` of each change after a version, until the server ends the watch. Raises ApiError."""
        url = f"{self.server}{path}{'&' if '?' in path else '?'}watch=1&allowWatchBookmarks=1&resourceVersion={version}"
        async with self._session.get(url) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, await answer.text())
            async for line in answer.content:
                change = json.loads(line)
                if change["type"] == "ERROR":
                    raise ApiError(change["object"].get("code", 500), json.dumps(change["object"]))
                seen(change["type"], change["object"])


class Reflector:
    """A list of the API server's, kept here: `objects` by uid. `changed(kind, object)` hears of every change, with the kinds
    ADDED, MODIFIED and DELETED, also of what changed while the connection was gone."""

    def __init__(self, api: Api, path: str, changed: Callable[[str, Object], None]) -> None:
        self.api, self.path, self.changed = api, path, changed
        self.objects: dict[str, Object] = {}
        self.synced = asyncio.Event()
        self._version = ""

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            try:
                await self._list()
                while True:
                    await self.api.watch(self.path, self._version, self._seen)
            except (TimeoutError, ApiError, aiohttp.ClientError, OSError, ValueError) as error:
                print(f"watch of {self.path}: {error!r}", flush=True)
                await asyncio.sleep(AGAIN)

    async def _list(self) -> None:
        listed = await self.api.get(self.path)
        self._version = listed["metadata"]["resourceVersion"]
        now = {item["metadata"]["uid"]: item for item in listed["items"]}
        for uid in [uid for uid in self.objects if uid not in now]:
            self.changed("DELETED", self.objects.pop(uid))
        for uid, item in now.items():
            kind = "MODIFIED" if uid in self.objects else "ADDED"
            self.objects[uid] = item
            self.changed(kind, item)
        self.synced.set()

    def _seen(self, kind: str, item: Object) -> None:
        self._version = item["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return
        uid = item["metadata"]["uid"]
        if kind == "DELETED":
            self.objects.pop(uid, None)
        else:
            self.objects[uid] = item
        self.changed(kind, item)
