"""What is left of clusters whose keeper was killed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psutil

from labkit.course.home import home, run_folder
from labkit.machine.backend import LABEL
from labkit.services.service import Leftover


def processes(kept: set[str]) -> Iterator[Leftover]:
    """Programs of a control plane, agents and pods of this home."""
    data, run = f"{home()}/cluster/", f"{run_folder()}/cluster-"
    for process in psutil.process_iter(["cmdline", "name"]):
        words = process.info["cmdline"] or []
        at = next((word for word in words if data in word or run in word), "")
        if not at:
            continue
        rest = at.partition(data)[2] or at.partition(run)[2]
        purpose = rest.split("/")[0]
        if f"cluster-{purpose}-embedded" not in kept:
            name = f"{process.info['name']} process {process.pid} of the cluster {purpose}"
            yield Leftover(name, lambda process=process: _kill(process))


def networks(kept: set[str]) -> Iterator[Leftover]:
    """kind's networks; its containers are found by their label."""
    import docker

    with contextlib.closing(docker.from_env(timeout=10)) as engine:
        listed: list[Any] = engine.networks.list(filters={"label": f"{LABEL}={home()}"})
        for network in listed:
            service = (network.attrs.get("Labels") or {}).get("labkit.service", "")
            if service.startswith("cluster-") and f"{service}-docker" not in kept:
                yield Leftover(f"Docker network {network.name}", network.remove)


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        process.wait(5)
