"""The incident in the learner's own namespace: which one it is, how it happens, and what customers see of it."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
import re
from typing import TYPE_CHECKING

from labkit.course import CourseError
from labkit.kinds.diagnosis.incident import LAST, SERVICES, incident
from labkit.kinds.diagnosis.steps import Shop
from labkit.kinds.manifest.answers import apply, documents
from labkit.kinds.manifest.view import plain
from labkit.pages.page import Page
from labkit.services.cluster.namespace import Namespace

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab

ANSWER = "diagnosis"
NUMBER = re.compile(r"^incident:[ \t]*(\d{1,3})\b", re.MULTILINE)
GONE = 20.0  # seconds


def number_for(lab: OpenLab) -> int:
    """The incident that the diagnosis is about, as far as it is written; else the one of whoever works here."""
    try:
        found = NUMBER.search(lab.answer(ANSWER))
    except CourseError:
        found = None
    return int(found[1]) if found and 1 <= int(found[1]) <= LAST else own_number()


def own_number() -> int:
    """The same each time for the same person on the same machine; another one for most others."""
    try:
        name = os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        name = str(os.getuid())
    whole = hashlib.sha256(f"{name}@{platform.node()}".encode()).digest()
    return int.from_bytes(whole[:8], "big") % LAST + 1


def happen(namespace: Namespace, number: int) -> None:
    """What was applied on that night is applied, and nothing is left of what was repaired or said before."""
    apps = f"/apis/apps/v1/namespaces/{namespace.name}"
    for name in SERVICES:
        namespace.api.delete(f"{apps}/deployments/{name}", propagation="Foreground")
        namespace.api.delete(f"{namespace.path}/services/{name}")
    namespace.admin.until(lambda: not _left(namespace), GONE)
    _forget(namespace)
    apply(namespace, documents(incident(number).manifest()))


def _forget(namespace: Namespace) -> None:
    """Removes the events of the four programs; those of others stay, as nobody would say them again for a long time."""
    for event in namespace.admin.list(f"{namespace.path}/events"):
        about = event["involvedObject"].get("name", "")
        if about in SERVICES or about.startswith(tuple(f"{name}-" for name in SERVICES)):
            namespace.admin.delete(f"{namespace.path}/events/{event['metadata']['name']}")


def _left(namespace: Namespace) -> bool:
    pods = namespace.admin.list(f"{namespace.path}/pods", labelSelector=f"app in ({', '.join(SERVICES)})")
    return bool(pods)


def seen_by_customers(namespace: Namespace) -> Page:
    """A row for each Service: how many requests were made, how many were served, and what the others met."""
    runs = Shop(namespace).customers()
    rows = [
        (name, len(run.requests), len(run.requests) - len(run.failed), ", ".join(run.reasons()) or "-")
        for name, run in runs.items()
    ]
    return plain(["Service", "requests", "served", "the others"], rows)
