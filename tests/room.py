"""The room check: what the tests left behind that was not there before them.

A look around finds processes, Unix sockets, files in the folders for temporary ones, in the home folder's
caches and in the course, and Docker's containers, volumes, networks and image tags. (A database lives in a
server's data folder or in a volume, so it is found with those.)
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import psutil

from labkit.machine.backend import LABEL
from labkit.sandbox.container import NAME
from labkit.services.mlflow.image import NAME as MLFLOW

Room = dict[str, set[str]]  # what kind of thing -> the names of those that are there

COURSE = Path(__file__).resolve().parent.parent
HOME_FOLDERS = ("~", "~/.cache", "~/.cache/labkit", "~/.local/share", "~/.local/share/jupyter/runtime")
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/var/cache/labkit", *HOME_FOLDERS)
ENDS_WITH_US = (  # children of this process, which they outlive by a moment
    "multiprocessing.resource_tracker",  # Python's own, of a process that used multiprocessing, as Dask does
    "labkit.services.flyway.process",  # warm for as long as its user lives
)
NOT_OURS = ("/run/containerd/", "/run/docker/")  # the Docker engine's own, also for other people's containers
TOOLS_OWN = (".git", ".venv", "__pycache__", ".pytest_cache", ".ruff_cache")


def look(mark: str) -> Room:
    """The room as it is now. Of the processes only those with `mark` in their environment or command line:
    the ones that the tests started, since those of others come and go as they like."""
    return {
        "process": {described for _, described in _processes(mark)},
        "Unix socket": set(_sockets()),
        "file or folder": set(_files()),
        **_docker(mark),
    }


def clean_up(mark: str, patience: float) -> None:
    """Wait up to `patience` seconds until the servers went with their users, then remove what the course keeps."""
    deadline = time.monotonic() + patience
    while any(_processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.2)
    if any(Path(os.environ["LABKIT_HOME"]).iterdir()):
        clean = "from labkit.cli import main; main()"
        subprocess.run([sys.executable, "-c", clean, "clean", "--cache", "--yes"], cwd=COURSE, capture_output=True)


def remove_images(before: Room) -> None:
    """Remove images that the course built, if they were not there: one process built them, and others used them until now."""
    for tag in _docker("").get("image tag", set()) - before.get("image tag", set()):
        if tag.startswith((f"{NAME}:", f"{MLFLOW}:")):
            subprocess.run(["docker", "image", "rm", tag], capture_output=True, check=False)


def left_behind(before: Room, mark: str, patience: float) -> Room:
    """What is there now and was not before, after waiting up to `patience` seconds for it to go."""
    deadline = time.monotonic() + patience
    while True:
        left = {kind: names - before.get(kind, set()) for kind, names in look(mark).items()}
        if not any(left.values()) or time.monotonic() > deadline:
            return {kind: names for kind, names in left.items() if names}
        time.sleep(0.2)


def end_processes(mark: str) -> None:
    """Kill what the tests started and left, so that a failed run does not trouble the next one."""
    for process, _ in _processes(mark):
        with contextlib.suppress(psutil.Error):
            process.kill()


def _processes(mark: str) -> Iterator[tuple[psutil.Process, str]]:
    me = psutil.Process()
    family = {me.pid, *(parent.pid for parent in me.parents())}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if process.pid in family or not command or (process.ppid() == me.pid and _ends_with_us(command)):
                continue
            if mark in command or mark in _environment(process):
                yield process, f"{process.pid} {command[:160]}"


def _ends_with_us(command: str) -> bool:
    return any(name in command for name in ENDS_WITH_US)


def _environment(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.AccessDenied):
        return " ".join(process.environ().values())
    return ""


def _sockets() -> Iterator[str]:
    """The sockets with a place in the file system; an abstract one goes with its process."""
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        path = line.split(maxsplit=7)[7:]
        if path and path[0].startswith("/") and not path[0].startswith(NOT_OURS):
            yield path[0]


def _files() -> Iterator[str]:
    for folder in map(os.path.expanduser, (tempfile.gettempdir(), *SHARED_FOLDERS)):
        with contextlib.suppress(OSError):
            yield from (str(Path(folder, name)) for name in os.listdir(folder))
    for folder, folders, files in os.walk(COURSE):
        folders[:] = [name for name in folders if name not in TOOLS_OWN]
        yield from (str(Path(folder, name)) for name in [*folders, *files])


def _docker(mark: str) -> Room:
    """What Docker has, of any service; but for what is labelled as another home's than those of this session."""

    def ours(item: dict[str, Any]) -> bool:
        return (item.get("Labels") or {}).get(LABEL, mark).startswith(mark)

    try:
        client = docker.from_env(timeout=10)
        client.ping()
    except docker.errors.DockerException:
        return {}
    with contextlib.closing(client):
        return {
            "container": {
                f"{item['Names'][0]} ({item['Image']})" for item in client.api.containers(all=True) if ours(item)
            },
            "volume": {item["Name"] for item in client.api.volumes()["Volumes"] or [] if ours(item)},
            "network": {item["Name"] for item in client.api.networks() if ours(item)},
            "image tag": {tag for item in client.api.images() for tag in item["RepoTags"] or []},
        }
