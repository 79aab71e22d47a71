"""A container of an answer's image: no network, no privileges, within limits."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labkit.machine.fault import ServiceFault
from labkit.services.images.engine import Engine
from labkit.services.images.limits import MB, Limits

LOG = {"type": "json-file", "config": {"max-size": "1m", "max-file": "1"}}
CANNOT_START = (126, 127)


class CannotStart(Exception):
    """The image's program cannot be started: it is missing, or is no program. The message says which."""


@dataclass(frozen=True)
class Ran:
    """How a container's program ended. Its output is untrusted, and cut to a length; `timed_out`: it had to be killed."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False
    out_of_memory: bool = False

    @property
    def ok(self) -> bool:
        """It ended by itself, with status 0."""
        return self.exit_code == 0 and not self.timed_out


@dataclass(frozen=True)
class Stopped:
    """How a container took `docker stop`: `seconds` are the engine's own, from the first signal to the end; `killed`: a second signal was needed."""

    exit_code: int
    seconds: float
    killed: bool


@dataclass(frozen=True)
class Probe:
    """One run of HEALTHCHECK's command: when it began, as the engine writes times, and the last line that it printed, which is untrusted."""

    begun: str
    exit_code: int
    last_line: str

    def __str__(self) -> str:
        return f"the last probe ended with {self.exit_code}" + f": {self.last_line}" * bool(self.last_line)


@dataclass(frozen=True)
class Health:
    """What the engine thinks of a container: its status ("" where the image has no HEALTHCHECK), and the probes that it remembers, the last five."""

    status: str
    probes: tuple[Probe, ...] = ()

    @property
    def failed(self) -> Probe | None:
        """The last probe that failed."""
        return next((probe for probe in reversed(self.probes) if probe.exit_code != 0), None)


class Container:
    """A context manager: made and started, and removed at its end.

    `argv` replaces CMD, `entrypoint` ENTRYPOINT ([] for none). `tmpfs` are folders that it may write to where its root is
    read-only. Raises CannotStart, and ServiceFault.
    """

    def __init__(
        self,
        engine: Engine,
        image: str,
        argv: Sequence[str] | None = None,
        *,
        labels: Mapping[str, str],
        limits: Limits,
        entrypoint: Sequence[str] | None = None,
        user: str | None = None,
        read_only: bool = True,
        tmpfs: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        from docker.errors import APIError, DockerException
        from docker.types import LogConfig

        self.engine, self.limits, self.labels = engine, limits, dict(labels)
        options: dict[str, Any] = {"entrypoint": list(entrypoint)} if entrypoint is not None else {}
        if user is not None:
            options["user"] = user
        cpus = min(limits.cpus, float(engine.client.info().get("NCPU") or 1))
        try:
            self.container: Any = engine.client.containers.create(
                image, list(argv) if argv is not None else None, labels=dict(labels), network_mode="none",
                cap_drop=["ALL"], security_opt=["no-new-privileges"], read_only=read_only,
                tmpfs=dict.fromkeys(tmpfs, "size=64m,mode=1777"), environment=dict(environment or {}),
                mem_limit=limits.memory_mb * MB, memswap_limit=limits.memory_mb * MB, pids_limit=limits.pids,
                nano_cpus=int(cpus * 1e9), log_config=LogConfig(**LOG), ipc_mode="private", **options,
            )  # fmt: skip
        except APIError as error:
            if error.is_client_error():
                raise CannotStart(_words(error)) from error
            raise ServiceFault(f"Docker does not make a container: {_words(error)} Run this again.") from error
        except DockerException as error:
            raise ServiceFault(f"Docker does not make a container: {error} Run this again.") from error
        self.begun = time.monotonic()
        try:
            self.container.start()
        except APIError as error:
            self.close()
            raise CannotStart(_words(error)) from error
        except BaseException:
            self.close()
            raise

    def wait(self, seconds: float) -> Ran:
        """Waits for its end, and kills it after so many seconds."""
        import requests

        timed_out = False
        try:
            self.container.wait(timeout=seconds)
        except (requests.exceptions.ReadTimeout, requests.exceptions.ConnectionError):
            timed_out = True
            self.kill()
            self.container.wait(timeout=30)
        took = time.monotonic() - self.begun
        self.container.reload()
        state = self.container.attrs["State"]
        return Ran(
            state["ExitCode"],
            self.output(stderr=False),
            self.output(stdout=False),
            took,
            timed_out,
            bool(state["OOMKilled"]),
        )

    def stop(self, seconds: int = 10) -> Stopped:
        """As `docker stop`: its signal, and SIGKILL after so many seconds."""
        since = time.time()
        self.container.stop(timeout=seconds)
        self.container.wait(timeout=30)
        asked: Any = {"container": self.container.id, "event": ["kill", "die"]}
        events = list(
            self.engine.client.events(since=f"{since - 5:.3f}", until=f"{time.time():.6f}", filters=asked, decode=True)
        )
        kills = [event["timeNano"] for event in events if event["Action"] == "kill"]
        ends = [event["timeNano"] for event in events if event["Action"] == "die"]
        took = (ends[-1] - kills[0]) / 1e9 if kills and ends else 0.0
        self.container.reload()
        return Stopped(self.container.attrs["State"]["ExitCode"], took, len(kills) > 1)

    def health(self) -> Health:
        """What HEALTHCHECK has found so far."""
        self.container.reload()
        found = self.container.attrs["State"].get("Health") or {}
        probes = [
            Probe(log["Start"], log["ExitCode"], (log["Output"].strip().splitlines() or [""])[-1][-200:])
            for log in found.get("Log") or ()
        ]
        return Health(found.get("Status", ""), tuple(probes))

    def kill(self) -> None:
        """Ends it at once."""
        from docker.errors import DockerException

        with contextlib.suppress(DockerException):
            self.container.kill()

    def output(self, *, stdout: bool = True, stderr: bool = True) -> str:
        """The end of what it printed so far."""
        said: bytes = self.container.logs(stdout=stdout, stderr=stderr)
        return said[-self.limits.output_kb * 1000 :].decode(errors="replace")

    def close(self) -> None:
        """Removes it, with its volumes."""
        from docker.errors import DockerException

        with contextlib.suppress(DockerException):
            self.container.remove(force=True, v=True)

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _words(error: Any) -> str:
    """What the engine says, without the layers of software that it came through."""
    said = str(getattr(error, "explanation", None) or error).strip().rstrip(".")
    for noise in (
        "failed to create task for container:",
        "failed to create shim task:",
        "OCI runtime create failed:",
        "runc create failed:",
        "unable to start container process:",
    ):
        said = said.replace(noise, "")
    return " ".join(said.split())[:400] + "."
