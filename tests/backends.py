"""Which backends this run has."""

from __future__ import annotations

import contextlib
import os
from functools import cache

import docker

BACKENDS = ("embedded", "docker")
ONLY = os.environ.get("LABKIT_BACKEND")  # as the run was started, whatever tests set it to meanwhile


@cache
def why_not(backend: str) -> str:
    """Why this run has no such backend; empty when it has."""
    if ONLY not in (None, backend):
        return f"not run on {backend}: LABKIT_BACKEND={ONLY} was asked for"
    if backend == "docker":
        try:
            with contextlib.closing(docker.from_env(timeout=10)) as client:
                client.ping()
        except docker.errors.DockerException as error:
            return f"not run on docker: no engine answers ({str(error).splitlines()[0][:160]})"
    return ""
