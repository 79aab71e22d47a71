"""Where the program `migrate` of golang-migrate is: on `PATH`, else in the course's cache, made there once.

Where Go is installed it is built, from the module of exactly this version, whose checksum Go looks up in its own public log.
Elsewhere the release of this version is downloaded, and compared with the checksums that the project publishes beside it.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import urllib.request
from functools import cache
from pathlib import Path

from filelock import FileLock

from labkit.course.home import home
from labkit.machine.fault import ServiceFault

VERSION = "v4.20.1"
MODULE = f"github.com/golang-migrate/migrate/v4/cmd/migrate@{VERSION}"
RELEASE = f"https://github.com/golang-migrate/migrate/releases/download/{VERSION}"
CHECKSUMS = "sha256sum.txt"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
PATIENCE = 300.0  # seconds for a build
TIMEOUT = 30.0  # seconds without a byte, in a download
OR_ELSE = "Or put a `migrate` of golang-migrate that knows Postgres on PATH."


def cached() -> Path:
    """Where the course keeps its own copy."""
    return home() / "bin" / f"migrate-{VERSION}"


def found() -> Path | None:
    """The program, if it is here already: the course's own copy, else one on PATH that is golang-migrate's and knows Postgres."""
    if cached().exists():
        return cached()
    on_path = shutil.which("migrate")
    return Path(on_path) if on_path and _is_ours(on_path) else None


def binary() -> Path:
    """The program, fetched first where it is missing. Raises ServiceFault."""
    if here := found():
        return here
    cached().parent.mkdir(exist_ok=True)
    with FileLock(cached().with_suffix(".lock")):
        if not cached().exists():
            _build() if shutil.which("go") else _download()
    return cached()


@cache
def _is_ours(program: str) -> bool:
    """Other programs are called `migrate`, too."""
    try:
        said = subprocess.run([program, "-help"], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "-lock-timeout" in said.stderr and "postgres" in said.stderr


def _build() -> None:
    new = cached().with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    environment = {**os.environ, "GOBIN": str(new), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    command = ["go", "install", "-tags", "postgres", MODULE]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            raise ServiceFault(f"golang-migrate could not be built: {done.stderr.strip()[-300:]} {OR_ELSE}")
        (new / "migrate").replace(cached())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceFault(f"golang-migrate could not be built: {error}. {OR_ELSE}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _download() -> None:
    machine = MACHINES.get(platform.machine().lower())
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    if not machine or not system:
        raise ServiceFault(f"golang-migrate has no release for {sys.platform} on {platform.machine()}. {OR_ELSE}")
    archive = f"migrate.{system}-{machine}.tar.gz"
    try:
        lines = [line.split() for line in _get(CHECKSUMS).decode().splitlines() if line.strip()]
        checksums = {name.lstrip("*"): checksum for checksum, name in lines}
        data = _get(archive)
    except (OSError, ValueError) as error:
        raise ServiceFault(
            f"golang-migrate {VERSION} could not be downloaded ({error}). Connect this machine to the internet and try "
            f"again. {OR_ELSE}"
        ) from error
    if hashlib.sha256(data).hexdigest() != checksums.get(archive):
        raise ServiceFault(f"{archive} is not the file whose checksum the release names. Try again. {OR_ELSE}")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        program = tar.extractfile("migrate")
        assert program
        new = cached().with_suffix(".new")
        new.write_bytes(program.read())
    new.chmod(0o755)
    new.replace(cached())


def _get(name: str) -> bytes:
    with urllib.request.urlopen(f"{RELEASE}/{name}", timeout=TIMEOUT) as answer:
        return answer.read()
