"""What an instance is made of: a container on Docker; without it a process under bubblewrap; on a learner's own machine also without."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.machine.backend import Backend
from labkit.machine.fault import ServiceFault
from labkit.sandbox import Container, Sandbox, Unsafe, choose, require

LIBRARIES = ("awslambdaric", "pandas", "psycopg")  # what a function may import, besides Python's own
WORDS = {
    "bubblewrap": "each instance a process under bubblewrap",
    "container": "each instance a container",
    "unsafe": "each instance a plain process: bubblewrap is not here, so a function can do whatever you can",
}


def isolation(backend: Backend, *, graded: bool, labels: Mapping[str, str] | None = None) -> Sandbox:
    """The sandbox of a backend. Raises NoSandbox where graded functions would run without one, ServiceFault where there is no image."""
    if backend == "embedded":
        return choose("bubblewrap") or (require() if graded else Unsafe())
    found = Container.probe()
    if found is None:
        raise ServiceFault(
            "There is no Python image for the functions' instances, and none can be pulled. Try `docker pull python:3.13-slim`, "
            "name one that is there in LABKIT_SANDBOX_IMAGE, or do without Docker: LABKIT_BACKEND=embedded."
        )
    return Container(found.base, LIBRARIES, labels)
