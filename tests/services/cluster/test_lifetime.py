"""A cluster's life: started, joined, restarted, and gone with its last user, however that ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from labkit.machine.backend import LABEL
from labkit.services.cluster import embedded
from labkit.services.cluster.api import ApiError
from labkit.services.cluster.kind_server import KindServer
from labkit.services.cluster.leftovers import processes
from labkit.services.cluster.load import load
from labkit.services.cluster.running import Cluster
from labkit.services.lease import Holder, lock_path
from tests.services.cluster.conftest import cannot
from tests.services.cluster.pods import container, deployment, http, service, until

SHOP = deployment("shop", container(readinessProbe=http("/readyz")), replicas=2)
HOLDER = """
import sys
from labkit.services.cluster.running import Cluster
cluster = Cluster(backend=sys.argv[1])
print(cluster.where, flush=True)
sys.stdin.read()
"""


def left(home: Path, backend: str) -> list[str]:
    """What runs for this home."""
    if backend == "embedded":
        mark = f"{home}/cluster/"
        return [
            str(p.pid)
            for p in psutil.process_iter(["cmdline"])
            if any(mark in word for word in p.info["cmdline"] or [])
        ]
    found: list[str] = []
    for what in (["ps", "-aq"], ["network", "ls", "-q"]):
        listed = ["docker", *what, "--filter", f"label={LABEL}={home}"]
        found += subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    return found


@pytest.mark.slow
def test_it_lives_as_long_as_somebody_uses_it(home: Path, backend: str) -> None:
    """Two users share one; the keeper's death takes all of it along, pods too; the next user starts another one."""
    with Cluster(backend=backend) as one:  # type: ignore[arg-type]
        with Cluster(backend=backend) as other:  # type: ignore[arg-type]
            assert one.where == other.where
        assert one.is_alive()
        with one.place("92-containers/probes") as namespace:
            namespace.api.apply(SHOP, namespace.name)
            until(lambda: len([p for p in one.api.list(f"{namespace.path}/pods") if p["status"].get("podIP")]) == 2)
            assert left(home, backend)
            holder = Holder.of(lock_path("cluster-learner", backend))
            assert holder
            os.kill(holder.pid, signal.SIGKILL)
            until(lambda: not one.is_alive())
            until(lambda: not left(home, backend))
            one.restart()
            assert one.is_alive()
    until(lambda: not left(home, backend))
    assert not list(processes(set()))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["embedded", pytest.param("docker", marks=pytest.mark.full)], indirect=True)
def test_a_killed_holder_takes_it_along(home: Path, backend: str) -> None:
    """A kernel that is killed leaves nothing."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, backend], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert "Kubernetes" in holder.stdout.readline()
    holder.kill()
    holder.wait()
    until(lambda: not left(home, backend))


def test_a_namespace_is_reset_and_the_reset_taken_back(cluster: Cluster) -> None:
    """What somebody has put there goes, finalizers or not, and comes back when asked for."""
    template = [service("given", "shop")]
    with cluster.place("92-containers/probes", template) as namespace:
        given = namespace.fingerprint()
        stuck = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "stuck", "finalizers": ["example.com/never"]},
        }
        for item in (SHOP, stuck):
            namespace.api.apply(item, namespace.name)
        namespace.reset(undoable=True)
        assert [one["metadata"]["name"] for one in namespace.items()] == ["given"]
        assert namespace.fingerprint() == given
        assert namespace.undo_reset()
        assert {one["metadata"]["name"] for one in namespace.items()} == {"given", "shop", "stuck"}
        assert not namespace.undo_reset()


def test_two_kernels_have_two_namespaces(cluster: Cluster) -> None:
    """The second one gets a longer name; neither drops the other's."""
    with cluster.place("92-containers/probes") as one:
        with cluster.place("92-containers/probes") as other:
            assert one.name != other.name
        assert one.is_there()


def test_an_account_reaches_its_own_namespace_only(cluster: Cluster) -> None:
    """Graded places do not see each other, and none sees the cluster."""
    with (
        cluster.place("92-containers/probes", graded=True) as one,
        cluster.place("92-containers/probes", graded=True) as other,
    ):
        one.api.get(f"{one.path}/secrets")
        for path in (f"{other.path}/secrets", "/api/v1/nodes", "/api/v1/secrets", f"/api/v1/namespaces/{other.name}"):
            with pytest.raises(ApiError, match="403"):
                one.api.get(path)
        run = load(cluster.api, f"http://nobody.{one.name}/", 0.5, rate=10)
        assert not run.versions()


def test_kubectl_gets_a_file_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    """The user's own kubeconfig is never touched, and nobody else can read this one."""
    with cluster.place("92-containers/probes") as namespace:
        path = namespace.kubeconfig
        assert path.stat().st_mode & 0o077 == 0
        assert str(path) in namespace.connect_with
        assert Path.home() not in path.parents or ".kube" not in path.parts


def test_a_port_that_was_taken_meanwhile_is_no_fault(home: Path, monkeypatch: pytest.MonkeyPatch):
    """It was free when it was looked for, and another program was quicker."""
    if reason := cannot("embedded"):
        pytest.skip(reason)
    free = embedded.free_port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1]])
        monkeypatch.setattr(embedded, "free_port", lambda: next(ports, None) or free())
        cluster = embedded.EmbeddedCluster("learner")
        try:
            assert cluster.start()["url"] != f"https://127.0.0.1:{taken.getsockname()[1]}"
        finally:
            cluster.stop()


def test_the_backends_share_no_folder(home: Path):
    """One of them may still be ending, and removes what it had, when the other begins."""
    assert KindServer("learner").folder != embedded.EmbeddedCluster("learner").folder
