"""Untrusted Python under bubblewrap: namespaces of its own, a read-only root of the necessary, no privileges.

As root, bubblewrap itself runs as a user that nobody else is: a process of root's stays root to the kernel,
even in a user namespace, and no limit on processes holds for it. What that user cannot reach (a Python under
/root, say) is bound first, in a mount namespace of our own, to a place where it can.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from threading import Event

from labkit.course.home import run_folder
from labkit.machine.readable import is_readable
from labkit.sandbox import seccomp
from labkit.sandbox.limits import DEFAULT, Finished, Limits, Warm, inside, prlimit_options, rlimits
from labkit.sandbox.memory_file import memory_file
from labkit.sandbox.process import Process, resident, watch
from labkit.sandbox.signals import Signals, send_to_child
from labkit.sandbox.started import Started
from labkit.sandbox.zygote import MAIN, OUTSIDE, Forked, Stopped, Unusable, Zygote, Zygotes

NOBODY = 65534
PASSWD = f"learner:x:{NOBODY}:{NOBODY}::/work:/bin/false\n"
OUTSIDE_USER = 60_641  # outside of what systemd, containers and distributions hand out
SITE = "/site-packages"
SYSTEM_FOLDERS = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32")
WRITABLE = ("/tmp", "/work")
PRLIMIT = "/usr/bin/prlimit"
STEP_DOWN = """
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done; shift
exec setpriv --reuid "$OUTSIDE_USER" --regid "$OUTSIDE_USER" --clear-groups --inh-caps=-all "$@"
"""


class Bubblewrap:
    """A sandbox of Linux namespaces; a run costs about 40 ms over the program's own time."""

    kind = "bubblewrap"

    def __init__(self) -> None:
        self._zygotes = Zygotes(_zygote)

    @classmethod
    def probe(cls) -> Bubblewrap | None:
        """A sandbox, if bubblewrap is installed and this kernel lets us use it."""
        needed = ["bwrap", PRLIMIT, *(["unshare", "setpriv", "mount"] if os.geteuid() == 0 else [])]
        if sys.platform != "linux" or not all(map(shutil.which, needed)):
            return None
        sandbox = cls()
        return sandbox if sandbox.run(["python", "-c", ""]).ok else None

    def close(self) -> None:
        """Ends the processes that programs are forked from. They end with this process in any case."""
        self._zygotes.close()

    def folder_of(self, socket: Path) -> str:
        """`/run/<the socket's folder>`."""
        return f"/run/{socket.parent.name}"

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits = DEFAULT,
        env: Mapping[str, str] | None = None,
        stop: Event | None = None,
        listens: Path | None = None,
        signals: Signals | None = None,
        warm: Warm | None = None,
    ) -> Finished:
        """See `Sandbox.run`. Raises OSError when the sandbox itself cannot start."""
        running = self._running(argv, files or {}, sockets, limits, env or {}, warm=warm, stop=stop, listens=listens)
        signals = signals or Signals()
        try:
            with running as one, signals.to(lambda number: send_to_child(one.first, number), lambda: one.first):
                return watch(one.process, one.limits, one.end, one.first, _folders(one.first), stop, listens)
        except Stopped:
            return Finished(-signal.SIGKILL, "", "", 0.0, "stopped")

    def start(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str | bytes] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits = DEFAULT,
        env: Mapping[str, str] | None = None,
        warm: Warm | None = None,
    ) -> Started:
        """See `Sandbox.start`. The thread that calls it must live as long as the program: the kernel ends it with the thread."""
        with ExitStack() as stack:
            running = self._running(argv, files or {}, sockets, limits, env or {}, warm=warm, started=True)
            one = stack.enter_context(running)
            cleanup = stack.pop_all()
        own = one.limits.memory - limits.memory
        return Started(
            one.process, one.limits, cleanup, kill=one.end, tree=one.first, folders=_folders(one.first), own=own
        )

    @contextmanager
    def _running(
        self,
        argv: Sequence[str],
        files: Mapping[str, str | bytes],
        sockets: Sequence[Path],
        limits: Limits,
        env: Mapping[str, str],
        *,
        warm: Warm | None,
        stop: Event | None = None,
        listens: Path | None = None,
        started: bool = False,
    ) -> Iterator[_Running]:
        """A program that is forked where it may be and can be, else launched. Leaves when no process of it is left. Raises Stopped."""
        with ExitStack() as stack:
            one = None
            if (
                warm
                and argv[0] == "python"
                and not listens
                and (zygote := stack.enter_context(self._zygotes.lent(warm)))
            ):
                places = {socket: f"{self.folder_of(socket)}/{socket.name}" for socket in sockets}
                forked = _forked(zygote, argv[1:], files, places, limits, env, stop, started=started)
                try:
                    one = stack.enter_context(forked)
                except Unusable:
                    self._zygotes.give_up(zygote)
            launched = self._launched(argv, files, sockets, limits, env, started=started, listens=listens)
            yield one or stack.enter_context(launched)

    @contextmanager
    def _launched(
        self,
        argv: Sequence[str],
        files: Mapping[str, str | bytes],
        sockets: Sequence[Path],
        limits: Limits,
        env: Mapping[str, str],
        *,
        started: bool,
        listens: Path | None = None,
    ) -> Iterator[_Running]:
        """In a bubblewrap of its own."""
        exe = _python()
        program = [str(exe) if argv[0] == "python" else argv[0], *argv[1:]]
        command = [PRLIMIT, *prlimit_options(rlimits(limits) | _process_limit(limits)), "--", *program]
        with ExitStack() as stack:
            given = stack.enter_context(_given())
            options = [*_namespaces(), *_no_more_users(), *_root(exe, given.bound, limits)]
            options += ["--ro-bind-data", given.hand_over(PASSWD), "/etc/passwd"]
            for name, content in files.items():
                options += ["--file", given.hand_over(content), f"/work/{inside(name)}"]
            for socket in sockets:
                options += ["--bind", str(socket), f"{self.folder_of(socket)}/{socket.name}"]
            if listens:
                listens.parent.chmod(0o777)  # the program's user is another one; who is outside knows no name in it
                options += ["--bind", str(listens.parent), self.folder_of(listens)]
            options += _variables({**_environment(exe), **env})
            # The last words: nothing may be written but /work and /tmp, or only /tmp.
            shut = ["/dev", "/", *(["/work"] if started else [])]
            options += [word for folder in shut for word in ("--remount-ro", folder)] + ["--chdir", "/work"]
            if (refused := seccomp.program()) is not None:
                options += ["--seccomp", given.hand_over(refused)]
            said, info = os.pipe()
            stack.callback(os.close, said)
            try:
                process = given.popen(
                    ["--info-fd", str(info)],
                    options,
                    command,
                    [info],
                    stdout=subprocess.DEVNULL if started else subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            finally:
                os.close(info)
            first = _first_process(said)
            with _all_gone(process, first) as end:
                yield _Running(process, first, end, limits)


@dataclass(frozen=True)
class _Running:
    """A program's process, the sandbox's process 1 as we see it, what ends both, and the limits, with the memory that is the sandbox's own."""

    process: Process
    first: int | None
    end: Callable[[], None]
    limits: Limits


@dataclass
class _Given:
    """What one start of bubblewrap is handed over by descriptors."""

    stack: ExitStack
    bound: dict[Path, Path]  # where bubblewrap finds this Python and its packages
    descriptors: list[int] = field(default_factory=list)

    def hand_over(self, content: str | bytes) -> str:
        """The number of a descriptor that reads `content`."""
        self.descriptors.append(self.stack.enter_context(memory_file(content)))
        return str(self.descriptors[-1])

    def popen(
        self, more: list[str], options: list[str], command: list[str], descriptors: list[int], stdout: int, stderr: int
    ) -> subprocess.Popen[bytes]:
        """Starts it. The options go by a descriptor: everyone on the machine can read a command line, and the environment has a password."""
        told = ["--args", self.hand_over("\0".join(options)), *more]
        return subprocess.Popen(
            [*_step_down(self.bound), shutil.which("bwrap") or "bwrap", *told, "--", *command],
            stdin=subprocess.DEVNULL,
            pass_fds=[*self.descriptors, *descriptors],
            env={"PATH": os.environ.get("PATH", os.defpath), "OUTSIDE_USER": str(OUTSIDE_USER)},
            stdout=stdout,
            stderr=stderr,
        )


@contextmanager
def _given() -> Iterator[_Given]:
    with ExitStack() as stack:
        yield _Given(stack, _reachable({_python().parent.parent, *_site_packages()}))


def _zygote(warm: Warm, folder: Path, orders: socket.socket) -> subprocess.Popen[bytes]:
    """A sandbox in which sandboxes can be made, of a program that is ours. It may nest user namespaces, which the filter of system calls and a
    count of 0 refuse to each program."""
    exe = _python()
    with _given() as given:
        options = [
            *_namespaces(),
            *_root(exe, given.bound, DEFAULT),
            "--ro-bind-data",
            given.hand_over(PASSWD),
            "/etc/passwd",
        ]
        options += ["--ro-bind-data", given.hand_over(MAIN.read_bytes()), f"/run/{MAIN.name}"]
        options += ["--ro-bind", str(folder), OUTSIDE, *_variables(_environment(exe) | dict(warm.environment))]
        options += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
        command = [str(exe), f"/run/{MAIN.name}", str(orders.fileno()), *warm.modules]
        return given.popen(
            [], options, command, [orders.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@contextmanager
def _forked(
    zygote: Zygote,
    command: Sequence[str],
    files: Mapping[str, str | bytes],
    places: Mapping[Path, str],
    limits: Limits,
    env: Mapping[str, str],
    stop: Event | None,
    *,
    started: bool,
) -> Iterator[_Running]:
    """From a process that has its imports. Raises Unusable and Stopped, before the program began."""
    bounds = rlimits(limits) | _process_limit(
        replace(limits, processes=limits.processes + 1)
    )  # and who waits for its end
    more = {
        "filter": base64.b64encode(seccomp.program() or b"").decode(),
        "limits": {f"RLIMIT_{name}": bound for name, bound in bounds.items()},
        "shut": ["/work"] if started else [],
    }
    environment = _environment(_python()) | {"PWD": "/work"} | dict(env)
    for name in files:
        inside(name)
    forked = zygote.forked(command, files, places, limits, environment, more, stop, discard=started)
    with forked as process, _all_gone(process, process.first) as end:
        own = 0
        with suppress(OSError):
            own = resident(process.first)  # its process 1 has the zygote's memory, and hardly any of its own
        yield _Running(process, process.first, end, replace(limits, memory=limits.memory + own))


def _folders(first: int | None) -> list[Path]:
    """The sandbox's own file systems, as we see them."""
    return [Path(f"/proc/{first}/root{folder}") for folder in WRITABLE] if first else []


def _namespaces() -> list[str]:
    """New namespaces of every kind, a user without capabilities, and an end with us."""
    user = ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    ends = ["--die-with-parent", "--new-session"]
    return ["--unshare-all", *user, *ends, "--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv"]


def _no_more_users() -> list[str]:
    """No user namespace within this one."""
    return ["--disable-userns"] if "--disable-userns" in _help() else []


@cache
def _help() -> str:
    return subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout


def _python() -> Path:
    return Path(sys.executable).resolve()


def _root(exe: Path, bound: dict[Path, Path], limits: Limits) -> list[str]:
    """The file system: the system's libraries, this Python, its packages, and two small writable folders."""
    options: list[str] = []
    for folder in SYSTEM_FOLDERS:
        if Path(folder).is_dir():
            options += ["--ro-bind", folder, folder]
    for link in ("/lib", "/lib32", "/lib64", "/libx32"):
        if Path(link).is_symlink():
            options += ["--symlink", os.readlink(link), link]
        elif Path(link).is_dir():
            options += ["--ro-bind", link, link]
    options += ["--ro-bind", PRLIMIT, PRLIMIT, "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    options += ["--ro-bind-try", "/etc/localtime", "/etc/localtime"]
    prefix = exe.parent.parent
    options += ["--ro-bind", str(bound[prefix] / "bin" / exe.name), str(exe)]
    for lib in ("lib", "lib64"):
        if (prefix / lib).is_dir() and f"{prefix / lib}" not in SYSTEM_FOLDERS:
            options += ["--ro-bind", str(bound[prefix] / lib), str(prefix / lib)]
    for number, site in enumerate(_site_packages()):
        options += ["--ro-bind", str(bound[site]), f"{SITE}/{number}"]
    for folder in WRITABLE:
        options += ["--size", str(limits.disk), "--tmpfs", folder]
    return [*options, "--proc", "/proc", "--dev", "/dev"]


def _environment(exe: Path) -> dict[str, str]:
    """PATH, HOME, LANG, and where Python finds the packages (no .pth files: no path to the course)."""
    packages = ":".join(f"{SITE}/{number}" for number, _ in enumerate(_site_packages()))
    basics = {"PATH": str(exe.parent), "HOME": "/work", "LANG": "C.UTF-8"}
    return {**basics, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}


def _variables(environment: Mapping[str, str]) -> list[str]:
    return [word for name, value in environment.items() for word in ("--setenv", name, value)]


@cache
def _site_packages() -> list[Path]:
    return list(dict.fromkeys(Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")))


def _process_limit(limits: Limits) -> dict[str, tuple[int, int]]:
    """Set inside, where only the new user namespace's processes count. An older kernel counts all of the
    user's: there it is left to `watch`."""
    kernel = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
    return {"NPROC": (limits.processes, limits.processes)} if kernel >= (5, 14) else {}


def _reachable(folders: set[Path]) -> dict[Path, Path]:
    """Where bubblewrap finds each folder: as root, at a place that its user can reach (see `_step_down`)."""
    if os.geteuid() != 0:
        return {folder: folder for folder in folders}
    places = {folder: run_folder() / "sandbox" / str(number) for number, folder in enumerate(sorted(folders))}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
        place.parent.chmod(0o755)  # whatever the umask
        place.chmod(0o755)
    return places


def _step_down(bound: dict[Path, Path]) -> list[str]:
    """As root: a mount namespace in which `bound` holds, and then another user."""
    if os.geteuid() != 0:
        return []
    pairs = [str(path) for pair in bound.items() for path in pair]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", STEP_DOWN, "sh", *pairs, "--"]


def _first_process(said: int) -> int | None:
    """The sandbox's process 1 as we see it, from what bubblewrap says; None when it could not start."""
    text = b""
    while data := os.read(said, 4096):
        text += data
        if text.rstrip().endswith(b"}"):
            return json.loads(text)["child-pid"]
    return None


@contextmanager
def _all_gone(process: subprocess.Popen[bytes] | Forked, first: int | None) -> Iterator[Callable[[], None]]:
    """A function that ends it. Leaves when no process of the sandbox is left: its process 1 ends last."""
    pidfd = None
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(first) if first else None

    def end() -> None:
        process.kill()
        # Itself, too: where bubblewrap ends before it has told its process 1 to go on, that one waits for ever, and holds the output open.
        if pidfd is not None:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    try:
        yield end
    finally:
        end()
        if pidfd is not None:
            is_readable(pidfd, 10)
            ended, pidfd = pidfd, None
            os.close(ended)
