"""The server ends with those who use it, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from labkit.services.mlflow.running import mlflow
from tests.services.conftest import containers, until

HOLDER = """
import sys
from labkit.services.mlflow.running import mlflow
server = mlflow(backend=sys.argv[1])
place = server.place("x")
print(server.reach["port"], flush=True)
sys.stdin.read()
"""


def running(home: Path, backend: str) -> list[str]:
    """What runs for this home: the servers' process ids, or their containers."""
    if backend == "docker":
        return containers(home)
    return [
        str(p.pid) for p in psutil.process_iter(["cmdline"]) if f"{home}/mlflow/learner" in (p.info["cmdline"] or [])
    ]


def test_a_killed_holder_leaves_nothing(own_home: Path, backend: str) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDER, backend], stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout
        assert int(holder.stdout.readline())
        assert running(own_home, backend)
        holder.kill()
    assert until(lambda: not running(own_home, backend), 30)
    assert until(lambda: not (own_home / "mlflow" / "learner").exists(), 30)


def test_a_killed_server_is_noticed_and_started_again(own_home: Path, backend: str) -> None:
    with mlflow(backend=backend) as server:  # type: ignore[arg-type]
        assert server.is_alive()
        if backend == "docker":
            container = server.where.split()[5].strip(",")
            subprocess.run(["docker", "kill", container], check=True, capture_output=True)
        else:
            os.kill(int(running(own_home, backend)[0]), signal.SIGKILL)
        assert until(lambda: not server.is_alive(), 30)
        server.restart()
        with server.place("again") as place:
            assert place.is_there()


def test_a_killed_keeper_takes_the_server_with_it(own_home: Path, backend: str) -> None:
    from labkit.services.lease import socket_path

    with mlflow(backend=backend) as server:  # type: ignore[arg-type]
        path = socket_path("mlflow-learner", backend)
        os.kill(int(path.with_suffix(".lock").read_text()), signal.SIGKILL)
        assert until(lambda: not server.is_alive(), 60)
    assert until(lambda: not running(own_home, backend), 60)
    with mlflow(backend=backend) as server, server.place("again") as place:  # type: ignore[arg-type]
        assert place.is_there()
