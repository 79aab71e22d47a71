"""Lets a pod of the shop have a fault: asked for from outside, at the pod itself."""

from __future__ import annotations

from typing import Any

from labkit.services.cluster.api import ApiError
from labkit.services.cluster.asking import PORT, ask
from labkit.services.cluster.namespace import Namespace

HUNG_UP = {500, 502, 503}  # the API server's, when the program ends while it answers


def cause(namespace: Namespace, pod: str, fault: str, **asked: Any) -> None:
    """Asks the program in a pod for a fault: `deadlock`, `busy`, `database` (with `seconds`, and `after` a probe), `memory` (with `mb`)."""
    try:
        namespace.admin.request("GET", f"{namespace.path}/pods/{pod}:{PORT}/proxy/fault/{fault}", **asked)
    except ApiError as error:
        if fault != "memory" or error.status not in HUNG_UP:
            raise


def answers(namespace: Namespace, pod: str, path: str) -> int:
    """The status of what a pod answers, 0 without an answer."""
    return ask(namespace, pod, path)[0]


def has(namespace: Namespace, pod: str, fault: str) -> bool:
    """Whether the program in a pod has a fault now; it tells so even while it hangs."""
    return f"{fault} 1" in ask(namespace, pod, "/state")[1].splitlines()
