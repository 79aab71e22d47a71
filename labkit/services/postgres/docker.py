"""Postgres in a Docker container: the public image by testcontainers, set as the embedded server is."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import docker
from docker.errors import DockerException, NotFound

from labkit.course import home
from labkit.machine.backend import LABEL
from labkit.machine.fault import ServiceFault
from labkit.services.postgres import settings
from labkit.services.postgres.embedded import GET_FLAGS, SET_FLAGS, TOP_OF_HIERARCHY
from labkit.services.postgres.settings import IMAGE
from labkit.services.ryuk import ryuk

if TYPE_CHECKING:
    from labkit.services.postgres.container import Container

PATIENCE = 90.0  # seconds for a server to be ready
# What `postgres_embedded.spread` does, and why, by the one language that the image has; where it cannot, nothing is lost but time.
SPREAD = f"""open(my $folder, "<", "$ENV{{PGDATA}}/base") or exit; my $flags = pack("L2", 0, 0);
ioctl($folder, {GET_FLAGS}, $flags) or exit; $flags = pack("L2", unpack("L", $flags) | {TOP_OF_HIERARCHY}, 0);
ioctl($folder, {SET_FLAGS}, $flags);"""


class DockerServer:
    """One container over one named volume, owned by the keeper."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.container: Container | None = None

    def start(self) -> dict[str, Any]:
        """Starts a container; a volume that is damaged is made anew. Raises ServiceFault."""
        folder = home.home() / "postgres"
        folder.mkdir(exist_ok=True)
        self.password = settings.password(folder / f"{self.purpose}.password")
        try:
            try:
                return self._run()
            except ServiceFault as fault:
                print(f"The volume is made anew, as the server does not start from it: {fault}", flush=True)
                self.stop()
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
        from testcontainers.core.exceptions import ContainerStartException

        with contextlib.suppress(ContainerStartException, DockerException):
            self.container.get_wrapped_container().stop(timeout=5)
            self.container.stop()
        self.container = None

    def forget(self) -> None:
        """Removes its volume."""
        self._remove_volume()

    @property
    def volume(self) -> str:
        """Its name says whose data it is: of this home, this purpose and this password."""
        of = f"{home.home()} {self.password}"
        return f"labkit-{self.purpose}-{settings.MAJOR}-{hashlib.sha256(of.encode()).hexdigest()[:12]}"

    def _run(self) -> dict[str, Any]:
        labels = {LABEL: str(home.home()), "labkit.service": f"postgres-{self.purpose}"}
        start_ryuk = ryuk()
        with ThreadPoolExecutor(2) as background:
            others = [background.submit(start_ryuk), background.submit(self._make_volume, labels)]
            from labkit.services.postgres import prepare as prepare  # what is imported here takes as long as they do
            from labkit.services.postgres.container import Container

            for other in others:
                other.result()
        self.container = container = Container.over(IMAGE, self.volume, self.password, labels)
        container.start()
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(5432))
        host = "127.0.0.1" if host == "localhost" else host  # a name would be tried on IPv6 first
        reach = {"host": host, "port": port, "user": settings.SUPERUSER, "password": self.password}
        prepare.wait_until_ready(reach, self._check_alive, PATIENCE)
        threading.Thread(target=self._spread, daemon=True).start()  # the first clones need not wait for it
        version = prepare.prepare(reach)
        where = f"PostgreSQL {version} in Docker container {container.get_container_id()[:12]} ({IMAGE})"
        return {**reach, "backend": "docker", "version": version, "where": where, "pid": None}

    def _make_volume(self, labels: dict[str, str]) -> None:
        with contextlib.closing(docker.from_env()) as engine:
            engine.volumes.create(self.volume, labels=labels)

    def _remove_volume(self) -> None:
        with contextlib.closing(docker.from_env()) as engine, contextlib.suppress(NotFound):
            engine.volumes.get(self.volume).remove(force=True)

    def _spread(self) -> None:
        with contextlib.suppress(DockerException):
            if container := self.container:
                container.get_wrapped_container().exec_run(["perl", "-e", SPREAD], user="postgres")

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
