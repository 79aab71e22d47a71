"""Docker without root: a Linux kernel that runs as an ordinary process (user-mode Linux), with this machine's own Docker in it.

The guest sees this machine's files read-only, and writes to a disk image of its own. Its one network card is a socket to gvproxy,
which carries the engine's port out as a Unix socket of ours. Both end with the process that started them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from labkit.machine.children import dies_with_us
from labkit.machine.fault import ServiceFault
from labkit.machine.system_user import User

MEMORY_MB = 640
DISK_BYTES = 8 * 2**30  # sparse
PATIENCE = 150.0  # seconds until the engine answers: some ten on an idle machine
MODULES = ("overlay", "llc", "stp", "bridge", "veth")
ADDRESS, GATEWAY, PORT = "192.168.127.2", "192.168.127.1", 2375  # gvproxy's own network: nobody else is on it
CARD = "5a:94:ef:e4:0c:ee"
ON_PATH = ("dockerd", "containerd", "runc", "ip", "mkfs.ext4", "docker")
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

INIT = """#!/bin/sh
# The guest's first process. It ends the machine when its input ends, that is, when whoever started the machine is gone.
export PATH=@SYSTEM@ HOME=/run
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for c in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$c" > /sys/fs/cgroup/cgroup.subtree_control; done
"@PYTHON@" -S -c '
import ctypes, sys
load = ctypes.CDLL(None).syscall
for path in sys.argv[1:]:
    with open(path, "rb") as module:
        load(313, module.fileno(), b"", 0)  # finit_module
' @MODULES@
mount -t tmpfs tmpfs /tmp
ip link set lo up; ip addr add @ADDRESS@/24 dev vec0; ip link set vec0 up; ip route add default via @GATEWAY@
mkdir /run/data; mount -t ext4 /dev/ubda /run/data; mkdir -p /run/data/docker
mount -t tmpfs tmpfs /etc/docker 2> /dev/null
echo nameserver @GATEWAY@ > /tmp/resolv.conf; mount --bind /tmp/resolv.conf /etc/resolv.conf
containerd --root /run/data/containerd --state /run/containerd --address /run/containerd.sock --log-level error & containerd=$!
dockerd --data-root /run/data/docker --containerd /run/containerd.sock -H tcp://@ADDRESS@:@PORT@ --tls=false --iptables=false \\
  --ip6tables=false --log-level error --exec-root /run/docker --pidfile /run/docker.pid & dockerd=$!
read -r _
kill $dockerd; wait $dockerd; kill $containerd; wait $containerd
sync; umount /run/data; sync
echo o > /proc/sysrq-trigger; sleep 60
"""


@dataclass(frozen=True)
class Programs:
    """What the machine is made of."""

    linux: Path
    modules: Path
    gvproxy: Path


def programs() -> Programs | None:
    """Those of `UML_HOME`; None where something is missing."""
    folder = Path(os.environ.get("UML_HOME", "/nonexistent"))
    found = Programs(folder / "linux", folder / "modules", folder / "gvproxy")
    return None if lacking() else found


def lacking() -> list[str]:
    """The names of what is missing here."""
    folder = Path(os.environ.get("UML_HOME", "/nonexistent"))
    own = [name for name in ("linux", "gvproxy") if not os.access(folder / name, os.X_OK)]
    own += [f"modules/{name}.ko" for name in MODULES if not (folder / "modules" / f"{name}.ko").exists()]
    path = f"{os.environ.get('PATH', '')}:{SYSTEM}"
    return [f"UML_HOME/{name}" for name in own] + [name for name in ON_PATH if not shutil.which(name, path=path)]


class Machine:
    """One guest. `folder` is for its sockets and files, and short; `disk` is what its engine keeps images on.

    With `keep`, what the guest writes stays on the disk; else it goes with the guest.
    """

    def __init__(self, folder: Path, disk: Path, user: User, log: IO[bytes] | None, *, keep: bool = False) -> None:
        self.folder, self.disk, self.user, self.keep = folder, disk, user, keep
        self.log = log or subprocess.DEVNULL
        self._guest: subprocess.Popen[bytes] | None = None
        self._network: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """The engine's address."""
        return f"unix://{self.folder / 'docker'}"

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return self._guest.pid if self._guest else 0

    def start(self, answers: Callable[[], bool]) -> None:
        """Boots, and waits until the engine `answers`. Raises ServiceFault."""
        parts = programs()
        if parts is None:
            raise ServiceFault(
                f"The embedded Docker cannot start: {', '.join(lacking())} is missing. Run `labkit doctor`."
            )
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in (self.folder, self.folder / "tmp"):
            path.mkdir(mode=0o711, parents=True)
            self.user.owns(path)
        deadline = time.monotonic() + PATIENCE
        card, services = self.folder / "card", self.folder / "services"
        listen = [f"-listen-bess=unixpacket://{card}", f"-services=unix://{services}", "-ssh-port=-1"]
        self._network = self._process([str(parts.gvproxy), *listen], stdin=subprocess.DEVNULL, quiet=True)
        self._await(lambda: card.exists() and services.exists(), deadline, "its network card")
        self._guest = self._process(self._command(parts, card), stdin=subprocess.PIPE)
        self._await(lambda: self._exposed(services) and answers(), deadline, "its Docker")

    def stop(self) -> None:
        """Ends the guest in order, and its network."""
        if guest := self._guest:
            with contextlib.suppress(OSError):
                assert guest.stdin
                guest.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                guest.wait(30 if self.keep else 5)
        for process in (self._guest, self._network):
            if process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._guest = self._network = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_alive(self) -> bool:
        """Whether the kernel runs."""
        return self._guest is not None and self._guest.poll() is None

    def _command(self, parts: Programs, card: Path) -> list[str]:
        init = self.folder / "init"
        values = {
            "SYSTEM": SYSTEM, "PYTHON": _python(), "ADDRESS": ADDRESS, "GATEWAY": GATEWAY, "PORT": str(PORT),
            "MODULES": " ".join(f"'{parts.modules / name}.ko'" for name in MODULES),
        }  # fmt: skip
        text = INIT
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        init.write_text(text)
        init.chmod(0o755)
        disk = str(self.disk) if self.keep else f"{self.folder / 'cow'},{self.disk}"
        vector = f"vec0:transport=bess,dst={card},depth=128,gro=1,mac={CARD}"
        # The root is this machine's, and read-only: what the guest's root may do here, it may do as our user, and nothing by writing.
        boot = [
            f"mem={MEMORY_MB}M",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            f"init={init}",
            f"ubd0={disk}",
            "con=null",
        ]
        boot += ["con0=fd:0,fd:1", "con1=null", "quiet", "seccomp=on", f"uml_dir={self.folder}/", "umid=guest", vector]
        return [str(parts.linux), *boot]

    def _process(self, command: list[str], stdin: int, *, quiet: bool = False) -> subprocess.Popen[bytes]:
        options: dict[str, Any] = {
            "stdin": stdin,
            "stdout": subprocess.DEVNULL if quiet else self.log,
            "stderr": subprocess.STDOUT,
            "env": {"PATH": SYSTEM, "TMPDIR": str(self.folder / "tmp"), "LC_ALL": "C"},
            **self.user.popen(),
        }
        process: Any = subprocess.Popen(command, cwd="/", start_new_session=True, preexec_fn=dies_with_us(), **options)
        return process

    def _await(self, condition: Callable[[], bool], deadline: float, what: str) -> None:
        while not condition():
            ended = next((p for p in (self._guest, self._network) if p and p.poll() is not None), None)
            if ended or time.monotonic() > deadline:
                why = f"ended with exit status {ended.returncode}" if ended else f"did not answer within {PATIENCE:g} s"
                self.stop()
                raise ServiceFault(
                    f"The embedded Docker did not start: {what} {why}. Its log is with the others: `labkit doctor`."
                )
            time.sleep(0.2)  # what another program does by itself cannot be awaited otherwise

    def _exposed(self, services: Path) -> bool:
        """Whether the engine's port is carried out to our socket; asks for it until it is."""
        target = self.folder / "docker"
        if target.exists():
            return True
        asked = {"local": str(target), "remote": f"tcp://{ADDRESS}:{PORT}", "protocol": "unix"}
        with contextlib.suppress(OSError):
            post(services, "/services/forwarder/expose", asked)
        return False


def post(path: Path, resource: str, document: dict[str, Any]) -> bytes:
    """Sends JSON to an HTTP server on a Unix socket. Returns the first line of the answer."""
    body = json.dumps(document).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(5)
        server.connect(str(path))
        head = f"POST {resource} HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        server.sendall(head.encode() + body)
        return server.recv(4096).partition(b"\r\n")[0]


def make_disk(path: Path, user: User) -> None:
    """An empty disk image. Raises ServiceFault."""
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    user.owns(path)
    program = shutil.which("mkfs.ext4", path=SYSTEM) or "mkfs.ext4"
    user.run([program, "-q", "-F", "-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0", path])


def _python() -> str:
    """A Python for the guest: the system's, as ours may lie where its user cannot go."""
    return shutil.which("python3", path=SYSTEM) or os.path.realpath(sys.executable)
