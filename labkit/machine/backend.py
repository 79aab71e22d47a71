"""Which backend a service gets here: Docker, where an engine answers, or what is embedded in the course."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from labkit.machine.fault import ServiceFault

Backend = Literal["docker", "embedded"]
BACKENDS: tuple[Backend, ...] = ("docker", "embedded")
LABEL = (
    "labkit.home"  # on containers, volumes and images, for `labkit clean`; a container's service is on "labkit.service"
)
GIVEN_UP = "LABKIT_DOCKER_GIVEN_UP"  # in the environment: why
PATIENCE = 1.0  # seconds that an engine has to answer


def choose(named: str | None = None) -> Backend:
    """The backend asked for, else `LABKIT_BACKEND`, else Docker if its engine answers. Raises
    ServiceFault."""
    wanted = named or os.environ.get("LABKIT_BACKEND")
    if wanted and wanted not in BACKENDS:
        raise ServiceFault(f"There is no backend {wanted!r}. Set LABKIT_BACKEND to docker or embedded, or unset it.")
    if wanted:
        return cast(Backend, wanted)
    return "docker" if not docker_given_up() and docker_answers() else "embedded"


def asked(name: str | None) -> Backend | None:
    """A backend's name as one, None where none was named. Raises ServiceFault."""
    return choose(name) if name else None


def is_asked_for(asked: str | None = None) -> bool:
    """Whether somebody named a backend."""
    return bool(asked or os.environ.get("LABKIT_BACKEND"))


def give_up_docker(why: str) -> None:
    """From now on, in this process and those that it starts, Docker is not chosen by itself: it answers, and can start nothing."""
    os.environ[GIVEN_UP] = why[:500]


def docker_given_up() -> str:
    """Why Docker is not chosen although it answers; empty where it is."""
    return os.environ.get(GIVEN_UP, "")


def docker_answers() -> bool:
    """Whether a Docker engine answers a ping within a second."""
    return ask_docker("/_ping") == 200


def ask_docker(path: str, method: str = "GET", patience: float = PATIENCE) -> int:
    """The HTTP status of the engine's answer, 0 without one. Importing the Docker SDK would take 200 ms."""
    try:
        with _connect_to_engine() as engine:
            engine.settimeout(patience)
            engine.sendall(f"{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n".encode())
            status = engine.recv(256).split(b" ", 2)[1:2]
            return int(status[0]) if status else 0
    except (OSError, ValueError):
        return 0


def docker_host() -> str:
    """The engine's address as `DOCKER_HOST` writes it: that, else the usual sockets (also a rootless
    engine's)."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    usual = [
        Path("/var/run/docker.sock"),
        Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent"), "docker.sock"),
    ]
    usual += [Path.home() / ".docker/run/docker.sock"]
    return f"unix://{next((path for path in usual if path.exists()), usual[0])}"


def _connect_to_engine() -> socket.socket:
    address = urlsplit(docker_host())
    if address.scheme != "unix":
        return socket.create_connection((address.hostname or "localhost", address.port or 2375), timeout=PATIENCE)
    engine = socket.socket(socket.AF_UNIX)
    engine.settimeout(PATIENCE)
    try:
        engine.connect(address.path)
    except OSError:
        engine.close()
        raise
    return engine
