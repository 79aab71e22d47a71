"""Requests to a Service from inside of the cluster, as its clients make them, and what came of each.

`kubectl port-forward` goes to one pod's loopback, past the Service: it reaches what no client reaches. So the requests come from a pod.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from labkit.machine.fault import ServiceFault
from labkit.services.cluster.api import Api, Object
from labkit.services.cluster.images import LOAD
from labkit.services.cluster.namespace import MINE, create

NAMESPACE, POD = "labkit-load", "load"
PATIENCE = 90.0  # seconds for the pod to start


@dataclass(frozen=True)
class Request:
    """One request: seconds since the start of the run, an HTTP status or a word, version and pod that answered, milliseconds."""

    at: float
    status: int | str
    version: str
    pod: str
    ms: float

    @property
    def ok(self) -> bool:
        """Whether it was served."""
        return self.status == 200


@dataclass
class Run:
    """All requests of one run."""

    requests: list[Request] = field(default_factory=list)

    @property
    def failed(self) -> list[Request]:
        """Those that were not served."""
        return [request for request in self.requests if not request.ok]

    def versions(self) -> dict[str, int]:
        """Version -> requests that it has served."""
        return dict(Counter(request.version for request in self.requests if request.ok))

    def reasons(self) -> dict[str, int]:
        """What went wrong -> how often, the most frequent first."""
        return dict(Counter(str(request.status) for request in self.failed).most_common())


def ensure(api: Api) -> None:
    """Makes the pod that calls, where it is missing, and waits until it can. Raises ServiceFault."""
    path = f"/api/v1/namespaces/{NAMESPACE}"
    container: Object = {"name": POD, "image": LOAD, "imagePullPolicy": "IfNotPresent"}
    container["readinessProbe"] = {"tcpSocket": {"port": 8000}, "periodSeconds": 1}
    spec = {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
    }
    create(api, "/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": MINE}})
    api.until(lambda: api.find(f"{path}/serviceaccounts/default"), 20, 0.02)
    create(api, f"{path}/pods", {"metadata": {"name": POD}, "spec": spec})
    if not api.until(lambda: is_ready(api.find(f"{path}/pods/{POD}")), PATIENCE, 0.05):
        raise ServiceFault(
            f"The pod that calls Services was not ready within {PATIENCE:g} s. Run `labkit doctor`, then try again."
        )


def is_ready(pod: Object | None) -> bool:
    """Whether a pod is ready."""
    conditions = (pod or {}).get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def load(
    api: Api,
    url: str,
    seconds: float,
    *,
    rate: float = 100,
    clients: int = 8,
    seen: Callable[[Request], None] | None = None,
) -> Run:
    """Calls a URL of the cluster, e.g. "http://shop.probes/"; `seen` hears of each request as it ends."""
    run = Run()
    for request in requests(api, url, seconds, rate=rate, clients=clients):
        run.requests.append(request)
        if seen:
            seen(request)
    return run


def requests(api: Api, url: str, seconds: float, *, rate: float, clients: int) -> Iterator[Request]:
    """Each request as it ends. Raises ServiceFault when the calls themselves end."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{POD}:8000/proxy/run"
    asked: dict[str, Any] = {"url": url, "seconds": seconds, "rate": rate, "clients": clients}
    with api.stream(path, timeout=seconds + 30, **asked) as lines:
        for line in lines:
            if line:
                yield Request(*json.loads(line))


class Background:
    """A run that goes on while something else is done; it ends when `stop` is called."""

    def __init__(self, api: Api, url: str, *, rate: float = 100, clients: int = 8, most: float = 300) -> None:
        self.run = Run()
        self.error: Exception | None = None
        self._stopping = False
        self._begun = threading.Event()
        self._work = threading.Thread(target=self._do, args=(api, url, rate, clients, most), daemon=True)

    def _do(self, api: Api, url: str, rate: float, clients: int, most: float) -> None:
        try:
            for request in requests(api, url, most, rate=rate, clients=clients):
                self.run.requests.append(request)
                self._begun.set()
                if self._stopping:
                    return
        except Exception as error:  # whoever stops it hears of it
            self.error = error
        finally:
            self._begun.set()

    def stop(self) -> Run:
        """All requests so far. Raises ServiceFault when it ended by itself, or told nothing."""
        self._stopping = True
        self._work.join(30)
        if self.error:
            raise ServiceFault(
                f"The calls from inside of the cluster broke off: {self.error}. Try again."
            ) from self.error
        return self.run


@contextmanager
def while_loaded(api: Api, url: str, *, rate: float = 100, clients: int = 8) -> Iterator[Run]:
    """Calls a URL for as long as the block lasts; the run is whole when the block has ended."""
    background = Background(api, url, rate=rate, clients=clients)
    background._work.start()
    background._begun.wait(30)
    try:
        yield background.run
    finally:
        background.stop()
