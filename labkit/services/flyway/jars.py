"""The jars that Flyway runs with: fetched once into the course's cache, each one exactly as `jars.lock` says.

The lock names every jar of `org.flywaydb:flyway-database-postgresql` (Flyway and what it needs), of the JDBC driver
`org.postgresql:postgresql`, and of junixsocket, by which the driver reaches a server that listens on a Unix socket only.
To move to other versions, let `jgo.resolve` list the jars of these, and write their coordinates and SHA-256 into the lock.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from filelock import FileLock

from labkit.course.home import home
from labkit.machine.fault import ServiceFault

LOCK = Path(__file__).with_name("jars.lock")


def folder() -> Path:
    """Where the jars of this lock lie, or will: another lock has another folder."""
    return home() / "jars" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]


def locked() -> dict[str, str]:
    """The SHA-256 of each jar by its Maven coordinates, `group:artifact:version`."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))


def are_here() -> bool:
    """Whether they are fetched already."""
    return folder().is_dir()


def jars() -> list[Path]:
    """The jars, fetched first where they are missing. Raises ServiceFault."""
    target = folder()
    if not are_here():
        target.parent.mkdir(exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if not are_here():
                _fetch(target)
    return sorted(target.glob("*.jar"))


def _fetch(target: Path) -> None:
    """Fetches all of them into a folder beside, which becomes `target` when it is whole."""
    from jgo.maven import MavenContext  # it takes a second to import, and is wanted only this once

    new = target.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)  # of a process that was killed
    new.mkdir()
    try:
        maven = MavenContext(repo_cache=new / "repository", timeout=30)
        for coordinates, checksum in locked().items():
            group, artifact, version = coordinates.split(":")
            jar = _fetched(maven, group, artifact, version)
            if hashlib.sha256(jar.read_bytes()).hexdigest() != checksum:
                raise ServiceFault(
                    f"{coordinates} is not the jar that it should be: its SHA-256 is not the one in {LOCK.name}. "
                    "Something between here and Maven Central changes what is fetched: try another network."
                )
            jar.rename(new / jar.name)
        shutil.rmtree(new / "repository")
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _fetched(maven, group: str, artifact: str, version: str) -> Path:
    try:
        return maven.project(group, artifact).at_version(version).artifact().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # of requests, and of jgo
        raise ServiceFault(
            f"Flyway's {artifact} {version} could not be fetched from Maven Central ({str(error)[:200]}). "
            f"Connect this machine to the internet and run it again, or copy {folder()} from a machine that has it."
        ) from error
