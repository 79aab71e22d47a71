"""The container that Postgres runs in: testcontainers' own, with the course's settings and limits."""

from __future__ import annotations

from typing import Self

from docker.types import Ulimit
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.config import ConnectionMode

from labkit.services.postgres import settings

MEMORY = "1g"
LIMITS = {"data": settings.BACKEND_BYTES, "fsize": settings.FILE_BYTES, "core": 0}  # bytes, of each process


class Container(PostgresContainer):
    """The image, its data in a named volume, its port on loopback only."""

    @classmethod
    def over(cls, image: str, volume: str, password: str, labels: dict[str, str]) -> Self:
        """A container that is not started yet."""
        container = cls(image, username=settings.SUPERUSER, password=password, dbname="postgres", driver="psycopg")
        if container.get_docker_client().get_connection_mode() == ConnectionMode.docker_host:
            # A port on all addresses would be anybody's.
            container.ports["5432"] = ("127.0.0.1",)  # pyright: ignore[reportArgumentType] - docker-py takes it
        return (
            container.with_env("POSTGRES_INITDB_ARGS", " ".join(settings.INITDB))
            .with_command(["postgres", *settings.arguments()])
            .with_volume_mapping(volume, "/var/lib/postgresql", "rw")
            .with_kwargs(
                labels=labels,
                mem_limit=MEMORY,
                memswap_limit=MEMORY,
                pids_limit=256,
                ulimits=[Ulimit(name=name, soft=value, hard=value) for name, value in LIMITS.items()],
                security_opt=["no-new-privileges"],
            )
        )

    def _connect(self) -> None:
        """Whether it is ready the keeper asks over TCP, every few milliseconds, and not with a psql inside."""
