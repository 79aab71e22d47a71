"""A Deployment of an answer in a namespace of its own, watched from outside while things go wrong."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.kinds.answer import Wrong
from labkit.kinds.manifest.answers import apply
from labkit.kinds.manifest.reader import Document
from labkit.machine.fault import ServiceFault
from labkit.pages.page import plural
from labkit.services.cluster.faults import answers, cause, has
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.pods import PodState, pods, serving, settled
from labkit.services.cluster.usage import PROGRAMS

PERIOD = 0.25  # seconds between two looks
LONGEST = 2 * PERIOD  # a look that takes longer counts as this: the machine is busy, and the pods are as late as we are
PATIENCE = 120.0  # seconds for pods to be ready: probes with defaults take their time
SETTLED = 20  # looks after which a Deployment that has nothing left to do stays as it is
BUSY, JUDGED = (
    0.5,
    10.0,
)  # a machine on which less than this part of the time counts is too busy to judge anything; after so many seconds


def the_deployment(documents: list[Document], name: str, image: str) -> Document:
    """The answer's Deployment of that name, which runs the image as it is. Raises Wrong."""
    found = [one for one in documents if one.item["kind"] == "Deployment"]
    named = [one for one in found if one.item["metadata"]["name"] == name]
    if not named:
        got = ", ".join(one.title for one in documents)
        raise Wrong(f"There is no Deployment called {name} in the answer.", expected=f"Deployment {name}", got=got)
    containers = containers_of(named[0])
    images = [str(one.get("image")) for one in containers]
    if image not in images:
        raise Wrong(
            f"The Deployment {name} does not run the image {image}.", expected=image, got=", ".join(images) or "none"
        )
    for one in containers:
        if one.get("image") == image and (one.get("command") or one.get("args")):
            raise Wrong(
                "The image is to run as it is.",
                expected="no `command` and no `args`",
                got=str(one.get("command") or one["args"])[:100],
            )
    return named[0]


def containers_of(document: Document) -> list[dict]:
    """The containers of a Deployment, [] where it has none that can be read."""
    value: object = document.item
    for step in ("spec", "template", "spec", "containers"):
        value = value.get(step) if isinstance(value, dict) else None
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def changed(
    documents: list[Document], name: str, *, env: Mapping[str, str] | None = None, image: str = ""
) -> list[Document]:
    """The same objects, but the program of this Deployment has other settings, or is another version."""
    copies = copy.deepcopy(documents)
    for document in copies:
        if (document.item["kind"], document.item["metadata"]["name"]) != ("Deployment", name):
            continue
        for container in containers_of(document):
            if not str(container.get("image", "")).startswith(PROGRAMS):
                continue
            container["image"] = image or container["image"]
            kept = [
                one
                for one in container.get("env") or []
                if isinstance(one, dict) and one.get("name") not in (env or {})
            ]
            container["env"] = kept + [{"name": key, "value": value} for key, value in (env or {}).items()]
    return copies


@dataclass(frozen=True)
class Look:
    """How things were at one moment: seconds since the start, pod -> restarts, the pods that get requests, those that are ready."""

    at: float
    restarts: dict[str, int]
    serving: frozenset[str]
    ready: frozenset[str]


class Deployed:
    """The pods of one Deployment, and those of them that a Service sends to. `looks` are what was seen since `start`."""

    def __init__(self, namespace: Namespace, name: str, service: str) -> None:
        self.namespace, self.name, self.service = namespace, name, service
        self.looks: list[Look] = []
        self._began = time.monotonic()
        self._counted = self._waited = 0.0
        self._stopping = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self.selector = ""

    def judge(self, scene: Callable[[], object]) -> None:
        """Plays a scene. Raises Wrong; or ServiceFault, where this machine was too busy to tell."""
        try:
            scene()
        except Wrong as wrong:
            if self.on_a_busy_machine():
                raise ServiceFault(
                    f"This machine is too busy to judge how pods behave in time ({wrong.why} {wrong.got}). Run it again when less is going on."
                ) from wrong
            raise

    def apply(self, documents: list[Document]) -> None:
        """Gives the objects to the namespace. Raises AnswerError."""
        apply(self.namespace, documents)
        self.find()

    def find(self) -> None:
        """Knows its pods by their labels from now on: the Deployment is there."""
        found = self.namespace.admin.get(f"/apis/apps/v1/namespaces/{self.namespace.name}/deployments/{self.name}")
        labels = found["spec"]["selector"].get("matchLabels") or {}
        self.selector = ",".join(f"{key}={value}" for key, value in labels.items())

    def pods(self) -> list[PodState]:
        """Its pods that are not about to end."""
        return [pod for pod in pods(self.namespace.admin, self.namespace.name, self.selector) if not pod.ending]

    def serving(self) -> set[str]:
        """The names of the pods that get the Service's requests."""
        return serving(self.namespace.admin, self.namespace.name, self.service).get(self.service, set())

    def ready(self) -> list[str]:
        """The names of the pods that are ready."""
        return [pod.name for pod in self.pods() if pod.ready]

    def settled(self) -> bool:
        """Whether its controller has nothing left to do: all pods are new, and available."""
        return settled(self.namespace.admin, self.namespace.name, self.name)

    def must_be_up(self, replicas: int) -> None:
        """Awaits that so many pods are ready and get requests. Raises Wrong, at once where nothing will change that."""
        settled_for = 0

        def is_over() -> bool:
            nonlocal settled_for
            settled_for = settled_for + 1 if self.settled() else 0
            return self._is_up(replicas) or settled_for > SETTLED

        self.until(is_over, PATIENCE)
        if self._is_up(replicas):
            return
        found = self.pods()
        why = ", ".join(f"{pod.name}: {pod.reason or pod.phase}" for pod in found) or "there is no pod"
        got = f"{plural(len(self.ready()), 'pod')} ready, {len(self.serving())} of them behind the Service ({why})"
        raise Wrong("The shop is not up.", expected=f"{replicas} pods that are ready and get requests", got=got)

    def _is_up(self, replicas: int) -> bool:
        return len(self.pods()) == replicas == len(set(self.ready()) & self.serving())

    def restarts(self) -> int:
        """Of all its pods."""
        return sum(pod.restarts for pod in self.pods())

    def cause(self, pod: str, fault: str, **asked: Any) -> None:
        """Lets one of its pods have a fault."""
        cause(self.namespace, pod, fault, **asked)

    def has(self, pod: str, fault: str) -> bool:
        """Whether one of its pods has a fault now."""
        return has(self.namespace, pod, fault)

    def answers(self, pod: str, path: str) -> int:
        """The status of what one of its pods answers, 0 without an answer."""
        return answers(self.namespace, pod, path)

    def until(self, condition: Callable[[], object], seconds: float) -> float | None:
        """Seconds until the condition was true; None when it was not in time.

        Time counts as far as this machine can keep pace: a look that takes longer than it should does not count whole.
        """
        waited = 0.0
        begun = time.monotonic()
        while not condition():
            time.sleep(PERIOD)
            waited += self._count(begun)
            begun = time.monotonic()
            if waited > seconds:
                return None
        return waited

    def _count(self, begun: float) -> float:
        """How much of the time since then counts."""
        took = time.monotonic() - begun
        counts = min(took, LONGEST)
        self._counted, self._waited = self._counted + counts, self._waited + took
        return counts

    def on_a_busy_machine(self) -> bool:
        """Whether this machine was too busy for anything to be concluded from how long it took."""
        return self._waited > JUDGED and self._counted < BUSY * self._waited

    # ---- watched

    def watch(self) -> None:
        """From now on, looks are taken."""
        self._began = time.monotonic()
        self._watching.start()

    def now(self) -> float:
        """Seconds since `watch`."""
        return time.monotonic() - self._began

    def stop(self) -> None:
        """No more looks."""
        self._stopping.set()
        if self._watching.is_alive():
            self._watching.join(10)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                found = self.pods()
                ready = frozenset(pod.name for pod in found if pod.ready)
                self.looks.append(
                    Look(self.now(), {pod.name: pod.restarts for pod in found}, frozenset(self.serving()), ready)
                )
            except Exception as error:  # the next look is as good
                print(f"look: {error!r}", flush=True)
            self._stopping.wait(PERIOD)
