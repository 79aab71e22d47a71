"""Flyway over a lab's database: commands, the files that they see, and what Flyway then says.

    report = flyway().run(database, "shop", {"V1__orders.sql": "CREATE TABLE …"}, [Command("migrate")])

It is the real Flyway, in a process of its own (`flyway_process`) that stays warm and ends with ours. It connects as the
database's own role, through the server's Unix socket where it has one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

from labkit.machine.fault import ServiceFault
from labkit.machine.readable import is_readable
from labkit.services.postgres import Database

DEADLINE = 30.0  # seconds for the commands of one request
PATIENCE = 180.0  # seconds for it to start: the first time, its jars are fetched
SOCKET_FACTORY = "org.newsclub.net.unix.AFUNIXSocketFactory$FactoryArg"
OTHERS_SETTINGS = ("FLYWAY_", "JAVA_", "JDK_JAVA_", "_JAVA_", "CLASSPATH", "PG")  # of the user's own programs


@dataclass(frozen=True)
class Command:
    """One command of Flyway and its options, e.g. `Command("migrate", {"target": "2"})`."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Migration:
    """A line of `flyway info`. `version` is empty for a repeatable one; `state` is Flyway's word, e.g. "Pending"."""

    category: str
    version: str
    description: str
    type: str
    state: str
    installed_on: str


@dataclass(frozen=True)
class Report:
    """What came of the commands: a line for each that went well, the error that stopped them, and `flyway info`."""

    said: list[str]
    error: str
    info: list[Migration]

    def states(self) -> dict[str, str]:
        """The state of each migration, by its version; of a repeatable one by its description. Its last run counts."""
        known: dict[str, str] = {}
        for migration in self.info:
            if not migration.state.startswith("Ignored (Baseline"):  # it stands beside the baseline itself
                known[migration.version or migration.description] = migration.state
        return known


class Flyway:
    """The process. It starts when it is first needed, and again after it was stopped."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch = ""
        self._is_ready = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Lets it start in the background, so that the first command need not wait for it."""
        with self._lock:
            self._started()

    def run(
        self,
        database: Database,
        schema: str,
        files: Mapping[str, str],
        commands: Sequence[Command],
        *,
        deadline: float = DEADLINE,
    ) -> Report:
        """Runs the commands up to the first that fails; that is in the report. Raises ServiceFault."""
        request = {
            "url": jdbc_url(database),
            "user": database.role,
            "password": database.password,
            "schema": schema,
            "files": dict(files),
            "commands": [[command.name, dict(command.options)] for command in commands],
        }
        with self._lock:
            self._make_ready()
            started = time.monotonic()
            with database.deadline(deadline) as too_large:
                reply = self._ask(request, deadline + 5)
            if reply["error"] and time.monotonic() - started >= deadline:
                reply["error"] = f"It ran for over {deadline:g} s and was stopped."
            reply["error"] = reply["error"] and (too_large() or in_order(reply["error"]))
        if reply.get("unreachable") and not database.server.is_alive():
            raise ServiceFault("The PostgreSQL server is gone. Restart it, and run this again.")
        return Report(reply["said"], reply["error"], [Migration(**row) for row in reply["info"]])

    def close(self) -> None:
        """Ends it."""
        process, self._process, self._is_ready = self._process, None, False
        if process and process.stdin and process.stdout:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
            process.stdout.close()
            shutil.rmtree(self._scratch, ignore_errors=True)  # it did so itself, if it could

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process and self._process.poll() is not None:
            self.close()
        if self._process is None:
            environment = {k: v for k, v in os.environ.items() if not k.startswith(OTHERS_SETTINGS)}
            self._scratch = tempfile.mkdtemp(prefix="labkit-flyway-")
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "labkit.services.flyway.process", self._scratch],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                cwd="/",
                start_new_session=True,  # an interrupt of the kernel is not for it
            )
        return self._process

    def _make_ready(self) -> None:
        process = self._started()
        if self._is_ready:
            return
        try:
            said = json.loads(_line(process, PATIENCE) or '{"fault": ""}')
        except TimeoutError:
            said = {"fault": f"It did not start within {PATIENCE:g} s."}
        if "fault" in said:
            self.close()
            raise ServiceFault(said["fault"] or "Flyway ended while it started. Run `labkit doctor`.")
        self._is_ready = True

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        process = self._started()
        assert process.stdin
        error = "It was stopped."
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            if line := _line(process, seconds):
                return json.loads(line)
            error = "It needed more memory than there is (128 MB) and was stopped. Which statement gives so many rows?"
        except TimeoutError:
            pass
        except BaseException:  # an interrupt: its reply would be taken for that to the next request
            self.close()
            raise
        self.close()
        return {"said": [], "error": error, "info": []}


def in_order(error: str) -> str:
    """Flyway's words, with the files that it names one below the other in the order of their names: it has that of the folder."""
    lines = error.split("\n")
    named = iter(sorted(line for line in lines if line.startswith("-> ")))
    return "\n".join(next(named) if line.startswith("-> ") else line for line in lines)


def jdbc_url(database: Database) -> str:
    """How Java reaches a database, also where the server listens on a Unix socket only."""
    if not database.host.startswith("/"):
        return f"jdbc:postgresql://{database.host}:{database.port}/{database.name}"
    socket = f"{database.host}/.s.PGSQL.{database.port}"
    options = urlencode({"socketFactory": SOCKET_FACTORY, "socketFactoryArg": socket})
    return f"jdbc:postgresql://localhost/{database.name}?{options}"


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line, or nothing when the process ended. Raises TimeoutError."""
    assert process.stdout
    data, until = b"", time.monotonic() + seconds
    while not data.endswith(b"\n"):
        if not is_readable(process.stdout, until - time.monotonic()):
            raise TimeoutError
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            return b""
        data += part
    return data


@cache
def flyway() -> Flyway:
    """The one of this process."""
    shared = Flyway()
    atexit.register(shared.close)
    return shared
