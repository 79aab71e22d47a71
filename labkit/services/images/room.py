"""The room of a build: a container that does nothing but have limits, so that a build's steps can share them.

BuildKit's steps know no limits of memory or processes. `--cgroup-parent` puts them into a control group of ours, and the
one that Docker makes for a container has the limits that this container was given.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

from labkit.machine.fault import ServiceFault
from labkit.services.images.engine import Engine
from labkit.services.images.limits import MB, Limits

SAY_AND_STAY = "cat /proc/self/cgroup; echo said; exec sleep infinity"
GROUP = re.compile(r"^(?:0::|\d+:(?:\w+,)*memory(?:,\w+)*:)(/.+)$", re.MULTILINE)


class Room:
    """A context manager. `group` is the control group's path, for `--cgroup-parent`."""

    def __init__(self, engine: Engine, image: str, name: str, labels: dict[str, str], limits: Limits) -> None:
        self.engine, self.name = engine, name
        cpus = min(limits.cpus, float(engine.client.info().get("NCPU") or 1))
        self.container: Any = engine.client.containers.run(
            image, ["sh", "-c", SAY_AND_STAY], entrypoint=[], name=name, labels=labels, detach=True, network_mode="none",
            read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"], cgroupns="host", user="65534:65534",
            mem_limit=limits.memory_mb * MB, memswap_limit=limits.memory_mb * MB, pids_limit=limits.pids,
            nano_cpus=int(cpus * 1e9), init=False,
        )  # fmt: skip
        try:
            self.group = self._group()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Removes it, with whatever is still in it."""
        from docker.errors import DockerException

        with contextlib.suppress(DockerException):
            self.container.remove(force=True, v=True)

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _group(self) -> str:
        """Its control group, as the engine's machine names it: the container says so when it starts."""
        said = ""
        for chunk in self.container.logs(stream=True, follow=True):
            said += chunk.decode(errors="replace")
            if said.endswith("said\n"):
                break
        groups = dict.fromkeys(path for path in GROUP.findall(said) if path != "/")
        if not groups:
            raise ServiceFault(
                "Docker does not say which control group a container is in, so a build cannot be limited. "
                "Run `labkit doctor`, and do this lab on another engine."
            )
        return next(iter(groups))
