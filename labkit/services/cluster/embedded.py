"""The cluster as processes of this machine: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, and our own node."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from labkit.course import home
from labkit.machine.children import dies_with_us
from labkit.machine.fault import ServiceFault
from labkit.machine.system_user import User, server_user
from labkit.services.cluster.api import Api
from labkit.services.cluster.binaries import CONTROL_PLANE, binary
from labkit.services.cluster.control_plane import ADMIN, ControlPlane
from labkit.services.cluster.images import embedded_images
from labkit.services.cluster.node.process import sweep

PATIENCE = 240.0  # seconds for each program to be ready: it takes some three, and far more on a busy machine
GO = {"GOGC": "30", "GOMAXPROCS": "2"}  # less memory, for a little more work
OPEN_FILES = 4096
ORDINARY_PYTHONS = "/usr/local/bin:/usr/bin:/bin"


class EmbeddedCluster:
    """One control plane and one node, owned by the keeper; each start is a new cluster."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.user = server_user()
        self.folder = home.run_folder() / f"cluster-{purpose}"
        self.data = home.home() / "cluster" / purpose
        self.processes: dict[str, subprocess.Popen[Any]] = {}

    def start(self) -> dict[str, Any]:
        """Starts all five, in the order in which they need each other. Raises ServiceFault."""
        try:
            return self._start()
        except ServiceFault:
            apiserver = self.processes.get("kube-apiserver")
            if apiserver is None or apiserver.poll() is None:
                raise
        self.stop()  # another program may have taken its port since that was found free
        return self._start()

    def _start(self) -> dict[str, Any]:
        programs = {name: binary(name, lambda text: print(text, flush=True)) for name in CONTROL_PLANE}
        self._make_folders()
        self.plane = plane = ControlPlane(self.folder, self.data, free_port())
        plane.write()
        self._own(self.folder)
        self._run("etcd", [programs["etcd"], *plane.etcd()])
        self._run("kube-apiserver", [programs["kube-apiserver"], *plane.apiserver()])
        api = Api(plane.url, plane.authority.path, plane.tokens[ADMIN])
        with api:
            self._until(lambda: api.answers("/readyz"), "kube-apiserver")
            self._run("kube-controller-manager", [programs["kube-controller-manager"], *plane.controller_manager()])
            self._run("kube-scheduler", [programs["kube-scheduler"], *plane.scheduler()])
            self._let_node_see_services(api)
            self._start_node(plane)
            self._until(lambda: node_is_ready(api), "node")
            self._until(
                lambda: api.answers("/api/v1/namespaces/default/serviceaccounts/default"), "kube-controller-manager"
            )
            version = api.get("/version")["gitVersion"]
        where = f"Kubernetes {version} as processes of this machine, API server {self.processes['kube-apiserver'].pid}"
        reach = {"url": plane.url, "ca": str(plane.authority.path), "token": plane.tokens[ADMIN]}
        pids = {name: process.pid for name, process in self.processes.items()}
        return {**reach, "backend": "embedded", "version": version.lstrip("v"), "where": where, "pids": pids}

    def stop(self) -> None:
        """Ends all of them, the node first: it takes its pods with it."""
        for name in ("node", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"):
            if process := self.processes.pop(name, None):
                self._end(process, kind=name != "node")
        sweep(str(self.data / "node"))
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def forget(self) -> None:
        """Nothing of a cluster that was stopped is kept."""

    def _end(self, process: subprocess.Popen[Any], *, kind: bool) -> None:
        """Nothing that the control plane holds is worth its orderly end; the node has pods to end."""
        process.send_signal(signal.SIGKILL if kind else signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _make_folders(self) -> None:
        for folder in (self.folder, self.data):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, mode=0o700)
        (self.data / "node").mkdir()
        self.user.can_enter(self.data.parent)
        self._own(self.data)

    def _own(self, folder: Path) -> None:
        """Gives a folder and what is in it to the user that the programs run as."""
        for path in [folder, *folder.rglob("*")]:
            self.user.owns(path)

    def _run(self, name: str, command: Sequence[str | Path]) -> None:
        if os.access(command[0], os.X_OK) and self.user.entry:
            self._check_reachable(Path(command[0]))
        self.processes[name] = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.data), **GO},
            preexec_fn=dies_with_us(first=_limited),
            **self.user.popen(),
        )

    def _check_reachable(self, program: Path) -> None:
        if subprocess.run(["test", "-x", program], cwd="/", **self.user.popen()).returncode:
            raise ServiceFault(
                f"As root, the cluster runs as the user {self.user.name()}, who may not run {program}. Put the programs "
                "into a folder that everybody may enter, and set KUBEBUILDER_ASSETS to it."
            )

    def _start_node(self, plane: ControlPlane) -> None:
        told = {
            "server": plane.url,
            "ca": str(plane.authority.path),
            "token": plane.tokens["system:node:labkit"],
            "folder": str(self.data / "node"),
            "certificate": str(self.folder / "kubelet.crt"),
            "key": str(self.folder / "kubelet.key"),
            "python": python_for(self.user),
            "egress": str(plane.egress),
            "images": {
                name: dataclasses.asdict(image) for name, image in embedded_images(self.data / "images").items()
            },
            "parent": os.getpid(),
            "only_known_commands": self.purpose.startswith("grading"),
        }
        if self.user.entry:
            told |= {"user": self.user.entry.pw_uid, "group": self.user.entry.pw_gid}
        self._own(self.data / "images")
        path = self.folder / "node.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(told))
        self.user.owns(path)
        self.processes["node"] = subprocess.Popen(
            [sys.executable, "-P", "-m", "labkit.services.cluster.node", str(path)],
            stdin=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=dies_with_us(signal.SIGTERM, _limited),
        )

    def _let_node_see_services(self, api: Api) -> None:
        """What kube-proxy may read, our node may: it does kube-proxy's work, too."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:node-proxier"}
        node = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:node:labkit"}
        body = {"metadata": {"name": "labkit-node-proxier"}, "roleRef": role, "subjects": [node]}
        api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body)

    def _until(self, condition: Callable[[], bool], name: str) -> None:
        """Awaits that it holds. Raises ServiceFault when a program ends meanwhile, or it takes too long."""
        deadline = time.monotonic() + PATIENCE
        log = home.home() / "log" / f"cluster-{self.purpose}-embedded.log"
        while not condition():
            for other, process in self.processes.items():
                if process.poll() is not None:
                    raise ServiceFault(
                        f"{other} ended while the cluster started (exit status {process.returncode}). Its reason is at the end of {log}."
                    )
            if time.monotonic() > deadline:
                raise ServiceFault(f"{name} was not ready within {PATIENCE:g} s. See {log}, then run `labkit doctor`.")
            time.sleep(0.05)


def node_is_ready(api: Api) -> bool:
    """Whether the node is ready, and takes pods."""
    for node in api.get("/api/v1/nodes")["items"]:
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", []))
        if ready and not node["spec"].get("taints"):
            return True
    return False


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def python_for(user: User) -> str:
    """An interpreter that the pods' user can run. Raises ServiceFault."""
    own = Path(sys.executable)
    candidates = [str(own.resolve()), shutil.which("python3", path=ORDINARY_PYTHONS)]
    for python in filter(None, candidates):
        check = [python, "-I", "-c", "import http.server, sys; sys.exit(sys.version_info < (3, 9))"]
        with contextlib.suppress(OSError):
            if subprocess.run(check, cwd="/", capture_output=True, **user.popen()).returncode == 0:
                return python
    raise ServiceFault(
        f"As root, the cluster's pods run as the user {user.name()}, who can run no Python here: not {own.resolve()}, and none in "
        f"{ORDINARY_PYTHONS}. Install Python where everybody may read it, or run the course as an ordinary user."
    )


def _limited() -> None:
    """What a new process does before it becomes the program."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
