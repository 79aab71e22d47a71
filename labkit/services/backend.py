"""Which backend a service gets here: Docker, where an engine answers, or what is embedded in the course."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from labkit.services.fault import ServiceFault

Backend = Literal["docker", "embedded"]
BACKENDS: tuple[Backend, ...] = ("docker", "embedded")
PATIENCE = 1.0  # seconds that an engine has to answer


def choose(asked: str | None = None) -> Backend:
    """The backend asked for, else `LABKIT_BACKEND`, else Docker if its engine answers. Raises
    ServiceFault."""
    wanted = asked or os.environ.get("LABKIT_BACKEND")
    if wanted and wanted not in BACKENDS:
        raise ServiceFault(f"There is no backend {wanted!r}. Set LABKIT_BACKEND to docker or embedded, or unset it.")
    if wanted:
        return cast(Backend, wanted)
    return "docker" if docker_answers() else "embedded"


def docker_answers() -> bool:
    """Whether a Docker engine answers a ping within a second."""
    return ask_docker("/_ping") == 200


def ask_docker(path: str) -> int:
    """The HTTP status of a GET from the engine, 0 without an answer. Importing the Docker SDK would take 200 ms."""
    try:
        with _connect_to_engine() as engine:
            engine.settimeout(PATIENCE)
            engine.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
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
