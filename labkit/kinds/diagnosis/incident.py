"""An incident of the pizza shop: four programs, of which each has one mistake. Its number says which mistakes, and with which values."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

SERVICES = ("shop", "till", "menu", "kitchen")
LAST = 999  # incidents have numbers from 1
IMAGE = "shop:1.0"
STAGES = (("quota", "node"), ("image", "key"), ("name", "probe"), ("selector", "port"))  # one of each is in an incident
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}, release: march}}
    spec:{node}
      containers:
        - name: {name}
          image: {image}
          ports:
            - {{name: http, containerPort: 8000}}
          env:
            - name: SHOP_DATABASE
              value: http://{database}/readyz
            - name: SHOP_FEE
              valueFrom: {{configMapKeyRef: {{name: terms, key: {key}}}}}
          readinessProbe:
            httpGet: {{path: {probe}, port: http}}
            periodSeconds: 1
            failureThreshold: 1
          resources:
            requests: {{cpu: 20m, memory: {request}}}
            limits: {{memory: {limit}}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  selector: {{app: {name}, release: {selector}}}
  ports:
    - {{port: 80, targetPort: {port}}}
"""
HEALTHY = {
    "node": "",
    "image": IMAGE,
    "database": "stock",
    "key": "fee",
    "probe": "/readyz",
    "request": "32Mi",
    "limit": "64Mi",
    "selector": "march",
    "port": "http",
}


@dataclass(frozen=True)
class Cause:
    """A kind of mistake: the fields of the manifest that have it, and their wrong values; one of them is VALUE below.

    `sign` is found in each line that proves it, and in no other; `at` says which objects have such a line; `awaited` is what the cluster
    has said when it has said everything; `proof` is what the line tells, in words, and `without` what holds where this is not the mistake.
    """

    fields: tuple[str, ...]
    values: tuple[str, ...]
    sign: str
    at: tuple[str, ...]
    awaited: tuple[str, ...]
    proof: str
    without: str
    also: str = ""  # is found in a line that proves it as well, and too common to tell causes apart


CAUSES = {
    "quota": Cause(
        ("request", "limit"),
        ("480Mi", "448Mi"),
        r"exceeded quota: team",
        ("replicaset", "deployment"),
        ("exceeded quota: team",),
        "which quota refuses the pod",
        "no quota has refused its pod",
    ),
    "node": Cause(
        ("node",),
        ("\n      nodeSelector: {disk: ssd}", "\n      nodeSelector: {pool: web}"),
        r"didn't match Pod's node affinity/selector",
        ("pod",),
        ("didn't match Pod's node affinity/selector",),
        "why no node takes the pod",
        "no node has refused its pod",
    ),
    "image": Cause(
        ("image",),
        ("shop:v1.0", "shop:1.O", "shpo:1.0"),
        r'(?i:failed to (?:pull|resolve)|back-off pulling image)[^"]*"[^"]*VALUE"',
        ("pod",),
        ('Failed to pull image "VALUE"', 'Back-off pulling image "VALUE"'),
        "which image cannot be pulled",
        "the node has its image",
    ),
    "key": Cause(
        ("key",),
        ("delivery", "price"),
        r"couldn't find key VALUE\b",
        ("pod",),
        ("couldn't find key VALUE in ConfigMap",),
        "which key does not exist",
        "each key that it refers to exists",
    ),
    "name": Cause(
        ("database",),
        ("stock.staging.svc.cluster.local", "stock.pizza.svc.cluster.local"),
        r"no database.{1,20}VALUE",
        ("pod",),
        ("no database", "VALUE", "statuscode: 503"),
        "which name is not known",
        "it knows the names that it calls",
        r'"SHOP_DATABASE": "http://VALUE',
    ),
    "probe": Cause(
        ("probe",),
        ("/ready", "/health", "/status"),
        r"probe failed with statuscode: 404",
        ("pod",),
        ("statuscode: 404",),
        "what the probe got for an answer",
        "its probe asks for what it has, and gets a true answer",
    ),
    "selector": Cause(
        ("selector",),
        ("february", "spring"),
        r"release\s?[=:]\s?VALUE\b",
        ("service",),
        ("release=VALUE",),
        "which label the Service looks for",
        "its Service looks for labels that its pods have",
    ),
    "port": Cause(
        ("port",),
        ("web", "8080"),
        r"(?i:targetPort):\s*VALUE\b",
        ("service",),
        ("VALUE",),
        "which port the Service sends to",
        "its Service sends to the port on which its pods listen",
        r"\d:VALUE\b",
    ),
}


def causes_in(line: str) -> list[str]:
    """The causes of which a line names a mistake, whatever its value is."""
    return [name for name, cause in CAUSES.items() if re.search(cause.sign.replace("VALUE", r"\S+"), line)]


@dataclass(frozen=True)
class Fault:
    """A mistake with its wrong value."""

    cause: str
    value: str

    @property
    def kind(self) -> Cause:
        """What is known of mistakes like this."""
        return CAUSES[self.cause]

    @property
    def step(self) -> int:
        """At which step the way of a request ends."""
        return next(step for step, causes in enumerate(STAGES) if self.cause in causes)

    @property
    def values(self) -> dict[str, str]:
        """The manifest's values that are other than in a healthy one."""
        return dict.fromkeys(self.kind.fields, self.value)

    @property
    def sign(self) -> re.Pattern[str]:
        """Is found in each line that proves it."""
        either = f"{self.kind.sign}|{self.kind.also}" if self.kind.also else self.kind.sign
        return re.compile(either.replace("VALUE", re.escape(self.value)))

    @property
    def awaited(self) -> list[str]:
        """What the cluster has said when it has said everything about it."""
        return [text.replace("VALUE", self.value) for text in self.kind.awaited]


@dataclass(frozen=True)
class Incident:
    """What is wrong with which program."""

    number: int
    faults: dict[str, Fault]

    def manifest(self) -> str:
        """What was applied on that night: a Deployment and a Service of each program."""
        return "---\n".join(objects(name, self.faults[name].values) for name in SERVICES)


def objects(name: str, values: dict[str, str]) -> str:
    """Deployment and Service of one program."""
    all_values = {**HEALTHY, **values, "name": name}
    return DEPLOYMENT.format(**all_values) + "---\n" + SERVICE.format(**all_values)


def incident(number: int) -> Incident:
    """The incident of this number, the same each time: a mistake at each of the four stages, each at another program."""
    drawn = random.Random(f"broken at three, {number}")
    causes = [drawn.choice(stage) for stage in STAGES]
    drawn.shuffle(causes)
    faults = [Fault(cause, drawn.choice(CAUSES[cause].values)) for cause in causes]
    return Incident(number, dict(zip(SERVICES, faults, strict=True)))
