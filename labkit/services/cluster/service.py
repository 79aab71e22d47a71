"""The cluster as one of the course's services: a lab has a namespace of its own."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.course import Lab
from labkit.course.home import home
from labkit.machine.backend import Backend, choose, docker_answers, docker_host
from labkit.machine.fault import ServiceFault
from labkit.services.service import LEARNER, Finding, Leftover, Progress, Server, Service

if TYPE_CHECKING:
    from labkit.services.cluster.namespace import Namespace
    from labkit.services.cluster.running import Cluster

INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
FEW_INSTANCES = (
    128  # of inotify: kind's node, and what runs beside it, soon need more than this default of many kernels
)
DISK = 5 * 2**30  # bytes that a node's image and the course's images take
OPEN_FILES = 1024


class ClusterService(Service):
    """One cluster that everybody of a purpose shares, and a namespace, with an account of its own, for each lab and each answer."""

    name, title, place = "cluster", "Kubernetes", "namespace"
    fixtures = "labkit.services.cluster.fixtures"

    def server(self, purpose: str, backend: Backend) -> Server:
        """kind, or a control plane of processes."""
        if backend == "embedded":
            from labkit.services.cluster.embedded import EmbeddedCluster

            return EmbeddedCluster(purpose)
        from labkit.services.cluster.kind_server import KindServer

        return KindServer(purpose)

    def join(self, purpose: str = LEARNER, backend: Backend | None = None) -> Cluster:
        """A lease on the cluster."""
        from labkit.services.cluster.running import Cluster
        from labkit.services.lease import on_what_works

        return on_what_works(backend, lambda chosen: Cluster(purpose, chosen))

    def open(self, running: Cluster, lab: Lab, progress: Progress = None) -> Namespace:
        """A namespace with what the lab starts from."""
        from labkit.services.cluster.template import template

        return running.place(lab.key, template(lab.section, lab.name))

    def left_behind(self, running: Cluster) -> Iterable[str]:
        """Namespaces of answers that are still there though they were dropped, and what no account of an answer could have made."""
        return running.left_behind()

    def told(self, error: BaseException) -> str | None:
        """The API server's own words, where it was the answer that failed."""
        from labkit.services.cluster.api import ApiError

        if isinstance(error, ApiError) and error.status < 500:
            return f"While the check looked at what the answer made: {error.message}"
        return None

    def doctor(self) -> Iterator[Finding]:
        """Which cluster the labs would get, and what would make it fail late."""
        try:
            backend = choose()
            yield self._kind() if backend == "docker" else self._embedded()
            yield from self._limits(backend)
        except ServiceFault as fault:  # it says the next step itself
            yield Finding(self.name, "missing", str(fault))

    def leftovers(self, kept: set[str]) -> Iterator[Leftover]:
        """Processes of clusters whose keeper is gone; they die with it, so this finds those that hang. And kind's networks."""
        from labkit.services.cluster.leftovers import networks, processes

        yield from processes(kept)
        if docker_answers():
            yield from networks(kept)

    def cache(self) -> Iterator[Leftover]:
        """Programs that were downloaded, and what a killed cluster has left on the disk."""
        folder = home() / self.name
        if folder.exists():
            yield Leftover(f"data in {folder}", lambda: shutil.rmtree(folder))
        for program in sorted((home() / "bin").glob("*-v*")):
            if program.name.startswith(("etcd-", "kube", "kind-")):
                yield Leftover(f"the program {program}", program.unlink)

    def _embedded(self) -> Finding:
        from labkit.services.cluster.binaries import CONTROL_PLANE, found

        missing = [name for name in (*CONTROL_PLANE, "kubectl") if not found(name)]
        if missing:
            here = f"embedded: {', '.join(missing)} will be downloaded the first time (some 400 MB in all)"
            return Finding(self.name, "note", here, "Set KUBEBUILDER_ASSETS to a folder that has them, or stay online")
        where = found("kube-apiserver")
        return Finding(self.name, "ok", f"embedded: processes of this machine, from {where.parent if where else ''}")

    def _kind(self) -> Finding:
        from labkit.services.cluster.binaries import found
        from labkit.services.cluster.kind_server import NODE_IMAGE

        if not docker_answers():
            to_do = "Start Docker, or unset LABKIT_BACKEND"
            return Finding(self.name, "missing", f"docker was asked for, and {docker_host()} does not answer", to_do)
        image = os.environ.get("KIND_NODE_IMAGE") or NODE_IMAGE
        if not found("kind"):
            return Finding(self.name, "note", f"docker: kind will be downloaded the first time, for a node of {image}")
        return Finding(self.name, "ok", f"docker: kind, a node of {image}")

    def _limits(self, backend: Backend) -> Iterator[Finding]:
        what = f"{self.name}, limits"
        if backend == "docker" and INSTANCES.exists() and (number := int(INSTANCES.read_text())) <= FEW_INSTANCES:
            to_do = "sudo sysctl fs.inotify.max_user_instances=512"
            yield Finding(
                what, "note", f"only {number} inotify instances: kind may fail with `too many open files`", to_do
            )
        if backend == "docker" and (free := shutil.disk_usage("/").free) < DISK:
            yield Finding(
                what,
                "note",
                f"only {free / 2**30:.1f} GB of disk are free: kind wants {DISK / 2**30:.0f}",
                "Free some disk",
            )
        if (files := resource.getrlimit(resource.RLIMIT_NOFILE)[1]) < OPEN_FILES:
            yield Finding(
                what,
                "note",
                f"a process may open {files} files only; the cluster wants {OPEN_FILES}",
                "ulimit -Hn 4096",
            )


SERVICE = ClusterService()
