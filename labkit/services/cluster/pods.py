"""The pods of a namespace as people look at them: phase, readiness, restarts, the reason, and who gets a Service's requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.services.cluster.api import Api, Object

SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"


@dataclass(frozen=True)
class PodState:
    """One pod, as `kubectl get pods` sums it up, and more."""

    name: str
    phase: str
    ready: bool
    restarts: int
    reason: str
    image: str
    labels: dict[str, str]
    ending: bool
    uid: str

    @classmethod
    def of(cls, pod: Object) -> PodState:
        """From the API's object."""
        status = pod.get("status", {})
        containers = status.get("containerStatuses") or []
        conditions = {one["type"]: one["status"] for one in status.get("conditions") or []}
        return cls(
            name=pod["metadata"]["name"],
            phase=status.get("phase", ""),
            ready=conditions.get("Ready") == "True",
            restarts=sum(one["restartCount"] for one in containers),
            reason=reason(status),
            image=", ".join(one["image"] for one in pod["spec"]["containers"]),
            labels=pod["metadata"].get("labels") or {},
            ending="deletionTimestamp" in pod["metadata"],
            uid=pod["metadata"]["uid"],
        )


def reason(status: Object) -> str:
    """Why a pod is not as it should be, or what ended it last; empty for one that just runs."""
    for one in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state: dict[str, Any] = one.get("state") or {}
        if "waiting" in state and state["waiting"].get("reason") not in ("ContainerCreating", "PodInitializing", None):
            return state["waiting"]["reason"]
        if "terminated" in state and state["terminated"].get("reason") != "Completed":
            return state["terminated"].get("reason", "")
        last: dict[str, Any] = (one.get("lastState") or {}).get("terminated") or {}
        if last:
            return f"was {last.get('reason', 'ended')} ({last.get('exitCode')})"
    for one in status.get("conditions") or []:
        if one["type"] == "PodScheduled" and one["status"] == "False":
            return one.get("reason", "Unschedulable")
    return status.get("reason", "")


def pods(api: Api, namespace: str, selector: str | None = None) -> list[PodState]:
    """The pods of a namespace, by name."""
    found = api.list(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)
    return sorted((PodState.of(pod) for pod in found), key=lambda pod: pod.name)


def serving(api: Api, namespace: str, service: str | None = None) -> dict[str, set[str]]:
    """Service -> names of the pods that get its requests: ready ones, with a port that is there."""
    label = f"kubernetes.io/service-name={service}" if service else None
    found: dict[str, set[str]] = {}
    for one in api.list(SLICES.format(namespace), labelSelector=label):
        name = one["metadata"].get("labels", {}).get("kubernetes.io/service-name", "")
        known = found.setdefault(name, set())
        if not one.get("ports"):
            continue
        for endpoint in one.get("endpoints") or []:
            if endpoint.get("conditions", {}).get("ready", True) and endpoint.get("targetRef"):
                known.add(endpoint["targetRef"]["name"])
    return found


def events(api: Api, namespace: str, count: int = 10) -> list[tuple[str, str, str, int]]:
    """The latest warnings: what they are about, reason, message, how often."""
    found = api.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector="type=Warning")
    found.sort(key=lambda one: one.get("lastTimestamp") or one.get("eventTime") or one["metadata"]["creationTimestamp"])
    told: list[tuple[str, str, str, int]] = []
    for one in found[-count:]:
        about = f"{one['involvedObject']['kind']} {one['involvedObject']['name']}"
        told.append((about, one.get("reason", ""), one.get("message", "")[:300], one.get("count") or 1))
    return told


def settled(api: Api, namespace: str, deployment: str) -> bool:
    """Whether a Deployment is as it was asked to be: seen by its controller, all replicas new, available, and no old one left."""
    found = api.find(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
    if not found:
        return False
    wanted, status = found["spec"].get("replicas", 1), found.get("status", {})
    if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
        return False
    counts = [status.get(name, 0) for name in ("updatedReplicas", "availableReplicas", "replicas")]
    return counts == [wanted] * 3
