"""A machine as small as Binder's: an unprivileged user with an empty home, no Docker in reach, 2 GB.

The memory limit is enforced by a cgroup (v1 or v2) where this process may make one, else by `prlimit` for
each process.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.patience import PATIENCE

GIGABYTE = 1 << 30
CGROUP = Path("/sys/fs/cgroup")
PASSED_ON = (
    "LANG",
    "SSL_CERT_FILE",
    "PIP_",
    "UV_",
    "KUBEBUILDER_ASSETS",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
)


@dataclass
class SmallMachine:
    """Runs commands as the user, in the folder `work`, with a home and a temporary folder of their own."""

    work: Path
    home: Path
    bin: Path  # the conda environment's programs
    memory: int  # bytes, for all that runs here together
    cgroup: Path | None = field(default=None)

    @property
    def enforced_by(self) -> str:
        """What holds the memory limit."""
        if self.cgroup is None:
            return "prlimit, for each process"
        return "cgroup v2" if (CGROUP / "cgroup.controllers").exists() else "cgroup v1"

    def environment(self) -> dict[str, str]:
        """What repo2docker sets, and how this machine reaches its package index."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        path = os.pathsep.join([str(self.bin), "/usr/local/bin", "/usr/bin", "/bin"])
        paths = {"HOME": str(self.home), "TMPDIR": str(self.home.parent / "tmp"), "PATH": path}
        unreachable = f"unix://{self.home}/no-docker.sock"
        return {**kept, **paths, "NB_PYTHON_PREFIX": str(self.bin.parent), "DOCKER_HOST": unreachable}

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command there. Its output is one stream."""
        return subprocess.Popen(
            [*self._entrance(), *map(str, command)],
            cwd=self.work,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str) -> str:
        """Run a command there to its end, and give its output. An AssertionError shows it when it fails."""
        process = self.start(*command)
        output = process.communicate()[0]
        assert process.returncode == 0, f"{' '.join(map(str, command))} ended with {process.returncode}:\n{output}"
        return output

    def processes(self) -> list[psutil.Process]:
        """What runs there now."""
        if self.cgroup is None:
            return [process for process in psutil.process_iter() if self._is_here(process)]
        found = []
        for pid in (self.cgroup / "cgroup.procs").read_text().split():
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(int(pid)))
        return found

    def times_out_of_memory(self) -> int:
        """How many processes the limit has killed; 0 where no cgroup tells."""
        if self.cgroup is None:
            return 0
        name = "memory.events" if self.enforced_by == "cgroup v2" else "memory.oom_control"
        return int(dict(line.split() for line in (self.cgroup / name).read_text().splitlines())["oom_kill"])

    def _is_here(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return process.environ().get("HOME") == str(self.home)
        return False

    def _entrance(self) -> list[str]:
        if self.cgroup is not None:
            limit = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self.cgroup / "cgroup.procs")]
        else:
            limit = ["prlimit", f"--as={self.memory}"]
        nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
        return [*limit, *(nobody if os.geteuid() == 0 else [])]


@contextlib.contextmanager
def small_machine(folder: Path, course: Path, prefix: Path, memory: int) -> Iterator[SmallMachine]:
    """The copy in `course` and the environment in `prefix` become the user's. At the end nothing runs."""
    home, temporary = folder / "home", folder / "tmp"
    for path in (home, temporary):
        path.mkdir()
    if os.geteuid() == 0:
        _let_in(folder, course, prefix, home, temporary)
    machine = SmallMachine(course, home, prefix / "bin", memory, _new_cgroup(memory))
    try:
        yield machine
    finally:
        processes = machine.processes()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=PATIENCE)
        if machine.cgroup is not None:
            machine.cgroup.rmdir()


def _let_in(folder: Path, *theirs: Path) -> None:
    user = pwd.getpwnam("nobody")
    for path in theirs:
        subprocess.run(["chown", "--recursive", f"{user.pw_uid}:{user.pw_gid}", str(path)], check=True)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def _new_cgroup(memory: int) -> Path | None:
    """A memory cgroup with that limit, or None where none can be made."""
    v2 = (CGROUP / "cgroup.controllers").exists()
    cgroup = (CGROUP if v2 else CGROUP / "memory") / f"labkit-test-{uuid.uuid4().hex[:8]}"
    limits = ["memory.max"] if v2 else ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
    try:
        cgroup.mkdir()
        (cgroup / limits[0]).write_text(str(memory))
    except OSError:
        with contextlib.suppress(OSError):
            cgroup.rmdir()
        return None
    for swap_too in limits[1:]:
        with contextlib.suppress(OSError):  # where swap is not accounted, there is no such file
            (cgroup / swap_too).write_text(str(memory))
    return cgroup


class MemoryWatch:
    """Samples what a machine's processes use (proportional set size, bytes), and keeps the peaks."""

    def __init__(self, machine: SmallMachine, seconds: float = 0.2) -> None:
        self.peaks: dict[str, int] = {}
        self._machine, self._seconds, self._end = machine, seconds, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(self._seconds):
            now = {"all": 0, "JupyterLab": 0, "kernel, server and checker": 0}
            for process in self._machine.processes():
                with contextlib.suppress(psutil.Error):
                    used, command = process.memory_full_info().pss, " ".join(process.cmdline())
                    of = "JupyterLab" if "jupyter-lab" in command else "kernel, server and checker"
                    now["all"] += used
                    now[of] += used
            self.peaks = {name: max(used, self.peaks.get(name, 0)) for name, used in now.items()}
