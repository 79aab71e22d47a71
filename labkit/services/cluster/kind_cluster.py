"""A Kubernetes cluster by kind, in testcontainers' manner: a context manager that is ready when it can be used.

    with KindCluster() as cluster:
        subprocess.run(["kubectl", "--kubeconfig", cluster.kubeconfig_path, "get", "nodes"])

Needs Docker and the program `kind`. This module depends on nothing but testcontainers and Docker's SDK.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import docker
from docker.errors import DockerException, ImageNotFound, NotFound

KIND_LABEL = "io.x-k8s.kind.cluster"
CONFIG = """kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {apiServerAddress: 127.0.0.1}
nodes: [{role: control-plane}]
"""
KUBECTL = ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"]
SAID = 2000  # characters of kind's own words in an error


class KindError(Exception):
    """kind or its node said no; the message has its last words."""


class KindCluster:
    """One node, removed at the end of `with`; where this process is killed, testcontainers' Ryuk removes it.

    image: the node's image; else `KIND_NODE_IMAGE`, else kind's own default.
    name: of the cluster, of its node's container (NAME-control-plane) and of its network.
    kind: the program.
    """

    def __init__(self, image: str | None = None, name: str | None = None, kind: str = "kind") -> None:
        self.image = image or os.environ.get("KIND_NODE_IMAGE")
        self.name = name or f"testcontainers-{uuid.uuid4().hex[:12]}"
        self.kind = kind
        self.labels: dict[str, str] = {}
        self.config = CONFIG
        self.log = ""
        self._folder: Path | None = None
        self._docker: Any = None
        self._waits: list[tuple[str, list[str], float]] = []
        self._meanwhile: list[Callable[[KindCluster], object]] = []

    def with_labels(self, labels: Mapping[str, str]) -> Self:
        """Labels for the node's container and the network, by which others find them."""
        self.labels |= labels
        return self

    def with_config(self, config: str) -> Self:
        """Another configuration for kind, as YAML."""
        self.config = config
        return self

    def waiting_for(self, what: str, *kubectl: str, timeout: float = 120.0) -> Self:
        """Besides the API, the default service account and CoreDNS: a kubectl command that must succeed, run again until it does."""
        self._waits.append((what, list(kubectl), timeout))
        return self

    def meanwhile(self, work: Callable[[KindCluster], object]) -> Self:
        """Work to be done as soon as the API answers, before the slower waits, e.g. loading images."""
        self._meanwhile.append(work)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- life

    def start(self) -> Self:
        """Creates the cluster and waits until it can be used. Raises KindError, DockerException."""
        self._docker = docker.from_env()
        self._folder = Path(tempfile.mkdtemp(prefix="kind-"))
        try:
            self._tell_ryuk()
            self._docker.networks.create(self.name, driver="bridge", labels=self._all_labels())
            image = ["--image", self._labelled_image()] if self.image or self.labels else []
            options = ["--name", self.name, "--kubeconfig", str(self.kubeconfig_path), "--config", "-"]
            self._kind("create", "cluster", *options, *image, stdin=self.config)
            self._wait("the default service account", [*KUBECTL, "get", "serviceaccount", "default"], 300.0)
            for work in self._meanwhile:
                work(self)
            coredns = ["rollout", "status", "deployment/coredns", "--namespace", "kube-system", "--timeout", "10s"]
            self._wait("CoreDNS", [*KUBECTL, *coredns], 420.0)
            for what, command, timeout in self._waits:
                self._wait(what, [*KUBECTL, *command], timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Removes the node, its volume, the network, and the kubeconfig."""
        if self._docker is None:
            return
        for container in self._docker.containers.list(
            all=True, filters={"label": f"{KIND_LABEL}={self.name}"}, ignore_removed=True
        ):
            with contextlib.suppress(NotFound):
                container.remove(force=True, v=True)
        with contextlib.suppress(NotFound):
            self._docker.networks.get(self.name).remove()
        with contextlib.suppress(ImageNotFound):
            self._docker.images.remove(self._labelled, force=True)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        with contextlib.suppress(Exception):
            self._docker.close()
        self._docker = None

    # ---- what a user of it needs

    @property
    def kubeconfig_path(self) -> Path:
        """A kubeconfig of its own: the user's is never touched. Readable by this user alone."""
        if not self._folder:
            raise KindError("The cluster was not started.")
        return self._folder / "kubeconfig"

    def get_wrapped_container(self) -> Any:
        """The node's container, of Docker's SDK. Raises NotFound."""
        return self._docker.containers.get(f"{self.name}-control-plane")

    def exec(self, command: list[str]) -> tuple[int, str]:
        """Runs a command on the node: exit code and output."""
        code, output = self.get_wrapped_container().exec_run(command)
        return code, output.decode(errors="replace")

    def kubectl(self, *words: str) -> str:
        """What kubectl prints, run on the node as the cluster's administrator. Raises KindError."""
        code, output = self.exec([*KUBECTL, *words])
        if code:
            raise KindError(f"kubectl {' '.join(words)}: {output[-SAID:].strip()}")
        return output

    def load_images(self, *images: str) -> None:
        """Makes images of this Docker engine known to the node. Raises KindError."""
        self._kind("load", "docker-image", "--name", self.name, *images)

    def get_logs(self) -> str:
        """What kind said, what the node's container said, and the end of its kubelet's journal."""
        parts = [self.log]
        with contextlib.suppress(DockerException):
            parts.append(self.get_wrapped_container().logs().decode(errors="replace"))
            parts.append(self.exec(["journalctl", "--unit", "kubelet", "--no-pager", "--lines", "200"])[1])
        return "\n".join(parts)

    # ---- how

    @property
    def _labelled(self) -> str:
        return f"{self.name}-node:labelled"

    def _all_labels(self) -> dict[str, str]:
        from testcontainers.core.labels import LABEL_SESSION_ID, SESSION_ID

        return {**self.labels, LABEL_SESSION_ID: SESSION_ID}

    def _labelled_image(self) -> str:
        """kind gives its container no labels of ours. So they are the image's, which a container inherits."""
        if not self.image:
            raise KindError("Labels need an image: set KIND_NODE_IMAGE or `image`.")
        words = "".join(f"LABEL {name}={value!r}\n".replace("'", '"') for name, value in self._all_labels().items())
        try:
            self._docker.images.get(self.image)
        except ImageNotFound:
            repository, _, tag = self.image.partition("@")[0].rpartition(":")
            self._docker.images.pull(repository or self.image, tag=tag if repository else None)
        self._docker.images.build(
            fileobj=io.BytesIO(f"FROM {self.image}\n{words}".encode()), tag=self._labelled, rm=True
        )
        return self._labelled

    def _tell_ryuk(self) -> None:
        """Ryuk removes what carries this session's label, and what it is told besides: this cluster, when we are killed."""
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import Reaper

        if testcontainers_config.ryuk_disabled:
            return
        Reaper.get_instance()
        if Reaper._socket:
            Reaper._socket.sendall(f"label={KIND_LABEL}={self.name}\r\n".encode())

    def _kind(self, *words: str, stdin: str | None = None) -> None:
        environment = {**os.environ, "KIND_EXPERIMENTAL_DOCKER_NETWORK": self.name}
        environment.pop("KUBECONFIG", None)
        try:
            done = subprocess.run([self.kind, *words], input=stdin, capture_output=True, text=True, env=environment)
        except OSError as error:
            raise KindError(f"{self.kind} cannot be run: {error}.") from error
        self.log += done.stdout + done.stderr
        if done.returncode:
            raise KindError(f"kind {' '.join(words[:2])} failed: {done.stderr[-SAID:].strip()}")

    def _wait(self, what: str, command: list[str], seconds: float) -> None:
        deadline, output = time.monotonic() + seconds, ""
        while time.monotonic() < deadline:
            code, output = self.exec(command)
            if code == 0:
                return
            time.sleep(0.2)
        raise KindError(f"{what} was not ready within {seconds:g} s: {output[-SAID:].strip()}")
