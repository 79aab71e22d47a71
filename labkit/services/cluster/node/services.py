"""Services: what kube-proxy does. Each port of a Service is a listener on loopback, which hands connections to a pod."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

from labkit.services.cluster.node.addresses import PREFIXES, on_loopback, real_port
from labkit.services.cluster.node.api import Object
from labkit.services.cluster.node.splice import Forward

Target = tuple[str, int]
Place = tuple[str, int]  # where a listener is


def targets(slices: list[Object], port_name: str) -> list[Target]:
    """The ready pods behind a Service's port; where none is ready, those that still serve while they end."""
    ready: list[Target] = []
    ending: list[Target] = []
    for one in slices:
        number = next((port["port"] for port in one.get("ports") or [] if port.get("name", "") == port_name), None)
        if number is None:
            continue
        for endpoint in one.get("endpoints") or []:
            state = endpoint.get("conditions", {})
            inside = [address for address in endpoint["addresses"] if address.startswith(PREFIXES)]
            found = [(on_loopback(address), real_port(number)) for address in inside]
            if state.get("ready", True):
                ready += found
            elif state.get("serving") and state.get("terminating"):
                ending += found
    return ready or ending


class Proxies:
    """The listeners of all Services. A change of a Service's pods takes `delay` seconds to arrive, as it does in a cluster."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self._services: dict[str, Object] = {}
        self._slices: dict[str, Object] = {}
        self._listeners: dict[Place, asyncio.Server] = {}
        self._wanted: dict[Place, tuple[str, str, str]] = {}  # place -> namespace, Service, name of the port
        self._changed = asyncio.Event()

    def service(self, kind: str, service: Object) -> None:
        """A Service was made, changed or removed."""
        uid = service["metadata"]["uid"]
        if kind == "DELETED":
            self._services.pop(uid, None)
        else:
            self._services[uid] = service
        self._changed.set()

    def slice(self, kind: str, one: Object) -> None:
        """An EndpointSlice was made, changed or removed."""
        asyncio.get_running_loop().call_later(self.delay, self._apply, kind, one)

    def _apply(self, kind: str, one: Object) -> None:
        uid = one["metadata"]["uid"]
        if kind == "DELETED":
            self._slices.pop(uid, None)
        else:
            self._slices[uid] = one
        self._changed.set()

    def choose(self, place: Place) -> Target | None:
        """The pod that gets the next connection, at random as kube-proxy does it."""
        wanted = self._wanted.get(place)
        found = self._targets(*wanted) if wanted else []
        return random.choice(found) if found else None

    def _targets(self, namespace: str, service: str, port: str) -> list[Target]:
        slices = [
            one
            for one in self._slices.values()
            if one["metadata"]["namespace"] == namespace
            and one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service
        ]
        return targets(slices, port)

    async def run(self) -> None:
        """Opens and closes listeners as they are needed. A port behind which there is no pod has none, so it refuses."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._wanted = {place: who for place, who in self._places() if self._targets(*who)}
            for place in [place for place in self._listeners if place not in self._wanted]:
                self._listeners.pop(place).close()
            for place in [place for place in self._wanted if place not in self._listeners]:
                try:
                    self._listeners[place] = await self._listen(place)
                except OSError as error:
                    print(f"Service at {place}: {error}", flush=True)

    def _places(self) -> list[tuple[Place, tuple[str, str, str]]]:
        places: list[tuple[Place, tuple[str, str, str]]] = []
        for service in self._services.values():
            meta, spec = service["metadata"], service["spec"]
            if spec.get("clusterIP") in (None, "", "None") or spec.get("type") == "ExternalName":
                continue
            for port in spec.get("ports", []):
                if port.get("protocol", "TCP") != "TCP":
                    continue
                who = (meta["namespace"], meta["name"], port.get("name", ""))
                places.append(((on_loopback(spec["clusterIP"]), real_port(port["port"])), who))
                if port.get("nodePort"):
                    places.append((("127.0.0.1", port["nodePort"]), who))
        return places

    async def _listen(self, place: Place) -> asyncio.Server:
        make: Callable[[], Forward] = lambda: Forward(lambda: self.choose(place))  # noqa: E731
        return await asyncio.get_running_loop().create_server(make, *place, backlog=512, reuse_address=True)

    def close(self) -> None:
        """Closes all listeners."""
        for server in self._listeners.values():
            with contextlib.suppress(OSError):
                server.close()
