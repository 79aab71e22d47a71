"""Two JupyterLabs over one home: one server where they see each other, and nobody's work is lost where they do not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.course import home as homes
from labkit.services.lease import lock_path, machine
from labkit.services.postgres import postgres
from tests.backends import why_not
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

WORK = """
import sys
from labkit.services.postgres import Template, postgres
with postgres("learner", "embedded") as server, server.database(Template("t", ("CREATE TABLE t (n int)",), seed=1)) as database:
    with database.connect() as own:
        own.execute("CREATE TABLE my_work AS SELECT generate_series(1, 1000) AS n")
        started = own.execute("SELECT pg_postmaster_start_time()").fetchone()
        print(server.where, flush=True)
        for line in sys.stdin:
            print(own.execute("SELECT count(*) FROM my_work").fetchone()[0], flush=True)
"""


@pytest.fixture(autouse=True)
def embedded(home: Path) -> None:
    """The one backend whose data is files in the home."""
    if reason := why_not("embedded"):
        pytest.skip(reason)


@contextlib.contextmanager
def at_work(*before: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Another process with its lab open; a line to it, and it says how many rows of its work it still has."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*before, sys.executable, "-c", WORK], stdin=pipe, stdout=pipe, text=True, env={**os.environ, **more}
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def rows(process: subprocess.Popen[str]) -> str:
    assert process.stdin
    process.stdin.write("?\n")
    process.stdin.flush()
    return says(process)


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Another TMPDIR."""
    with tempfile.TemporaryDirectory(prefix="other-") as folder:
        os.chmod(folder, 0o1777)
        yield folder


@pytest.mark.parametrize(
    "kind", ["TMPDIR", *(pytest.param(name, marks=pytest.mark.full) for name in ("XDG_RUNTIME_DIR", "HOME"))]
)
def test_another_folder_for_sockets_leads_to_the_same_server(kind: str, elsewhere: str):
    """VS Code beside JupyterLab, or a service with a /tmp of its own by name."""
    with at_work() as first:
        where = says(first)
        with at_work(**{kind: elsewhere}) as second:
            assert says(second) == where
            assert rows(second) == "1000"
        assert rows(first) == "1000"


POD = ["unshare", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
OWN_TMP = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=1777 tmpfs "$TMPDIR" && exec "$@"', "sh"]


def can(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.full
def test_another_pod_that_sees_the_socket_joins(home: Path):
    """Process numbers mean nothing there."""
    if not can(*POD, "true"):
        pytest.skip("no namespace of its own can be made here: that needs root")
    with at_work() as first:
        where = says(first)
        with at_work(*POD) as second:
            assert says(second) == where
        assert rows(first) == "1000"


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A home that stays in sight of who has a temporary folder of its own."""
    with tempfile.TemporaryDirectory(prefix="lk-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def test_who_cannot_see_the_other_takes_a_folder_of_its_own(other_disk: Path):
    """Both keep their work; when the first has ended, its folder is anybody's again."""
    more = {"LABKIT_HOME": str(other_disk), "TMPDIR": tempfile.gettempdir()}
    if not can("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"):
        pytest.skip("no disk can be mounted here: that needs root")
    with at_work(**more) as first:
        where = says(first)
        with at_work(*OWN_TMP, **more) as second:
            assert says(second) != where
            assert rows(second) == "1000"
            assert (other_disk / "apart-1").is_dir()
        assert rows(first) == "1000"
    with at_work(**more) as third:
        assert "apart" not in says(third)


def test_a_lock_that_another_host_holds_is_not_taken(home: Path):
    """It is told by its name, although its process' number is one of ours, too."""
    lock = lock_path("postgres-learner", "embedded")
    with lock.open("w") as held:
        held.write(f"{os.getpid()}\n{homes.run_folder()}/nobody.keeper\nother-host {machine()}\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LABKIT_HOME", str(home))
            with postgres("learner", "embedded") as server:
                assert server.is_alive()
                assert homes.home() == home / "apart-1"


def test_a_lock_that_another_host_left_when_it_died_is_taken(home: Path):
    lock = lock_path("postgres-learner", "embedded")
    lock.write_text("1\n/nonexistent/x.keeper\nother-host 4711\n")
    with postgres("learner", "embedded") as server:
        assert server.is_alive()
        assert homes.home() == home


NONSENSE = (b"\0" * 100, b"", b"\xff\xfe", b"1\n", b"one\n/x\nhost\n", b"9" * 5000)


@pytest.mark.parametrize("content", [NONSENSE[0], *(pytest.param(one, marks=pytest.mark.full) for one in NONSENSE[1:])])
def test_a_lock_with_nonsense_in_it_is_a_lock(content: bytes):
    """As a machine leaves it that lost its power."""
    lock_path("postgres-learner", "embedded").write_bytes(content)
    with postgres("learner", "embedded") as server:
        assert server.is_alive()


def test_a_disk_without_locks_is_told_at_once(home: Path):
    """Not after minutes of waiting: the reason, and what to do."""
    from labkit.machine.fault import ServiceFault

    lock_path("postgres-learner", "embedded").mkdir()
    with pytest.raises(ServiceFault, match="LABKIT_HOME"):
        postgres("learner", "embedded")
