"""What the program in a pod uses, by its own metrics; what its containers may use; and how one of them was ended."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from labkit.services.cluster.api import Object
from labkit.services.cluster.asking import ask
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.node.quantity import number

MIB = 2**20
KILLED = 137  # 128 and SIGKILL
PROGRAMS = ("shop:", "till:")  # what the images of the labs begin with


@dataclass(frozen=True)
class Use:
    """Of one pod: MiB of memory, seconds of a processor's time since its start, orders taken, orders kept in memory."""

    memory: float
    cpu: float
    orders: int
    kept: int


def use(namespace: Namespace, pod: str) -> Use | None:
    """What a pod uses now; None when it does not answer."""
    try:
        status, text = ask(namespace, pod, "/metrics")
    except httpx.TimeoutException:
        return None
    if status != 200:
        return None
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name.partition("{")[0]] = float(value)
    return Use(
        memory=found["shop_memory_bytes"] / MIB,
        cpu=found["shop_cpu_seconds_total"],
        orders=int(found["shop_orders_total"]),
        kept=int(found["shop_kept_orders"]),
    )


def quantity(pod: Object, which: str, resource: str) -> float | None:
    """What a pod's program has as `which` ("requests" or "limits") of "cpu", in thousandths of one, or of "memory", in MiB; None without."""
    for container in pod["spec"]["containers"]:
        if container["image"].startswith(PROGRAMS):
            told = container.get("resources", {}).get(which, {}).get(resource)
            return None if told is None else float(number(told) * 1000 if resource == "cpu" else number(told) / MIB)
    return None


def killed(pod: Object) -> str:
    """How a container of a pod was killed, last or now: "OOMKilled (137)"; empty where none was."""
    for status in pod["status"].get("containerStatuses") or []:
        for state in (status.get("state"), status.get("lastState")):
            ended = (state or {}).get("terminated") or {}
            if ended.get("reason") == "OOMKilled" or ended.get("exitCode") == KILLED:
                return f"{_reason(pod, ended)} ({ended.get('exitCode')})"
    return ""


def _reason(pod: Object, ended: Object) -> str:
    """In a busy kind, containerd notes the kernel's kill too late and says Error: where no probe kills, it was the memory."""
    probes = any("livenessProbe" in one or "startupProbe" in one for one in pod["spec"]["containers"])
    return ended.get("reason", "killed") if probes else "OOMKilled"
