"""A pod's status, computed from what its containers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.services.cluster.node.api import Object
    from labkit.services.cluster.node.pod import Pod


def phase(pod: Pod) -> str:
    """Pending, Running, Succeeded or Failed."""
    if pod.over:
        return pod.over[0]
    begun = any(one.identity for one in pod.containers)
    return "Running" if begun and pod.initialized else "Pending"


def pod_status(pod: Pod) -> Object:
    """All that this node knows of it."""
    containers = [one.status() for one in pod.containers]
    current = phase(pod)
    finished = current in ("Succeeded", "Failed")
    waiting = [one["name"] for one in containers if not one["ready"]]
    ready = not waiting and not finished
    why = (
        {"reason": "PodCompleted"} if current == "Succeeded" else {"reason": "PodFailed"} if current == "Failed" else {}
    )
    unready = why or {
        "reason": "ContainersNotReady",
        "message": f"containers with unready status: [{' '.join(waiting)}]",
    }
    init = [one.name for one in pod.init if not one.sidecar and one.exit_code != 0]
    uninitialized = {
        "reason": "ContainersNotInitialized",
        "message": f"containers with incomplete status: [{' '.join(init)}]",
    }

    def condition(kind: str, holds: bool, otherwise: Object) -> Object:
        status = "True" if holds else "False"
        told = {"type": kind, "status": status, "lastTransitionTime": pod.since(kind, status)}
        return {**told, **({"reason": None, "message": None} if holds else {"message": None, **otherwise})}

    status: Object = {
        "phase": current,
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": pod.address,
        "podIPs": [{"ip": pod.address}],
        "startTime": pod.started_at,
        "containerStatuses": containers,
        "conditions": [
            condition("PodReadyToStartContainers", not finished, {}),
            condition("Initialized", pod.initialized, uninitialized),
            condition("ContainersReady", ready, unready),
            condition("Ready", ready, unready),
        ],
    }
    if pod.init:
        status["initContainerStatuses"] = [one.status() for one in pod.init]
    if pod.over and pod.over[1]:
        status |= {"reason": pod.over[1], "message": pod.over[2]}
    return status
