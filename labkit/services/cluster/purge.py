"""Empties a namespace at once: nothing is given its grace, and no finalizer is waited for."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

from labkit.services.cluster.api import Api, ApiError, Object, group

COURSE = "labkit.course"  # a label: what the course itself has put there, and a reset leaves
KEPT = {"serviceaccounts": "default", "configmaps": "kube-root-ca.crt"}  # which every namespace has
OF_OTHERS = {
    "events",
    "endpoints",
    "endpointslices",
    "leases",
    "controllerrevisions",
    "podtemplates",
    "bindings",
    "localsubjectaccessreviews",
}
OWNERS = ("deployments", "statefulsets", "daemonsets", "cronjobs", "jobs", "replicationcontrollers", "replicasets")
PATIENCE = 20.0  # seconds

Kind = tuple[str, str]  # API version, plural


def purge(api: Api, namespace: str) -> None:
    """Removes all that somebody has put there. Owners go first, so that nothing is made again meanwhile. Raises TimeoutError."""
    known = kinds(api)
    owners = [kind for name in OWNERS for kind in known if kind[1] == name]
    others = [kind for kind in known if kind not in owners]
    deadline = time.monotonic() + PATIENCE
    with ThreadPoolExecutor(8) as threads:
        while True:
            found = [name for kind in owners for name in remove(api, namespace, kind)]
            found += [
                name for names in threads.map(lambda kind: remove(api, namespace, kind), others) for name in names
            ]
            if not found:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"Namespace {namespace} is not empty after {PATIENCE:g} s: {', '.join(found[:3])}")


def kinds(api: Api) -> list[Kind]:
    """Every kind that can be removed from a namespace."""
    found: dict[str, Kind] = {}
    versions = ["v1", *(one["preferredVersion"]["groupVersion"] for one in api.get("/apis")["groups"])]
    for version in versions:
        with contextlib.suppress(ApiError):
            for one in api.get(group(version))["resources"]:
                name = one["name"]
                if one["namespaced"] and "/" not in name and "delete" in one["verbs"] and name not in OF_OTHERS:
                    found.setdefault(name, (version, name))
    return list(found.values())


def remove(api: Api, namespace: str, kind: Kind) -> list[str]:
    """Removes all of one kind, and says what there was."""
    version, plural = kind
    folder = f"{group(version)}/namespaces/{namespace}/{plural}"
    found: list[str] = []
    for item in of_kind(api, namespace, kind):
        name = item["metadata"]["name"]
        found.append(f"{plural}/{name}")
        with contextlib.suppress(ApiError):
            if item["metadata"].get("finalizers"):
                api.patch(f"{folder}/{name}", {"metadata": {"finalizers": None}})
            api.delete(f"{folder}/{name}", grace=0, propagation="Background")
    return found


def of_kind(api: Api, namespace: str, kind: Kind) -> list[Object]:
    """All of one kind that neither the course nor the cluster has put there."""
    version, plural = kind
    try:
        items = api.list(f"{group(version)}/namespaces/{namespace}/{plural}", labelSelector=f"!{COURSE}")
    except ApiError as error:
        if error.status in (403, 404, 405):
            return []
        raise
    return [item for item in items if item["metadata"]["name"] != KEPT.get(plural)]
