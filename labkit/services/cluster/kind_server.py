"""The cluster by kind, owned by the keeper: the course's images are built and loaded while CoreDNS starts."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import tarfile
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound

from labkit.course import home
from labkit.machine.backend import LABEL
from labkit.machine.fault import ServiceFault
from labkit.services.cluster import images
from labkit.services.cluster.binaries import binary
from labkit.services.cluster.kind_cluster import KindCluster, KindError

NODE_IMAGE = "kindest/node:v1.34.3"  # what kind 0.31 takes by default; kept here so that it can be labelled
DIGEST = "labkit.digest"
ACCOUNT = "labkit-admin"


class KindServer:
    """One kind cluster; each start is a new one."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.cluster: KindCluster | None = None
        self.folder = (
            home.run_folder() / f"cluster-{purpose}-docker"
        )  # the other backend's may begin while this one ends

    def start(self) -> dict[str, Any]:
        """Creates the cluster, with the course's images in it. Raises ServiceFault."""
        os.environ.setdefault("RYUK_RECONNECTION_TIMEOUT", "1s")  # a killed keeper does not come back
        image = os.environ.get("KIND_NODE_IMAGE") or NODE_IMAGE
        labels = {LABEL: str(home.home()), "labkit.service": f"cluster-{self.purpose}"}
        kind = str(binary("kind", lambda text: print(text, flush=True)))
        self.cluster = cluster = KindCluster(image, self._name(), kind).with_labels(labels).meanwhile(load)
        try:
            cluster.start()
            return self._reach(cluster)
        except (KindError, DockerException) as error:
            raise ServiceFault(
                f"The kind cluster does not start: {str(error).rstrip('.')}. {mend(str(error))}Run `labkit doctor`, or do without Docker: "
                "LABKIT_BACKEND=embedded."
            ) from error

    def stop(self) -> None:
        """Removes the cluster and its files."""
        if self.cluster:
            with contextlib.suppress(DockerException):
                self.cluster.stop()
            self.cluster = None
        for path in self.folder.glob("*"):
            path.unlink()
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def forget(self) -> None:
        """Nothing of a cluster that was stopped is kept."""

    def _name(self) -> str:
        return f"labkit-{self.purpose}-{hashlib.sha256(str(home.home()).encode()).hexdigest()[:8]}"

    def _reach(self, cluster: KindCluster) -> dict[str, Any]:
        """An account of the course's own, and how it reaches the API server."""
        config = cluster.kubectl("config", "view", "--raw", "--output", "json")
        ca = base64.b64decode(json.loads(config)["clusters"][0]["cluster"]["certificate-authority-data"])
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "ca.crt").write_bytes(ca)
        cluster.kubectl("create", "serviceaccount", ACCOUNT, "--namespace", "kube-system")
        account = f"kube-system:{ACCOUNT}"
        cluster.kubectl(
            "create", "clusterrolebinding", ACCOUNT, "--clusterrole=cluster-admin", f"--serviceaccount={account}"
        )
        token = cluster.kubectl("create", "token", ACCOUNT, "--namespace", "kube-system", "--duration", "720h").strip()
        text = cluster.kubeconfig_path.read_text()
        url = next(line.split()[1] for line in text.splitlines() if line.strip().startswith("server:"))
        version = json.loads(cluster.kubectl("version", "--output", "json"))["serverVersion"]["gitVersion"]
        container = cluster.get_wrapped_container().short_id
        where = f"Kubernetes {version} in Docker container {container} ({cluster.image})"
        reach = {"url": url, "ca": str(self.folder / "ca.crt"), "token": token}
        return {**reach, "backend": "docker", "version": version.lstrip("v"), "where": where, "pids": {}}


def mend(words: str) -> str:
    """The line that mends a limit of the machine which kind's words betray."""
    if "too many open files" in words or "inotify" in words:
        return "Raise the limit on inotify: sudo sysctl fs.inotify.max_user_instances=512. "
    if "no space left" in words.lower():
        return "Free some disk. "
    if "pull" in words or "manifest" in words:
        return "Set KIND_NODE_IMAGE to a node image that is here (`docker images kindest/node`). "
    return ""


def load(cluster: KindCluster) -> None:
    """Builds the course's images where they are missing, and loads them into the node."""
    with contextlib.closing(docker.from_env()) as engine:
        names = list(images.settings())
        for name in names:
            build(engine, name)
        cluster.load_images(*names)


def build(engine: Any, name: str) -> None:
    """One image, unless this Docker engine has it as it would be now. Raises KindError."""
    with contextlib.suppress(ImageNotFound):
        if engine.images.get(name).labels.get(DIGEST) == images.digest():
            return
    labels = {DIGEST: images.digest(), LABEL: str(home.home())}
    try:
        engine.images.build(fileobj=context(name), custom_context=True, tag=name, labels=labels, rm=True)
    except DockerException as error:
        raise KindError(f"the image {name} cannot be built from {images.base()}: {error}") from error


def context(name: str) -> io.BytesIO:
    """The files that an image is built from, as tar."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for program in images.FILES:
            tar.add(images.APP / program, program, filter=_plain)
        text = images.dockerfile(name).encode()
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    file.seek(0)
    return file


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Readable by everybody, of no time and owner: the same layer on every machine."""
    info.mode, info.mtime, info.uid, info.gid, info.uname, info.gname = 0o644, 0, 0, 0, "", ""
    return info
