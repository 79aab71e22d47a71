"""`labkit doctor`: what each service will run on here, what is missing, and the one line that gets it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labkit.course.home import home
from labkit.machine import told
from labkit.machine.backend import docker_answers, docker_host
from labkit.services import SERVICES, TOOLS, named, tool
from labkit.services.service import Finding
from labkit.services.trials import trials

if TYPE_CHECKING:
    from rich.console import Console

PYTHONS = ((3, 11), (3, 13))
DISK_GB, MEMORY_GB = 1.0, 1.0  # what one learner's services and kernel need
MARKS = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "missing": "[red]✗[/]"}


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


def sandbox() -> Finding:
    """Whether untrusted Python can be graded. Only examiners need it, so its absence is a note."""
    from labkit.sandbox import choose, require  # the doctor alone looks at every part of the course

    if found := choose():
        return Finding("sandbox", "ok", f"{found.kind}: graded runs of Python are safe")
    try:
        require()
    except Exception as error:  # its message has the line that installs one
        return Finding("sandbox", "note", "none: a graded run of Python would refuse to start", str(error))
    return Finding("sandbox", "ok", "there")


CHECKS: tuple[Callable[[], Finding], ...] = (python, disk, memory, docker_engine, sandbox)


def findings() -> Iterator[Finding]:
    """Everything there is to say. A check that itself fails says so, and the others go on."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:
            yield Finding(check.__name__, "missing", f"cannot be told: {error!r}", "Report this")
    for name in (*SERVICES, *TOOLS):
        try:
            yield from named(name).doctor() if name in SERVICES else tool(name).doctor()
        except Exception as error:
            yield Finding(name, "missing", f"cannot be told: {error!r}", "Report this")


def tried(console: Console) -> Iterator[Finding]:
    """What comes of trying. A trial that itself breaks says so, and the others go on."""
    for what, trial in trials():
        with console.status(f"Trying: {what}"):
            try:
                yield trial()
            except Exception as error:
                yield Finding(
                    "trial", "missing", f"{what}: {error}", "Report this, if the line does not tell what to do"
                )


@click.command("doctor")
@click.option("--quick", is_flag=True, help="Only look; start nothing.")
def command(quick: bool) -> None:
    """Say what each service will run on here, what is missing, and try it. Exit status 0: labs can be done."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(emoji=False)
    found = list(findings())
    if not quick and not any(finding.state == "missing" for finding in found):
        found += tried(console)
    table = Table(box=None, pad_edge=False, show_header=False)
    for overflow in ("ignore", "ignore", "fold"):
        table.add_column(overflow=overflow)
    for finding in found:
        todo = f"\n[bold]{escape(told.line(finding.to_do))}[/]" if finding.to_do else ""
        table.add_row(MARKS[finding.state], finding.what, escape(told.line(finding.here)) + todo)
    console.print(table)
    missing = [finding.what for finding in found if finding.state == "missing"]
    console.print(f"Labs cannot be done yet: {', '.join(missing)}." if missing else "Labs can be done here.")
    sys.exit(bool(missing))
