"""As root the server runs as a user of its own, whatever that user can reach; without root as whoever runs it."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labkit.machine import system_user
from labkit.machine.fault import ServiceFault
from labkit.services.postgres import postgres
from labkit.services.postgres.programs import binaries

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to another user")


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that only its owner can enter."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


def test_the_server_is_not_root(home: Path) -> None:
    with postgres(backend="embedded") as server:
        assert psutil.Process(server._lease.info["pid"]).uids().effective != 0


@as_root
def test_programs_out_of_reach_are_copied_with_their_libraries(
    home: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = binaries().parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed / folder.name, symlinks=True)
    monkeypatch.setenv("LABKIT_POSTGRES_BIN", str(closed / package.name / "pginstall" / "bin"))
    with postgres(backend="embedded") as server:
        assert psutil.Process(server._lease.info["pid"]).exe().startswith(f"{home}/postgres/programs-")


@as_root
def test_a_home_out_of_reach_is_a_fault(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_HOME", str(closed / "home"))
    with pytest.raises(ServiceFault, match=r"may not enter .*Set LABKIT_HOME"):
        postgres(backend="embedded")


def test_a_user_without_a_name_is_told_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = max(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 60_000) + 1
    monkeypatch.setattr(os, "geteuid", lambda: nobody)
    with pytest.raises(ServiceFault, match=rf"User {nobody} has no name .* /etc/passwd"):
        system_user.server_user()
