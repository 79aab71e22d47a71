"""The shop while its settings change: what its pods tell customers, how they sign receipts, and where its key is seen."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from labkit.kinds.answer import Wrong
from labkit.kinds.manifest.deployed import Deployed
from labkit.services.cluster.asking import ask, logs, touch
from labkit.services.cluster.pods import events

PATIENCE = 120.0  # seconds for pods to be ready
MISSING = 60  # looks for which a pod may wait for an object that is made after it
ARRIVES = 15.0  # seconds that a changed file takes at most, where its pod is touched
TOUCHED = 4  # looks between two touches
DONE = 8  # looks after which a Deployment that has nothing left to do replaces no pod any more
LACKS = re.compile(
    r"(?:configmap|secret|serviceaccount) \"[^\"]+\" not found"
    r"|couldn't find key \S+ in (?:ConfigMap|Secret) \S+|references non-existent \w+ key: \S+"
)


class Configured(Deployed):
    """The answer's Deployment; `said` are the looks of the last wait: seconds, pod, whether it had the new setting."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.said: list[tuple[float, str, bool]] = []

    # ---- up

    def must_be_up(self, replicas: int) -> None:
        """Awaits its pods; one that refers to something that is not there says so. Raises Wrong."""
        looks = 0

        def is_over() -> bool:
            nonlocal looks
            if self._is_up(replicas):
                return True
            looks = looks + 1 if self.lacks() else 0
            return looks > MISSING or (self.settled() and self.pods() != [])

        self.until(is_over, PATIENCE)
        if not self._is_up(replicas) and (lacks := self.lacks()):
            why = "A pod refers to something that does not exist, and waits for it."
            raise Wrong(why, expected="ConfigMaps and Secrets that exist, with the keys that you name", got=lacks)
        super().must_be_up(replicas)

    def lacks(self) -> str:
        """What a pod waits for, in Kubernetes' words: `secret "paymnt" not found`; empty where nothing is missing."""
        found = self.namespace.admin.list(f"{self.namespace.path}/pods", labelSelector=self.selector)
        told = [status["state"]["waiting"].get("message", "") for status in _waiting(found)]
        if any(pod["status"].get("phase") == "Pending" for pod in found):
            told += [message for _, _, message, _ in events(self.namespace.admin, self.namespace.name)]
        words = (match[0] for text in told if (match := LACKS.search(text)))
        return next(words, "").replace(f"{self.namespace.name}/", "")

    # ---- what its pods say

    def names(self) -> list[str]:
        """Of its pods that are not about to end."""
        return [pod.name for pod in self.pods()]

    def terms(self, pod: str) -> dict[str, str]:
        """What a pod tells customers: "delivery" and "notice"; {} when it does not answer."""
        status, text = ask(self.namespace, pod, "/terms")
        try:
            return json.loads(text) if status == 200 else {}
        except ValueError:
            return {}

    def receipt(self, pod: str, order: int) -> str:
        """What a pod says when an order is paid: the receipt, or why there is none."""
        return ask(self.namespace, pod, "/pay", order=order)[1].strip()

    # ---- settings that change

    def setting(self, kind: str, name: str, key: str) -> str:
        """A value of a ConfigMap (`kind` "configmaps") or a Secret ("secrets"), as it is now."""
        data = self.namespace.admin.get(f"{self.namespace.path}/{kind}/{name}")["data"]
        return base64.b64decode(data[key]).decode() if kind == "secrets" else data[key]

    def change(self, kind: str, name: str, key: str, value: str) -> None:
        """Gives it another value, as somebody with `kubectl edit` does."""
        text = base64.b64encode(value.encode()).decode() if kind == "secrets" else value
        self.namespace.admin.patch(f"{self.namespace.path}/{kind}/{name}", {"data": {key: text}})

    def arrives_in_place(self, has_it: Callable[[str], bool]) -> bool:
        """Whether a changed file comes to every pod; each pod's node is asked to look."""
        return self._watched(has_it, lambda: False, ARRIVES, touched=True)

    def arrives_with_new_pods(self, has_it: Callable[[str], bool]) -> bool:
        """Whether every pod has a setting when the Deployment has done its work."""
        done = 0

        def is_done() -> bool:
            nonlocal done
            done = done + 1 if self.settled() else 0
            return done > DONE

        return self._watched(has_it, is_done, PATIENCE)

    def _watched(
        self, has_it: Callable[[str], bool], is_over: Callable[[], bool], seconds: float, *, touched: bool = False
    ) -> bool:
        begun, looks = time.monotonic(), 0
        self.said = []

        def look() -> bool:
            nonlocal looks
            now = {name: has_it(name) for name in self.names()}
            at = round(time.monotonic() - begun, 2)
            self.said += [(at, name, new) for name, new in now.items()]
            if touched and looks % TOUCHED == 0:
                for name in now:
                    touch(self.namespace, name, f"{begun}-{looks}")
            looks += 1
            return (bool(now) and all(now.values())) or is_over()

        self.until(look, seconds)
        last = [new for at, _, new in self.said if at == self.said[-1][0]]
        return bool(last) and all(last)

    def lives(self) -> dict[str, int]:
        """Its pods, by a name that no other pod ever has, and how often each was restarted."""
        return {pod.uid: pod.restarts for pod in self.pods()}

    def read_once(self, setting: str) -> str:
        """Why the program of its pods reads a setting only once, in words; empty where nothing says so."""
        found = self.namespace.admin.list(f"{self.namespace.path}/pods", labelSelector=self.selector)
        for container in found[0]["spec"]["containers"] if found else []:
            names = {one["name"] for one in container.get("env") or []}
            if setting in names and f"{setting}_FILE" not in names:
                return f"{setting} is a variable: it is what it was when the container started."
            if any(mount.get("subPath") for mount in container.get("volumeMounts") or []):
                return "With `subPath`, a container gets the file as it was when it started."
        return ""

    # ---- where a text is seen

    def shown(self, text: str) -> Iterator[str]:
        """Where somebody who may read everything but the Secret `payment` finds this text: objects with the path of the field, and logs."""
        for item in self.namespace.items():
            name = f"{item['kind']} {item['metadata']['name']}"
            if name != "Secret payment":
                yield from (f"{name}: {path}" for path in paths(item, text))
        for pod in self.pods():
            line = next((line for line in logs(self.namespace, pod.name).splitlines() if text in line), "")
            if line:
                yield f"log of a pod: {around(line, text)}"


def _waiting(pods: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The statuses of containers that wait."""
    for pod in pods:
        for status in pod["status"].get("containerStatuses") or []:
            if "waiting" in status.get("state", {}):
                yield status


def paths(value: object, text: str, path: str = "") -> Iterator[str]:
    """The fields of an object in which a text is, as it is or in base64."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from paths(child, text, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from paths(child, text, f"{path}[{number}]")
    elif isinstance(value, str) and (text in value or base64.b64encode(text.encode()).decode().rstrip("=") in value):
        yield path


def around(line: str, text: str, before: int = 24) -> str:
    """A text with the words before it."""
    at = line.index(text)
    return f"…{line[max(0, at - before) : at + len(text)]}…"


def signature(key: str, order: int) -> str:
    """The receipt of an order, as the payment provider expects it."""
    return hmac.new(key.strip().encode(), f"order {order}".encode(), hashlib.sha256).hexdigest()
