"""What a broken cluster tells about itself: events, logs and statuses, and the descriptions that kubectl makes of its objects."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from labkit.kinds.diagnosis.incident import SERVICES, Fault, Incident
from labkit.machine.fault import ServiceFault
from labkit.services.cluster.api import Object
from labkit.services.cluster.asking import logs
from labkit.services.cluster.binaries import binary
from labkit.services.cluster.namespace import Namespace

PATIENCE = 150.0  # seconds until a cluster has said all that it has to say
PERIOD = 0.25
KINDS = {
    "po": "pod",
    "svc": "service",
    "rs": "replicaset",
    "deploy": "deployment",
    "ep": "endpoints",
    "quota": "resourcequota",
}
OF_POD = re.compile(rf"\b({'|'.join((*SERVICES, 'stock', 'coupons'))})-[0-9a-z]{{6,10}}(-[0-9a-z]{{5}})?\b")
OF_NAMESPACE = re.compile(r"\bbroken-at-three(-[0-9a-f]{4,8})?\b")
SHORTEST = 8  # characters of a quotation


@dataclass(frozen=True)
class Thing:
    """An object by its kind and the name that it has wherever it is made: pod and menu, for pod/menu-7c5ddbdf54-x2b9k."""

    kind: str
    name: str

    def __str__(self) -> str:
        """As kubectl writes it, without what is drawn for each one."""
        return f"{self.kind}/{self.name}" + {"pod": "-…", "replicaset": "-…"}.get(self.kind, "")


@dataclass
class Told:
    """`lines`: of each object, what events, logs and statuses say; `described` what only its description says."""

    lines: dict[Thing, list[str]] = field(default_factory=dict)
    described: dict[Thing, list[str]] = field(default_factory=dict)
    ends: dict[str, Any] = field(default_factory=dict)

    def says(self, thing: Thing, quoted: str) -> bool:
        """Whether this object says a line, in whatever way it does."""
        return any(same(quoted, line) for line in (*self.lines.get(thing, []), *self.described.get(thing, [])))

    def proves(self, thing: Thing, quoted: str, sign: re.Pattern[str]) -> bool:
        """Whether the object says what proves a mistake, however its sentence goes on: that differs from one cluster to the next."""
        found = sign.search(quoted)
        return bool(found) and self.says(thing, found[0])

    def who_says(self, quoted: str) -> Thing | None:
        """The first object that says a line."""
        return next((thing for thing in {**self.lines, **self.described} if self.says(thing, quoted)), None)

    def lacks(self, name: str, fault: Fault) -> list[str]:
        """What no object of this program has said yet about its mistake."""
        found = self.described if fault.kind.at == ("service",) else self.lines
        said = [line for thing, lines in found.items() if thing.name == name for line in lines]
        return [text for text in fault.awaited if not any(text in line for line in said)]


def thing(written: str) -> Thing | None:
    """What somebody means who writes `pod/menu-7c5ddbdf54-x2b9k`, `po/menu` or `Service menu`; None when it names nothing."""
    words = re.split(r"[/\s]+", written.strip())
    if len(words) != 2 or not all(words):
        return None
    kind = words[0].lower().partition(".")[0]
    kind = KINDS.get(kind, kind.removesuffix("s") if kind != "endpoints" else kind)
    return Thing(kind, OF_POD.sub(r"\1", words[1]))


def plain(text: str) -> str:
    """A line without what is another thing in each namespace: names that are drawn, numbers, blanks."""
    text = OF_NAMESPACE.sub("NAMESPACE", OF_POD.sub(r"\1-*", text))
    return re.sub(r"\d+", "#", " ".join(text.split()))


def same(quoted: str, said: str) -> bool:
    """Whether a quotation is this line, a part of it, or this line with what kubectl prints before it."""
    quoted, said = plain(quoted), plain(said)
    return len(quoted) >= SHORTEST and (quoted in said or (len(said) >= SHORTEST and quoted.endswith(said)))


def listen(namespace: Namespace) -> Told:
    """All that the namespace's objects say now."""
    told = Told()
    for one, line in (*_events(namespace), *_statuses(namespace), *_logs(namespace)):
        told.lines.setdefault(one, []).append(line)
    for one, line in (*_described(namespace), *_specs(namespace)):
        told.described.setdefault(one, []).append(line)
    return told


def all_of(namespace: Namespace, incident: Incident) -> Told:
    """What they say when they have said everything about each mistake. Raises ServiceFault."""
    found, missing = Told(), [""]

    def has_said_all() -> bool:
        nonlocal found, missing
        found = listen(namespace)
        missing = [text for name, fault in incident.faults.items() for text in found.lacks(name, fault)]
        return not missing

    if not namespace.admin.until(has_said_all, PATIENCE, PERIOD):
        raise ServiceFault(f"Within {PATIENCE:g} s the cluster did not say {missing[0]!r}. Try again.")
    return found


def _events(namespace: Namespace) -> Iterator[tuple[Thing, str]]:
    for event in namespace.admin.list(f"{namespace.path}/events"):
        about = event["involvedObject"]
        name = OF_POD.sub(r"\1", about.get("name", ""))
        one = Thing(about.get("kind", "").lower(), name)
        yield one, f"{event.get('reason', '')} {event.get('message', '')}"
        yield one, event.get("message", "")


def _statuses(namespace: Namespace) -> Iterator[tuple[Thing, str]]:
    """The messages of conditions, and of containers that wait."""
    apps = f"/apis/apps/v1/namespaces/{namespace.name}"
    for kind, path in (("pod", namespace.path), ("replicaset", apps), ("deployment", apps)):
        for item in namespace.admin.list(f"{path}/{kind}s"):
            one = Thing(kind, OF_POD.sub(r"\1", item["metadata"]["name"]))
            yield from ((one, line) for line in _messages(item.get("status", {})))


def _messages(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if text := " ".join(str(value[key]) for key in ("type", "status", "reason", "message") if value.get(key)):
            yield text
        if isinstance(value.get("message"), str):
            yield value["message"]
        for child in value.values():
            yield from _messages(child)
    elif isinstance(value, list):
        for child in value:
            yield from _messages(child)


def _logs(namespace: Namespace) -> Iterator[tuple[Thing, str]]:
    for pod in namespace.admin.list(f"{namespace.path}/pods"):
        name = pod["metadata"]["name"]
        one = Thing("pod", OF_POD.sub(r"\1", name))
        if pod["status"].get("phase") == "Running":
            yield from ((one, line) for line in logs(namespace, name).splitlines())


def _described(namespace: Namespace) -> Iterator[tuple[Thing, str]]:
    """What `kubectl describe` prints."""
    command = [str(binary("kubectl")), "describe", "pods,replicasets,deployments,services,resourcequotas"]
    environment = {**os.environ, "KUBECONFIG": str(namespace.kubeconfig)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    one = None
    for text in done.stdout.split("\n\n\n"):
        lines = text.strip("\n").splitlines()
        name = lines[0].partition(":")[2].strip() if lines and lines[0].startswith("Name:") else ""
        one = Thing(_kind_of(text), OF_POD.sub(r"\1", name)) if name else None
        if one:
            yield from ((one, line) for line in lines)


def _kind_of(text: str) -> str:
    """Which kind of object a description is of, by a line that only this kind has."""
    signs = (
        ("\nEndpoints:", "service"),
        ("\nStrategyType:", "deployment"),
        ("\nControlled By:  Deployment", "replicaset"),
    )
    if "\nResource " in text and "Hard" in text:
        return "resourcequota"
    return next((kind for sign, kind in signs if sign in text), "pod")


def _specs(namespace: Namespace) -> Iterator[tuple[Thing, str]]:
    """A Service as `kubectl get -o yaml` prints it."""
    for item in namespace.admin.list(f"{namespace.path}/services"):
        one = Thing("service", item["metadata"]["name"])
        spec: Object = item["spec"]
        yield from ((one, line) for line in yaml.safe_dump(spec).splitlines())
