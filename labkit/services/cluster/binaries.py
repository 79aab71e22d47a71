"""The programs of a control plane, and kubectl: where they are, or fetched once.

Looked for in `KUBEBUILDER_ASSETS`, on `PATH`, and in the course's cache; what is nowhere is downloaded from the projects' own places and
compared with the checksums that they publish.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import sys
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from labkit.course.home import home
from labkit.machine.fault import ServiceFault

VERSION = "v1.34.4"
ETCD = "v3.6.8"
KIND = "v0.31.0"
KUBERNETES = f"https://dl.k8s.io/release/{VERSION}/bin/linux"
KIND_RELEASE = f"https://kind.sigs.k8s.io/dl/{KIND}"
ETCD_RELEASE = f"https://github.com/etcd-io/etcd/releases/download/{ETCD}"
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 2**20
OR_ELSE = "Or set KUBEBUILDER_ASSETS to a folder that has etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl."

Progress = Callable[[str], None]


def found(name: str) -> Path | None:
    """The program, if it is here already."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(Path(assets) / name, os.X_OK):
        return Path(assets) / name
    if on_path := shutil.which(name):
        return Path(on_path)
    return cached(name) if cached(name).exists() else None


def cached(name: str) -> Path:
    """Where the course keeps its own copy."""
    return home() / "bin" / f"{name}-{ {'etcd': ETCD, 'kind': KIND}.get(name, VERSION) }"


def binary(name: str, progress: Progress | None = None) -> Path:
    """The program, downloaded first where it is missing. Raises ServiceFault."""
    if here := found(name):
        return here
    machine = MACHINES.get(platform.machine().lower())
    if sys.platform != "linux" or not machine:
        raise ServiceFault(
            f"There is no {name} for {sys.platform} on {platform.machine()} here. Install Docker: then kind is used."
        )
    target = cached(name)
    target.parent.mkdir(exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.exists():
            try:
                fetch = {"etcd": _etcd, "kind": _kind}.get(name)
                fetch(machine, target, progress) if fetch else _kubernetes(name, machine, target, progress)
            except (OSError, ValueError) as error:
                raise ServiceFault(
                    f"{name} could not be downloaded ({error}). Connect this machine to the internet and try again. {OR_ELSE}"
                ) from error
    return target


def _kubernetes(name: str, machine: str, target: Path, progress: Progress | None) -> None:
    url = f"{KUBERNETES}/{machine}/{name}"
    wanted = _get(f"{url}.sha256").decode().split()[0]
    _put(target, _checked(name, _get(url, name, progress), wanted))


def _kind(machine: str, target: Path, progress: Progress | None) -> None:
    url = f"{KIND_RELEASE}/kind-linux-{machine}"
    wanted = _get(f"{url}.sha256sum").decode().split()[0]
    _put(target, _checked("kind", _get(url, "kind", progress), wanted))


def _etcd(machine: str, target: Path, progress: Progress | None) -> None:
    archive = f"etcd-{ETCD}-linux-{machine}.tar.gz"
    sums = dict(line.split()[::-1] for line in _get(f"{ETCD_RELEASE}/SHA256SUMS").decode().splitlines() if line.strip())
    data = _checked(archive, _get(f"{ETCD_RELEASE}/{archive}", "etcd", progress), sums.get(archive, ""))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        program = tar.extractfile(f"etcd-{ETCD}-linux-{machine}/etcd")
        if program is None:
            raise ValueError(f"{archive} has no etcd in it")
        _put(target, program.read())


def _checked(name: str, data: bytes, wanted: str) -> bytes:
    if hashlib.sha256(data).hexdigest() != wanted:
        raise ValueError(f"{name} is not the file whose checksum its project names")
    return data


def _put(target: Path, data: bytes) -> None:
    new = target.with_suffix(".new")
    new.write_bytes(data)
    new.chmod(0o755)
    new.replace(target)


def _get(url: str, name: str = "", progress: Progress | None = None) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        size, parts, got = int(answer.headers.get("Content-Length") or 0), [], 0
        while part := answer.read(CHUNK):
            parts.append(part)
            got += len(part)
            if progress and name:
                progress(f"Downloading {name}: {got / 1e6:.0f} of {size / 1e6:.0f} MB")
        return b"".join(parts)
