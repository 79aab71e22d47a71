"""What the program in a pod says: its answers, asked for at the pod itself, and its log."""

from __future__ import annotations

from typing import Any

from labkit.services.cluster.api import ApiError, Object
from labkit.services.cluster.namespace import Namespace

PORT = 8000
LOG_BYTES = 200_000  # of one container's log


def ask(namespace: Namespace, pod: str, path: str, **asked: Any) -> tuple[int, str]:
    """Status and text of an answer; where there is none, the API server's own status (502, 503, 404) and why."""
    try:
        return 200, namespace.admin.request("GET", f"{namespace.path}/pods/{pod}:{PORT}/proxy{path}", **asked)
    except ApiError as error:
        return error.status, error.message


def logs(namespace: Namespace, pod: str) -> str:
    """The logs of all containers of a pod, from their beginning."""
    found: Object = namespace.admin.get(f"{namespace.path}/pods/{pod}")
    texts: list[str] = []
    for container in [*found["spec"].get("initContainers", []), *found["spec"]["containers"]]:
        path = f"{namespace.path}/pods/{pod}/log"
        try:
            texts.append(namespace.admin.request("GET", path, container=container["name"], limitBytes=LOG_BYTES))
        except ApiError as error:
            if error.status >= 500:
                raise
    return "\n".join(texts)


def touch(namespace: Namespace, pod: str, word: str) -> None:
    """Notes a word at a pod: its node then looks at its ConfigMaps and Secrets at once, and not within a minute or so."""
    namespace.admin.patch(f"{namespace.path}/pods/{pod}", {"metadata": {"annotations": {"labkit/touched": word}}})
