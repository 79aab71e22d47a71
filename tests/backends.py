"""What this run has of what some tests need: backends, sandboxes, services, programs. Each function says why it has not, or nothing."""

from __future__ import annotations

import contextlib
import os
from functools import cache

import docker
import pytest

from labkit import course, kinds, services
from labkit.machine.fault import ServiceFault
from labkit.sandbox import choose
from labkit.services.flyway import jars
from labkit.services.golang_migrate import binary

BACKENDS = ("embedded", "docker")
ONLY = os.environ.get("LABKIT_BACKEND")  # as the run was started, whatever tests set it to meanwhile
FETCHED = {  # what the first lab fetches that has an answer of such a kind
    "flyway": jars.jars,
    "flyway_commands": jars.jars,
    "migrate": binary.binary,
    "migrate_runbook": binary.binary,
}


@cache
def why_not(backend: str) -> str:
    """Why this run has no such backend; empty when it has."""
    if ONLY not in (None, backend):
        return f"not run on {backend}: LABKIT_BACKEND={ONLY} was asked for"
    if backend == "docker":
        try:
            with contextlib.closing(docker.from_env(timeout=60)) as client:
                client.ping()
        except docker.errors.DockerException as error:
            return f"not run on docker: no engine answers ({str(error).splitlines()[0][:160]})"
    return ""


@cache
def why_no_sandbox(kind: str = "") -> str:
    """Why there is no sandbox, of this kind or at all."""
    if choose(kind or None) is None:
        return f"no {kind or 'sandbox for untrusted programs'} on this machine"
    return ""


@cache
def why_no_service(name: str, backend: str) -> str:
    """Why a service cannot run on this backend: what `labkit doctor` says is missing."""
    service = services.named(name)
    if backend not in service.backends:
        return f"not run on {backend}: {service.runs_only_on()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_BACKEND", backend)
        missing = [finding for finding in service.doctor() if finding.state == "missing"]
    return f"not run on {backend}: {missing[0].what} is missing: {missing[0].here}" if missing else ""


@cache
def why_not_fetched(kind: str) -> str:
    """Why the program that answers of this kind are for cannot be had here."""
    try:
        FETCHED.get(kind, lambda: None)()
    except ServiceFault as fault:
        return str(fault)
    return ""


def why_no_lab(lab: course.Lab, backend: str) -> str:
    """Why the answers of a lab cannot be judged on this backend."""
    reasons = [why_no_service(name, backend) for name in lab.needs]
    if kinds.needs_sandbox(lab):
        reasons.append(why_no_sandbox())
    reasons += [why_not_fetched(kind) for kind in lab.answers.values()]
    return next(filter(None, reasons), "")
