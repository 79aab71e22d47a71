"""Postgres in a Docker container, by testcontainers: the public image, the same settings as the embedded
server."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import Any, Self

from labkit import home
from labkit.services import postgres_prepare as prepare
from labkit.services import postgres_settings as settings
from labkit.services.fault import ServiceFault

# Ryuk removes the container when the keeper was killed; it need not wait ten seconds for it to come back.
os.environ.setdefault("RYUK_RECONNECTION_TIMEOUT", "1s")

from docker.errors import DockerException, NotFound
from docker.types import Ulimit
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import ConnectionMode
from testcontainers.core.exceptions import ContainerStartException

IMAGE = "postgres:18"
LABEL = "labkit.home"  # on containers and volumes, for `labkit clean`
MEMORY = "1g"
PATIENCE = 90.0  # seconds for a server to be ready


class Container(PostgresContainer):
    """The image with our settings. Whether it is ready we ask it over TCP, which costs less than a psql
    inside it."""

    def _connect(self) -> None:
        pass

    def on_loopback(self, port: int) -> Self:
        """Publishes a port where only this machine reaches it; a port on all addresses is anybody's."""
        if self.get_docker_client().get_connection_mode() == ConnectionMode.docker_host:
            self.ports[str(port)] = ("127.0.0.1",)  # pyright: ignore[reportArgumentType] - docker-py takes it
        return self


class DockerServer:
    """One container over one named volume, owned by the keeper."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.container: Container | None = None

    def start(self) -> dict[str, Any]:
        """Starts a container; a volume that is damaged is made anew. Raises ServiceFault."""
        folder = home.home() / "postgres"
        folder.mkdir(exist_ok=True)
        self.password = prepare.password(folder / f"{self.purpose}.password")
        try:
            return self._run()
        except ServiceFault as fault:
            print(f"The volume is made anew, as the server does not start from it: {fault}", flush=True)
            self._remove_volume()
            return self._run()
        except DockerException as error:
            raise ServiceFault(
                f"The container of {IMAGE} does not start: {str(error).rstrip('.')}. "
                f"Try `docker pull {IMAGE}`, or do without Docker: LABKIT_BACKEND=embedded."
            ) from error

    def stop(self) -> None:
        """Ends the server in order, and removes its container. Its volume stays."""
        if not self.container:
            return
        with contextlib.suppress(ContainerStartException, DockerException):
            wrapped = self.container.get_wrapped_container()
            wrapped.stop(timeout=5)
            self.container.stop()
        self.container = None

    @property
    def volume(self) -> str:
        """Its name says whose data it is: of this home, this purpose and this password."""
        of = f"{home.home()} {self.password}"
        return f"labkit-{self.purpose}-{settings.MAJOR}-{hashlib.sha256(of.encode()).hexdigest()[:12]}"

    def _run(self) -> dict[str, Any]:
        self.container = container = self._container()
        container.get_docker_client().client.volumes.create(self.volume, labels={LABEL: str(home.home())})
        container.start()
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(5432))
        host = "127.0.0.1" if host == "localhost" else host  # a name would be tried on IPv6 first
        reach = {"host": host, "port": port, "user": settings.SUPERUSER, "password": self.password}
        prepare.wait_until_ready(reach, self._check_alive, PATIENCE)
        version = prepare.prepare(reach)
        where = f"PostgreSQL {version} in Docker container {container.get_container_id()[:12]} ({IMAGE})"
        return {**reach, "backend": "docker", "version": version, "where": where, "pid": None}

    def _container(self) -> Container:
        limits = [
            Ulimit(name="data", soft=settings.BACKEND_BYTES, hard=settings.BACKEND_BYTES),
            Ulimit(name="fsize", soft=settings.FILE_BYTES, hard=settings.FILE_BYTES),
            Ulimit(name="core", soft=0, hard=0),
        ]
        container = Container(
            IMAGE, username=settings.SUPERUSER, password=self.password, dbname="postgres", driver="psycopg"
        )
        return (
            container.on_loopback(5432)
            .with_env("POSTGRES_INITDB_ARGS", " ".join(settings.INITDB))
            .with_command(["postgres", *settings.arguments()])
            .with_volume_mapping(self.volume, "/var/lib/postgresql", "rw")
            .with_kwargs(
                labels={LABEL: str(home.home()), "labkit.service": f"postgres-{self.purpose}"},
                mem_limit=MEMORY,
                memswap_limit=MEMORY,
                pids_limit=256,
                ulimits=limits,
                security_opt=["no-new-privileges"],
            )
        )

    def _remove_volume(self) -> None:
        client = self._container().get_docker_client().client
        self.stop()
        with contextlib.suppress(NotFound):
            client.volumes.get(self.volume).remove(force=True)

    def _check_alive(self) -> None:
        if not self.container:
            return
        wrapped = self.container.get_wrapped_container()
        wrapped.reload()
        if wrapped.status == "exited":
            words = wrapped.logs(tail=3).decode(errors="replace").strip()
            raise ServiceFault(
                f"The container of {IMAGE} ended while it started: {words} Run `labkit clean --cache`, or do "
                "without Docker: LABKIT_BACKEND=embedded."
            )
