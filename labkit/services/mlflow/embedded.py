"""MLflow as a process of this machine, on SQLite: what `mlflow server` runs in ten processes, in one."""

from __future__ import annotations

import json
import os
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from labkit.course import home
from labkit.machine.children import dies_with_us
from labkit.machine.fault import ServiceFault
from labkit.machine.readable import is_readable
from labkit.machine.system_user import User, server_user

PATIENCE = 150.0  # seconds to be ready: the first time, the tables are made
ENDING = 5.0  # seconds to end
FILE_BYTES = 512 * 2**20  # of one database or artifact
DATA_BYTES = 2 * 2**30  # private memory, addresses included: each thread has 8 MB of them
HERE = Path(__file__).parent
KEPT = ("PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH")  # of our environment: nothing of MLflow's or Python's own settings


class EmbeddedServer:
    """One process over one folder, owned by the keeper."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self.root = home.home() / "mlflow"
        self.folder = self.root / purpose
        self.user = _user()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Starts the server; places of an earlier one are gone. Raises ServiceFault."""
        self._make_folders()
        key = secrets.token_hex(16)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.set_inheritable(True)
            port = listener.getsockname()[1]
            told = {
                "key": key,
                "fd": listener.fileno(),
                "folder": str(self.folder),
                "templates": str(self.root / "templates"),
            }
            self.process = process = self._run(listener.fileno())
        assert process.stdin
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
        said = self._ready(process)
        where = f"MLflow {said['version']}, process {process.pid}, on SQLite, at 127.0.0.1:{port}"
        reach = {"host": "127.0.0.1", "port": port, "key": key}
        return {**reach, "backend": "embedded", "version": said["version"], "where": where, "pid": process.pid}

    def stop(self) -> None:
        """Ends the server, and removes its places."""
        if self.process:
            for number in (signal.SIGTERM, signal.SIGKILL):
                self.process.send_signal(number)
                try:
                    self.process.wait(ENDING)
                    break
                except subprocess.TimeoutExpired:
                    continue
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    pipe.close()
            self.process = None
        self.forget()

    def forget(self) -> None:
        """Removes its places; the template stays, which no request can reach."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_folders(self) -> None:
        self.forget()
        self.root.mkdir(exist_ok=True)
        self.user.can_enter(self.root)
        for folder in (self.folder, self.root / "templates"):
            folder.mkdir(mode=0o700, exist_ok=True)
            self.user.owns(folder)

    def _run(self, fd: int) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"HOME": str(self.folder), "PYTHONPATH": str(HERE), "MALLOC_ARENA_MAX": "2"}
        return subprocess.Popen(  # pyright: ignore[reportReturnType] - without text, it is of bytes
            [sys.executable, "-W", "ignore", "-m", "inside", str(self.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[fd], cwd=self.folder, env=environment,
            preexec_fn=dies_with_us(first=_limited), **self.user.popen(),
        )  # fmt: skip

    def _ready(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """What the server says when it takes requests. Raises ServiceFault."""
        assert process.stdout
        line = process.stdout.readline() if is_readable(process.stdout, PATIENCE) else b""
        if line:
            return json.loads(line)
        status = process.poll()
        how = (
            f"did not get ready within {PATIENCE:g} s"
            if status is None
            else f"ended while it started (exit status {status})"
        )
        log = home.home() / "log" / f"mlflow-{self.purpose}-embedded.log"
        raise ServiceFault(f"The MLflow server {how}. Its reason is at the end of {log}. Then run `labkit doctor`.")


def _user() -> User:
    """As root another user, where that one can read this Python; else whoever runs the course."""
    user = server_user()
    looked_for = f"import sys; from importlib.util import find_spec; open({str(HERE / '__init__.py')!r}); sys.exit(not find_spec('mlflow'))"
    if not user.entry:
        return user
    try:
        user.run([sys.executable, "-P", "-c", looked_for])
    except ServiceFault:
        return User(None)
    return user


def _limited() -> None:
    """What the new process does before it becomes the server."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
