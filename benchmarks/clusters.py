"""The cluster: until it is ready, a lab's namespace, a pod's start, and how many requests it takes; on both backends, and beside kind by hand."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import Row, median_of, ms, ours, pss
from labkit.machine.backend import BACKENDS, docker_answers
from labkit.services.cluster.api import Api
from labkit.services.cluster.load import load
from labkit.services.cluster.namespace import Namespace
from labkit.services.cluster.running import Cluster
from labkit.services.cluster.template import template

LAB = ("92-containers", "zero-downtime")
PATIENCE = 300.0
PODS, RATE, SECONDS = 10, 300, 5.0
IMAGE = "shop:1.0"


def rows() -> Iterator[Row]:
    """Docker's half only where it answers."""
    starts: dict[str, float] = {}
    for backend in BACKENDS if docker_answers() else ("embedded",):
        Cluster("bench", backend).close()  # what is made the first time: the node's image and the programs', on Docker
        by_hand = _by_hand() if backend == "docker" else 0.0
        began = time.perf_counter()
        with Cluster("bench", backend) as cluster:
            ready = time.perf_counter() - began
            if backend == "docker":
                measured = f"{ready:.1f} s, `kind create cluster --wait` {by_hand:.1f} s: {ready / by_hand:.2f} x"
                yield Row("docker: cluster ready", measured, "<= 1.2 x", ready <= 1.2 * by_hand)
            cluster.place(LAB[1], template(*LAB)).drop()  # waits for the pod that makes requests
            first = time.perf_counter() - began
            if backend == "embedded":
                said, met = f"{ready:.1f} s, {first:.1f} s", ready <= 4 and first <= 6
                yield Row("embedded: cluster ready, first pod ready", said, "<= 4 s, <= 6 s", met)
            yield from _namespace(backend, cluster)
            with cluster.place(LAB[1], template(*LAB)) as namespace:
                starts[backend] = median_of(lambda namespace=namespace: _pod(namespace), 5)
                yield from _many(backend, cluster, namespace)
    if len(starts) == len(BACKENDS):
        ratio = starts["embedded"] / starts["docker"]
        said = f"{ms(starts['embedded'])}, kind {ms(starts['docker'])}: {ratio:.2f} x"
        yield Row("the node's pod start, until it is ready", said, "<= 0.5 x", ratio <= 0.5)


def _namespace(backend: str, cluster: Cluster) -> Iterator[Row]:
    """Made, and back to how it was given: also when something in it does not want to go."""
    made: list[Namespace] = []
    place = median_of(lambda: made.append(cluster.place(LAB[1], template(*LAB))), 3)
    yield Row(f"{backend}: next lab", ms(place), "<= 1 s", place <= 1)
    namespace = made[-1]

    def stuck() -> None:
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "stays", "finalizers": ["bench.local/never"]},
        }
        namespace.api.create(f"{namespace.path}/configmaps", body)
        namespace.reset(undoable=False)

    reset = median_of(stuck, 3)
    yield Row(f"{backend}: reset, with a finalizer that never ends", ms(reset), "<= 2 s", reset <= 2)
    namespace.drop()


def _pod(namespace: Namespace) -> None:
    """A pod, from its manifest until it is ready; then it goes."""
    _start(namespace, "one")
    namespace.api.delete(f"{namespace.path}/pods/one", grace=0)
    _until(lambda: namespace.api.find(f"{namespace.path}/pods/one") is None)


def _many(backend: str, cluster: Cluster, namespace: Namespace) -> Iterator[Row]:
    """Ten pods behind a Service: memory, and requests."""
    for number in range(PODS):
        _start(namespace, f"shop-{number}")
    if backend == "embedded":
        megabytes = pss(ours())
        yield Row(f"embedded: memory with {PODS} pods", f"{megabytes:.0f} MB", "<= 600 MB", megabytes <= 600)
    run = load(cluster.api, f"http://shop.{namespace.name}/", SECONDS, rate=RATE)
    measured = f"{len(run.requests) / SECONDS:.0f} requests/s, {len(run.failed)} failed"
    met = not run.failed and len(run.requests) >= 0.97 * RATE * SECONDS
    yield Row(f"{backend}: load at {RATE} requests/s", measured, f"{RATE}, none fails", met)


def _start(namespace: Namespace, name: str) -> None:
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "shop"}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "main",
                    "image": IMAGE,
                    "readinessProbe": {"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1},
                    "securityContext": {"allowPrivilegeEscalation": False},
                }
            ],
        },
    }
    namespace.api.create(f"{namespace.path}/pods", pod)
    _until(lambda: _is_ready(namespace.api, f"{namespace.path}/pods/{name}"))


def _is_ready(api: Api, path: str) -> bool:
    found = (api.find(path) or {}).get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in found)


def _until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it does not become true"
        time.sleep(0.02)


def _by_hand() -> float:
    """Seconds of `kind create cluster --wait`."""
    image = os.environ.get("KIND_NODE_IMAGE")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "KUBECONFIG": f"{folder}/kubeconfig"}
        command = [
            "kind",
            "create",
            "cluster",
            "--name=labkit-bench-by-hand",
            "--wait=300s",
            *([f"--image={image}"] if image else []),
        ]
        began = time.perf_counter()
        try:
            subprocess.run(command, env=environment, check=True, capture_output=True)
            return time.perf_counter() - began
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                subprocess.run(
                    [*command[:1], "delete", "cluster", command[3]], env=environment, check=True, capture_output=True
                )
