"""Events, as `kubectl describe` and `kubectl get events` show them: the same one again is counted, not told anew."""

from __future__ import annotations

import asyncio
import datetime
import uuid

import aiohttp

from labkit.services.cluster.node.api import Api, ApiError, Object

WAITING = 1000  # events that are not told yet; more are dropped


def now() -> str:
    """The time as the API writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Events:
    """Tells the API server of events, one after the other and beside everything else."""

    def __init__(self, api: Api, node: str) -> None:
        self.api, self.node = api, node
        self._queue: asyncio.Queue[Object] = asyncio.Queue(WAITING)
        self._told: dict[tuple[str, str, str], tuple[str, int]] = {}

    def tell(self, pod: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        """One event of a pod; `kind` is Normal or Warning."""
        meta = pod["metadata"]
        regarding = {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        }
        if container:
            regarding["fieldPath"] = f"spec.containers{{{container}}}"
        event = {"involvedObject": regarding, "type": kind, "reason": reason, "message": message[:1000]}
        if not self._queue.full():
            self._queue.put_nowait(event)

    async def run(self) -> None:
        """Runs until it is cancelled."""
        while True:
            event = await self._queue.get()
            try:
                await self._send(event)
            except (TimeoutError, ApiError, aiohttp.ClientError, OSError):
                continue  # the namespace goes away, or the server does: nobody will ask for this event

    async def _send(self, event: Object) -> None:
        regarding = event["involvedObject"]
        key = (regarding["uid"] + regarding.get("fieldPath", ""), event["reason"], event["message"])
        path = f"/api/v1/namespaces/{regarding['namespace']}/events"
        name, count = self._told.get(key, ("", 0))
        if name:
            self._told[key] = (name, count + 1)
            try:
                await self.api.patch(f"{path}/{name}", {"count": count + 1, "lastTimestamp": now()})
                return
            except ApiError as error:
                if error.status != 404:
                    raise
        name = f"{regarding['name']}.{uuid.uuid4().hex[:16]}"
        if len(self._told) > 10 * WAITING:
            self._told.clear()
        self._told[key] = (name, 1)
        source = {"component": "kubelet", "host": self.node}
        meta = {"name": name, "namespace": regarding["namespace"]}
        stamp = now()
        told = {"metadata": meta, "count": 1, "firstTimestamp": stamp, "lastTimestamp": stamp, "source": source}
        await self.api.post(path, {**told, "reportingComponent": "kubelet", "reportingInstance": self.node, **event})
