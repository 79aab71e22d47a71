"""Postgres as a process of this machine: no Docker, no root, a Unix socket."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from labkit.course import home
from labkit.machine.children import dies_with_us
from labkit.machine.fault import ServiceFault
from labkit.machine.system_user import server_user
from labkit.services.postgres import settings
from labkit.services.postgres.programs import binaries, reachable

GET_FLAGS, SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of linux/fs.h
TOP_OF_HIERARCHY = 0x00020000  # FS_TOPDIR_FL: what `chattr +T` sets
PATIENCE = 60.0  # seconds for a server to be ready, or to end


class EmbeddedServer:
    """One server process over one data folder, owned by the keeper."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.user = server_user()
        self.sockets = home.run_folder() / f"postgres-{purpose}"
        self.process: subprocess.Popen[Any] | None = None

    def start(self) -> dict[str, Any]:
        """Starts the server; a data folder that is missing or damaged is made anew. Raises ServiceFault."""
        self.root = home.home() / "postgres"
        self.root.mkdir(exist_ok=True)
        self.user.can_enter(self.root)
        self.bin = reachable(self.user, binaries(), self.root)
        self.version = self._version()
        self.data = self.root / f"{self.purpose}-{self.version.split('.')[0]}"
        self.password = settings.password(self.root / f"{self.purpose}.password")
        if not self.data.exists():
            self._make_data()
        try:
            return self._run()
        except ServiceFault as fault:  # the folder is a cache: a damaged one is not worth more than its second of work
            print(f"The data folder is made anew, as the server does not start from it: {fault}", flush=True)
            self.stop()
            self._make_data()
            return self._run()

    def stop(self) -> None:
        """Ends the server at once: the fast way, and if that is not enough the hard one."""
        if self.process:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    self.process.send_signal(number)
                    self.process.wait(5)
                    break
            self.process = None
        shutil.rmtree(self.sockets, ignore_errors=True)

    def forget(self) -> None:
        """Removes its data folder."""
        shutil.rmtree(self.data)

    def _version(self) -> str:
        """E.g. "18.6", from the programs themselves."""
        told = self.user.run([self.bin / "postgres", "--version"])
        return told.split()[2]

    def _make_data(self) -> None:
        """A new data folder, renamed into place when it is complete. Raises ServiceFault."""
        for old in self.root.glob(f"{self.data.name}*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()  # of one that was killed while it made them
        new = self.data.with_suffix(".new")
        new.mkdir(mode=0o700)
        self.user.owns(new)
        secret = new.with_suffix(".pwfile")
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        self.user.owns(secret)
        try:
            self.user.run(
                [
                    self.bin / "initdb",
                    "-D",
                    new,
                    "-U",
                    settings.SUPERUSER,
                    f"--pwfile={secret}",
                    *settings.INITDB,
                ]
            )
        finally:
            secret.unlink()
        new.rename(self.data)

    def _run(self) -> dict[str, Any]:
        end_leftover(self.data)
        shutil.rmtree(self.sockets, ignore_errors=True)
        self.sockets.mkdir()
        self.sockets.chmod(0o755)  # whatever the umask
        self.user.owns(self.sockets)
        only_socket = {"listen_addresses": "", "unix_socket_directories": str(self.sockets)}
        spread(self.data / "base")
        command = [self.bin / "postgres", "-D", self.data, *settings.arguments(**only_socket)]
        self.process = process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            cwd=self.data.parent,
            env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
            preexec_fn=dies_with_us(signal.SIGQUIT, limited),  # SIGQUIT: its immediate shutdown
            text=False,
            **self.user.popen(),
        )
        reach = {"host": str(self.sockets), "port": 5432, "user": settings.SUPERUSER}
        reach["password"] = self.password
        from labkit.services.postgres import prepare as prepare  # its import takes as long as the server

        prepare.wait_until_ready(reach, self._check_alive, PATIENCE)
        prepare.prepare(reach)
        where = f"PostgreSQL {self.version}, process {process.pid}, socket {self.sockets}"
        return {**reach, "backend": "embedded", "version": self.version, "where": where, "pid": process.pid}

    def _check_alive(self) -> None:
        if self.process and self.process.poll() is not None:
            raise ServiceFault(
                f"The PostgreSQL server ended while it started (exit status {self.process.returncode}). "
                f"Its reason is at the end of {home.home() / 'log'}/postgres-{self.purpose}-embedded.log."
            )


def spread(folder: Path) -> None:
    """Lets ext4 put each database, a folder of 300 files, into another part of the disk than the last one.

    Otherwise each file of a clone is sought among those of the clones that were dropped in the last minutes, as ext4 does not use
    their inodes again so soon: a clone then takes up to 0.5 s instead of 0.02 s. Elsewhere the flag means nothing, or is refused.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):  # refused, or a damaged data folder: that is told by the server
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            flags = array.array("i", [0])
            fcntl.ioctl(handle, GET_FLAGS, flags)
            flags[0] |= TOP_OF_HIERARCHY
            fcntl.ioctl(handle, SET_FLAGS, flags)
        finally:
            os.close(handle)


def limited() -> None:
    """What the new process does before it becomes the server."""
    resource.setrlimit(resource.RLIMIT_DATA, (settings.BACKEND_BYTES, settings.BACKEND_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (settings.FILE_BYTES, settings.FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_leftover(data: Path) -> None:
    """Ends a server that still runs over this data folder: its keeper was killed, and it is about to die as
    well."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        server = psutil.Process(pid)
        if str(data) not in server.cmdline():
            return
        family = [server, *server.children(recursive=True)]
        server.send_signal(signal.SIGQUIT)
        for process in psutil.wait_procs(family, timeout=6)[1]:
            process.kill()
        psutil.wait_procs(family, timeout=5)
