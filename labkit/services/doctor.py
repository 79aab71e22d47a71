"""`labkit doctor`: what each service will run on here, what is missing, and the one line that gets it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from labkit.home import home
from labkit.services.backend import ask_docker, choose, docker_answers, docker_host
from labkit.services.fault import ServiceFault
from labkit.services.postgres_settings import IMAGE

State = Literal["ok", "note", "missing"]
PYTHONS = ((3, 11), (3, 13))
DISK_GB, MEMORY_GB = 1.0, 1.0  # what one learner's services and kernel need
MARKS = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "missing": "[red]✗[/]"}


@dataclass(frozen=True)
class Finding:
    """One line of the report. Only with "missing" can labs not be done; a "note" is about something else."""

    what: str
    state: State
    here: str
    to_do: str = ""


def python() -> Finding:
    """Whether this Python is one that the course is tested on."""
    here = f"{sys.version.split()[0]} in {sys.prefix}"
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Finding("Python", "ok", here)
    return Finding("Python", "missing", here, "Install Python 3.11, 3.12 or 3.13, then: make env")


def disk() -> Finding:
    """Whether the data of the services has room."""
    free = shutil.disk_usage(home()).free / 1e9
    here = f"{free:.1f} GB free for {home()}"
    if free >= DISK_GB:
        return Finding("disk", "ok", here)
    return Finding("disk", "missing", here, f"Free {DISK_GB:g} GB, or set LABKIT_HOME to a folder on a larger disk")


def memory() -> Finding:
    """Whether the services have room beside a kernel: the machine's memory, or this container's."""
    import psutil

    free = psutil.virtual_memory().available
    for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        for folder in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")):
            try:
                free = min(free, int((folder / limit).read_text()) - int((folder / used).read_text()))
            except (OSError, ValueError):  # not this kind of cgroup, or "max"
                continue
    here = f"{free / 1e9:.1f} GB free"
    if free / 1e9 >= MEMORY_GB:
        return Finding("memory", "ok", here)
    return Finding("memory", "missing", here, f"Close other programs: {MEMORY_GB:g} GB is needed")


def docker_engine() -> Finding:
    """Whether Docker can be used. The labs do not need it, so its absence is only a note."""
    if docker_answers():
        return Finding("Docker", "ok", f"answers at {docker_host()}")
    to_do = "Not needed. To use it: start Docker Desktop, or systemctl start docker (and be in its group)"
    return Finding("Docker", "note", f"does not answer at {docker_host()}", to_do)


def postgres() -> Finding:
    """Which server the labs would get."""
    try:
        backend = choose()
        return _docker_postgres() if backend == "docker" else _embedded_postgres()
    except ServiceFault as fault:  # it says the next step itself
        return Finding("postgres", "missing", str(fault))


def _embedded_postgres() -> Finding:
    from labkit.services.postgres_programs import binaries
    from labkit.services.system_user import NAME, check_named

    folder = binaries()
    if os.geteuid() == 0 and not shutil.which("useradd"):
        to_do = "apt-get install -y passwd, or run the course as an ordinary user"
        return Finding("postgres", "missing", f"as root a user {NAME} must be made, and useradd is missing", to_do)
    if os.geteuid() != 0:
        check_named()
    return Finding("postgres", "ok", f"embedded: a process of this machine, from {folder}")


def _docker_postgres() -> Finding:
    if not docker_answers():
        to_do = "Start Docker, or unset LABKIT_BACKEND"
        return Finding("postgres", "missing", f"docker was asked for, and {docker_host()} does not answer", to_do)
    if ask_docker(f"/images/{IMAGE}/json") == 200:
        return Finding("postgres", "ok", f"docker: a container of {IMAGE}")
    to_do = f"docker pull {IMAGE} (without a network: export LABKIT_BACKEND=embedded)"
    return Finding("postgres", "note", f"docker: {IMAGE} will be pulled the first time", to_do)


def migration_tools() -> Finding:
    """Whether Flyway's jars and golang-migrate are here; else the labs that need them fetch them, and need a network."""
    from labkit.services import flyway_jars, golang_migrate_binary

    known = {"Flyway": flyway_jars.are_here(), "golang-migrate": bool(golang_migrate_binary.found())}
    missing = [name for name, is_here in known.items() if not is_here]
    if not missing:
        return Finding("migrate", "ok", "Flyway and golang-migrate are here")
    here = f"{' and '.join(missing)}: fetched by the first lab that needs it"
    return Finding("migrate", "note", here, "Be connected to the internet when you open that lab the first time")


def sandbox() -> Finding:
    """Whether untrusted Python can be graded. Only examiners need it, so its absence is a note."""
    from labkit.grading.sandbox import choose, require  # the doctor alone looks at every part of the course

    if found := choose():
        return Finding("sandbox", "ok", f"{found.kind}: graded runs of Python are safe")
    try:
        require()
    except Exception as error:  # its message has the line that installs one
        return Finding("sandbox", "note", "none: a graded run of Python would refuse to start", str(error))
    return Finding("sandbox", "ok", "there")


CHECKS: tuple[Callable[[], Finding], ...] = (python, disk, memory, docker_engine, postgres, sandbox, migration_tools)


def findings() -> Iterator[Finding]:
    """Everything there is to say. A check that itself fails says so, and the others go on."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:
            yield Finding(check.__name__, "missing", f"cannot be told: {error!r}", "Report this")


@click.command("doctor")
def command() -> None:
    """Say what each service will run on here, and what is missing. Exit status 0: labs can be done."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    found = list(findings())
    table = Table(box=None, pad_edge=False, show_header=False)
    for overflow in ("ignore", "ignore", "fold"):
        table.add_column(overflow=overflow)
    for finding in found:
        todo = f"\n[bold]{escape(finding.to_do)}[/]" if finding.to_do else ""
        table.add_row(MARKS[finding.state], finding.what, escape(finding.here) + todo)
    console = Console(emoji=False)
    console.print(table)
    missing = [finding.what for finding in found if finding.state == "missing"]
    console.print(f"Labs cannot be done yet: {', '.join(missing)}." if missing else "Labs can be done here.")
    sys.exit(bool(missing))
