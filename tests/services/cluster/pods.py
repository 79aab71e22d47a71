"""What the tests of pods are written with: small manifests, and waiting for what must become true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from labkit.services.cluster.api import Api, ApiError
from labkit.services.cluster.load import load
from labkit.services.cluster.namespace import Namespace

PATIENCE = 90.0  # seconds: two busy cores, and a real kubelet


def container(name: str = "main", image: str = "shop:1.0", **more: Any) -> dict[str, Any]:
    """A container of a pod."""
    return {"name": name, "image": image, **more}


def python(program: str, **more: Any) -> dict[str, Any]:
    """A container that runs a Python program."""
    return container(command=["python", "-c", program], **more)


def pod(name: str, *containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A pod; it ends quickly, unless told otherwise."""
    whole = {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": whole}


def service(name: str, app: str | None = None, **spec: Any) -> dict[str, Any]:
    """A Service for pods of this label."""
    whole = {"selector": {"app": app or name}, "ports": [{"port": 80, "targetPort": 8000}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": whole}


def deployment(name: str, *containers: dict[str, Any], replicas: int = 1, **spec: Any) -> dict[str, Any]:
    """A Deployment."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 10},
    }
    whole = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": whole}


def http(path: str, **more: Any) -> dict[str, Any]:
    """A probe of the shop."""
    return {"httpGet": {"path": path, "port": 8000}, "periodSeconds": 1, **more}


class Pods:
    """The pods of one namespace."""

    def __init__(self, admin: Api, namespace: Namespace) -> None:
        self.admin, self.namespace, self.api = admin, namespace, namespace.api

    def apply(self, *items: dict[str, Any]) -> None:
        """Makes or changes objects."""
        for item in items:
            self.api.apply(item, self.namespace.name)

    def get(self, name: str) -> dict[str, Any]:
        """A pod, {} when there is none."""
        return self.api.find(f"{self.namespace.path}/pods/{name}") or {}

    def of(self, app: str) -> list[dict[str, Any]]:
        """The pods of an application that are not ending."""
        found = self.api.list(f"{self.namespace.path}/pods", labelSelector=f"app={app}")
        return [one for one in found if not one["metadata"].get("deletionTimestamp")]

    def status(self, name: str, which: int = 0) -> dict[str, Any]:
        """The status of one of a pod's containers, {} before there is any."""
        found = self.get(name).get("status", {}).get("containerStatuses", [])
        return found[which] if which < len(found) else {}

    def phase(self, name: str) -> str:
        """Of a pod."""
        return self.get(name).get("status", {}).get("phase", "")

    def is_ready(self, name: str) -> bool:
        """Whether a pod is ready."""
        conditions = self.get(name).get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def waits_with(self, name: str) -> str:
        """Why a pod's first container is not running."""
        return self.status(name).get("state", {}).get("waiting", {}).get("reason", "")

    def log(self, name: str, **asked: Any) -> str:
        """What a pod has said."""
        try:
            return self.api.request("GET", f"{self.namespace.path}/pods/{name}/log", **asked)
        except ApiError as error:
            return f"({error})"

    def call(self, name: str, path: str) -> str:
        """What a pod answers, asked by the API server."""
        return self.admin.request("GET", f"{self.namespace.path}/pods/{name}:8000/proxy{path}")

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reasons and messages about an object."""
        found = self.api.list(f"{self.namespace.path}/events", fieldSelector=f"involvedObject.name={name}")
        return [(one["reason"], one.get("message", "")) for one in found]

    def serving(self, name: str) -> set[str]:
        """The names of the pods that a Service sends to."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace.name}/endpointslices"
        slices = self.api.list(path, labelSelector=f"kubernetes.io/service-name={name}")
        ends = [end for one in slices for end in one.get("endpoints") or [] if end["conditions"].get("ready")]
        return {end["targetRef"]["name"] for end in ends}

    def url(self, name: str) -> str:
        """Of a Service, for whoever calls from another namespace."""
        return f"http://{name}.{self.namespace.name}/"

    def answering(self, name: str) -> set[str]:
        """The names of the pods that answer while a Service is called for a moment."""
        found = load(self.admin, self.url(name), 0.5, rate=40).requests
        return {request.pod for request in found if request.ok}


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Awaits what must become true. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.1)
