"""What attacks are after, planted where they look: whoever reads, writes, reaches or leaves anything is seen."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from labkit import course
from labkit.services.postgres import Postgres
from tests.attacks.attack import Told
from tests.grading.submissions import SECTION

# Words that stand in nothing that an attack is given. Constant, as hidden data draws its seed from its own text.
FILE, ENVIRONMENT, NEIGHBOUR = "canary-file-5b1e", "canary-environment-77d0", "canary-neighbour-c4a9"
CODE, DATA = "canary-hidden-code-90f2", "canary-hidden-data-1e6b"
SECRETS = (FILE, ENVIRONMENT, NEIGHBOUR, CODE)  # nobody may read them, in whatever an attack brings about
VARIABLE = "ATTACK_CANARY"
ROWS = {  # one row of hidden data with the word in it
    "jsonb-search": f"""INSERT INTO events VALUES (300001, '2026-06-01', '{{"note": "{DATA}"}}');""",
    "alembic-expand-contract": f"UPDATE customers SET email = '{DATA}' WHERE id = 1;",
}


def planted_course(folder: Path) -> Path:
    """A copy of the course whose hidden checks and data hold the words."""
    for part in ("exercises", "graders"):
        shutil.copytree(course.root() / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "graders" / "hidden").glob("*/*/test_*.py"):
        path.write_text(f'{path.read_text(encoding="utf-8")}\n\nCANARY = "{CODE}"\n', encoding="utf-8")
    for lab, row in ROWS.items():
        with (folder / "graders" / "hidden" / SECTION / lab / "data.sql").open("a", encoding="utf-8") as data:
            data.write(f"\n{row}\n")
    return folder


class Canaries:
    """A file, a folder and three listeners outside of every sandbox. A context manager; `touched` says what happened to them."""

    def __init__(self, told_more: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="canary-"))
        self.told_more = told_more

    def __enter__(self) -> Canaries:
        self.folder.chmod(0o755)
        self.file, self.open_folder = self.folder / "file", self.folder / "open"
        self.file.write_text(FILE)
        self.file.chmod(0o666)  # only the sandbox protects it
        self.open_folder.mkdir()
        self.open_folder.chmod(0o1777)
        mark = f"attack-{os.getpid()}-{self.folder.name}"
        self._listeners = {
            "TCP on loopback": socket.create_server(("127.0.0.1", 0)),
            "abstract socket": _unix(f"\0{mark}"),
            "Unix socket": _unix(str(self.folder / "socket")),
        }
        (self.folder / "socket").chmod(0o666)
        self.told = Told(
            file=str(self.file),
            folder=str(self.open_folder),
            port=str(self._listeners["TCP on loopback"].getsockname()[1]),
            abstract=mark,
            socket=str(self.folder / "socket"),
            mark=mark,
            **self.told_more,
        )
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners.values():
            listener.close()
        shutil.rmtree(self.folder)

    def touched(self) -> list[str]:
        """What was written, reached or left running, a line each."""
        found = []
        if self.file.read_text() != FILE:
            found.append("the file outside was changed")
        found += [f"{path.name} was written outside" for path in self.open_folder.iterdir()]
        for name, listener in self._listeners.items():
            if _was_reached(listener):
                found.append(f"{name} was reached")
        found += [f"process {line} is still there" for line in self._left()]
        return found

    def _left(self) -> Iterator[str]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if f"left-by-{self.told.mark}" in line:
                    yield f"{process.pid} {line[-80:]}"


def _unix(address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    return listener


def _was_reached(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        peer, _ = listener.accept()
    except BlockingIOError:
        return False
    peer.close()
    return True


def server_state(server: Postgres) -> set[str]:
    """What an answer must leave as it is: roles, databases, their settings, the server's own, locks, large objects."""
    queries = (
        "SELECT 'role', rolname, rolsuper, rolcreatedb, rolcreaterole, rolconnlimit FROM pg_roles",
        "SELECT 'database', datname, datistemplate, datallowconn, datacl::text FROM pg_database WHERE datname NOT LIKE 'template\\_%'",
        "SELECT 'setting', setdatabase, setrole, setconfig::text FROM pg_db_role_setting",
        "SELECT 'server', name, reset_val FROM pg_settings WHERE context <> 'internal'",
        "SELECT 'tablespace', spcname FROM pg_tablespace",
        "SELECT 'prepared', gid FROM pg_prepared_xacts",
        "SELECT 'slot', slot_name FROM pg_replication_slots",
        "SELECT 'advisory lock', classid, objid FROM pg_locks WHERE locktype = 'advisory'",
    )
    with server.superuser() as admin:
        return {" ".join(map(str, row)) for query in queries for row in admin.execute(query).fetchall()}
