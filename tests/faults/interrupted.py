"""`labkit` that is hit at known points: before its N-th change of a file or of the gradebook.

    python -m tests.faults.interrupted checker@20,engine@55 LOG ARGUMENTS...

Who is killed is `engine` (this process), `checker`, `server` or `keeper`; LOG gets a line for each change. What counts as one is
what Python's audit hooks and SQLAlchemy tell of: opening a file of the exam's folder for writing, making, renaming and removing
there, and each writing statement and commit in the gradebook.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
from sqlalchemy import event
from sqlalchemy.engine import Engine

from labkit.cli import main

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")
PATTERNS = {"checker": "labkit.checking.checker", "keeper": "labkit.services.keeper", "server": f"{os.sep}postgres -D "}


class Interruption:
    """Counts changes and strikes before some of them."""

    def __init__(self, hits: dict[int, str], log: Path) -> None:
        self.hits, self.number = hits, 0
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def heard(self, name: str, arguments: tuple[object, ...]) -> None:
        """Python's audit hook."""
        if name == "open" and isinstance(arguments[2], int) and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if name in CHANGES or name == "open":
            path = arguments[0]
            if isinstance(path, str | os.PathLike) and not os.path.isabs(path):  # the exam's, where the command works
                self.change(f"{name} {os.fspath(path)}")

    def change(self, what: str) -> None:
        """Strikes when it is time."""
        self.number += 1
        os.write(self.log, f"{what}\n".encode())
        if self.number in self.hits:
            for pid in victims(self.hits[self.number]):
                os.kill(pid, signal.SIGKILL)
                os.write(self.log, f"-- {self.hits[self.number]} {pid} killed\n".encode())

    def statement(self, *told: object) -> None:
        """SQLAlchemy's event: connection, cursor, statement and so on."""
        statement = str(told[2]).split("\n")[0]
        if not statement.startswith(("SELECT", "PRAGMA")):
            self.change(statement[:60])


def victims(name: str) -> list[int]:
    """Whom to kill: of several checkers or servers the first."""
    if name == "engine":
        return [os.getpid()]
    home = os.environ["LABKIT_HOME"]  # nobody else's
    found = [
        process.info["pid"]
        for process in psutil.process_iter(["pid", "cmdline", "environ"])
        if PATTERNS[name] in (command := " ".join(process.info["cmdline"] or []))
        and (home in command or (process.info["environ"] or {}).get("LABKIT_HOME") == home)
    ]
    return sorted(found)[:1]  # there may be none: what is killed already, or has nothing to do any more


if __name__ == "__main__":
    plan, log, *arguments = sys.argv[1:]
    hits = [hit.split("@") for hit in plan.split(",") if hit]
    interruption = Interruption({int(number): victim for victim, number in hits}, Path(log))
    event.listen(Engine, "before_cursor_execute", interruption.statement)
    event.listen(Engine, "commit", lambda _: interruption.change("COMMIT"))
    sys.addaudithook(interruption.heard)
    sys.argv = ["labkit", *arguments]
    main()
