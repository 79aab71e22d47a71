"""MLflow in a Docker container, on the course's Postgres in another one: by testcontainers."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from typing import Any

import docker
from docker.errors import DockerException

from labkit.course import home
from labkit.machine.backend import LABEL
from labkit.machine.fault import ServiceFault
from labkit.services.mlflow import image
from labkit.services.mlflow.orders import answers
from labkit.services.postgres.running import Postgres, postgres

PATIENCE = 120.0  # seconds to be ready: the first time, the tables are made
PORT = 5000
MEMORY = "1g"


class DockerServer:
    """One container, and a lease on the Postgres that it works on, owned by the keeper."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.container: Any = None
        self.postgres: Postgres | None = None

    def start(self) -> dict[str, Any]:
        """Starts the container, with places of its own; those of an earlier one are dropped. Raises ServiceFault."""
        try:
            return self._run()
        except DockerException as error:
            raise ServiceFault(
                f"The container of {image.tag()} does not start: {str(error).rstrip('.')}. "
                "Run `labkit doctor`, or do without Docker: LABKIT_BACKEND=embedded."
            ) from error

    def stop(self) -> None:
        """Removes the container, and gives the Postgres back; its volume, with the template, stays."""
        if self.container:
            with contextlib.suppress(DockerException):
                self.container.stop()
            self.container = None
        if self.postgres:
            self.postgres.close()
            self.postgres = None

    def forget(self) -> None:
        """Nothing is kept but the template, which no request can reach."""

    def _run(self) -> dict[str, Any]:
        tag = image.ensure()
        self.postgres = postgres(f"mlflow-{self.purpose}", "docker")
        key = secrets.token_hex(16)
        told = {"key": key, "port": PORT, "folder": "/places", "postgres": self._database()}
        self.container = container = _container(tag, self.purpose, json.dumps(told))
        container.start()
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(PORT))
        host = "127.0.0.1" if host == "localhost" else host  # a name would be tried on IPv6 first
        reach = {"host": host, "port": port, "key": key}
        self._wait_until_ready(reach)
        version = tag.partition(":")[2].partition("-")[0]
        where = f"MLflow {version} in Docker container {container.get_container_id()[:12]}, on {self.postgres.where}"
        return {**reach, "backend": "docker", "version": version, "where": where, "pid": None}

    def _database(self) -> dict[str, Any]:
        """How another container reaches the Postgres, as its superuser."""
        assert self.postgres
        labels = [f"{LABEL}={home.home()}", f"labkit.service=postgres-{self.postgres.purpose}"]
        with contextlib.closing(docker.from_env()) as engine:
            found = engine.containers.list(filters={"label": labels})
            addresses = [n["IPAddress"] for c in found for n in c.attrs["NetworkSettings"]["Networks"].values()]
        if not addresses or not addresses[0]:
            raise ServiceFault(
                "The Postgres container of MLflow has no address on Docker's network. Run `labkit doctor`."
            )
        reach = self.postgres.reach
        return {"host": addresses[0], "port": 5432, "user": reach["user"], "password": reach["password"]}

    def _wait_until_ready(self, reach: dict[str, Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        wrapped = self.container.get_wrapped_container()
        while not answers(reach):
            wrapped.reload()
            if wrapped.status == "exited" or time.monotonic() > deadline:
                words = wrapped.logs(tail=3).decode(errors="replace").strip()
                raise ServiceFault(
                    f"The container of {image.tag()} did not get ready: {words} Run `labkit clean --cache`, or do without "
                    "Docker: LABKIT_BACKEND=embedded."
                )
            time.sleep(0.05)  # a server in a container tells nobody here that it is ready


def _container(tag: str, purpose: str, settings: str) -> Any:
    """A container that is not started yet, its port on loopback only."""
    os.environ.setdefault("RYUK_RECONNECTION_TIMEOUT", "1s")  # a killed keeper does not come back
    from testcontainers.core.config import ConnectionMode
    from testcontainers.core.container import DockerContainer

    labels = {LABEL: str(home.home()), "labkit.service": f"mlflow-{purpose}"}
    container = DockerContainer(tag).with_exposed_ports(PORT).with_env("PLACES", settings)
    if container.get_docker_client().get_connection_mode() == ConnectionMode.docker_host:
        # A port on all addresses would be anybody's.
        container.ports[str(PORT)] = ("127.0.0.1",)  # pyright: ignore[reportArgumentType] - docker-py takes it
    return container.with_kwargs(
        labels=labels, mem_limit=MEMORY, memswap_limit=MEMORY, pids_limit=256, cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
    )  # fmt: skip
