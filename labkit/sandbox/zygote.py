"""A process in a sandbox that has imported what takes long, and from which programs are forked: its end with us.

What runs there is `zygote_main.py`, ours alone. It never sees a byte of what programs are made of; each of them begins as a fork that enters
namespaces of its own. Where the kernel does not let a sandbox have sandboxes in it, there is no zygote, and a program imports for itself.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

from labkit.course.home import run_folder
from labkit.machine.readable import is_readable
from labkit.sandbox.limits import Limits, Warm
from labkit.sandbox.memory_file import memory_file

OUTSIDE = "/run/outside"  # where the sandbox has the sockets
MAIN = Path(__file__).with_name("zygote_main.py")
FEW = 3  # that are kept at a time: each has what it imported in memory
STARTING = 300.0  # seconds until everything is imported, and for a fork: only a machine that stands still takes longer
LOOK = 0.2

Launch = Callable[[Warm, Path, socket.socket], subprocess.Popen[bytes]]


class Unusable(Exception):
    """This zygote gives no program."""


class Stopped(Exception):
    """The program was to be stopped before it began."""


class Forked:
    """A program's process 1 and its output, with what `watch` needs of a `subprocess.Popen`."""

    def __init__(self, first: int, stdout: int, stderr: int, status: socket.socket) -> None:
        self.first, self._status, self._code = first, status, None
        self._descriptor: int | None = os.pidfd_open(first)
        self.stdout, self.stderr = os.fdopen(stdout, "rb", 0), os.fdopen(stderr, "rb", 0)

    def poll(self) -> int | None:
        """Its exit status, 128 + n when signal n ended it, or None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises subprocess.TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("a forked program", timeout or 0)
        return code

    def kill(self) -> None:
        """Ends it, and all that it started. After its end: nothing to do."""
        if self._descriptor is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def close(self) -> None:
        """Gives back what leads to it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        self._status.close()
        self.stdout.close()

    def _ended(self, timeout: float | None) -> int | None:
        if self._code is None and is_readable(self._status, timeout):
            said = self._status.recv(4)
            self._code = struct.unpack("i", said)[0] if len(said) == 4 else -signal.SIGKILL
        return self._code


class Zygote:
    """One set of imports. `launch` starts the sandbox with a folder of sockets and a socket for orders.

    The kernel ends the sandbox with the thread that starts it, so that is a thread of its own.
    """

    def __init__(self, warm: Warm, launch: Launch) -> None:
        self.warm, self.users = warm, 0
        self._launch, self._lock, self.is_ready = launch, threading.Lock(), False
        self._folder = Path(tempfile.mkdtemp(prefix="zygote-", dir=run_folder()))
        self._folder.chmod(0o711)  # the sandbox's user gets through
        self._orders, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        threading.Thread(target=self._attend, args=[there], name="zygote", daemon=True).start()

    def _attend(self, there: socket.socket) -> None:
        with there:
            process = self._launch(self.warm, self._folder, there)
        process.wait()

    def close(self) -> None:
        """Ends it, and what was forked from it."""
        self._orders.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def forked(
        self,
        argv: Sequence[str],
        files: Mapping[str, str | bytes],
        sockets: Mapping[Path, str],
        limits: Limits,
        environment: Mapping[str, str],
        more: Mapping[str, object],
        stop: Event | None,
        *,
        discard: bool = False,
    ) -> Iterator[Forked]:
        """A program that runs. `sockets` says where it finds each; `discard`: its stdout leads nowhere. Raises Unusable where none can
        be had, and Stopped."""
        order = {
            "command": list(argv),
            "files": {name: base64.b64encode(_bytes(content)).decode() for name, content in files.items()},
            "disk": limits.disk,
            "environment": {**dict(self.warm.environment), **environment},
            **more,
        }
        with ExitStack() as stack:
            try:
                order["sockets"] = stack.enter_context(self._linked(sockets))
                what = stack.enter_context(memory_file(json.dumps(order)))
                forked = self._fork(what, stop, discard=discard)
            except OSError as error:
                raise Unusable(str(error)) from error
            stack.callback(forked.close)
            yield forked

    @contextmanager
    def _linked(self, sockets: Mapping[Path, str]) -> Iterator[dict[str, str]]:
        """Where the sandbox has each socket, under a name that no other program knows, and where the program is to find it."""
        links = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            links.chmod(0o711)
            for number, path in enumerate(sockets):
                os.link(path, links / str(number))
            yield {f"{OUTSIDE}/{links.name}/{number}": place for number, place in enumerate(sockets.values())}
        finally:
            shutil.rmtree(links, ignore_errors=True)

    def _fork(self, what: int, stop: Event | None, *, discard: bool) -> Forked:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        pipes = [os.pipe(), os.pipe()]
        try:
            with there:
                self._await_ready(stop)
                with open(os.devnull, "wb") as nowhere:
                    stdout = nowhere.fileno() if discard else pipes[0][1]
                    socket.send_fds(self._orders, [b"fork"], [what, stdout, pipes[1][1], there.fileno()])
            forked = Forked(_who_is_ready(here, stop), pipes[0][0], pipes[1][0], here)
            here.send(b"!")  # from now on it may end
            return forked
        except BaseException:
            here.close()
            for readable, _ in pipes:
                os.close(readable)
            raise
        finally:
            for _, writable in pipes:
                os.close(writable)

    def _await_ready(self, stop: Event | None) -> None:
        with self._lock:
            if not self.is_ready:
                _heard(self._orders, stop)
                self.is_ready = True


class Zygotes:
    """Those of this process, of which the least used make room."""

    def __init__(self, launch: Launch) -> None:
        self._launch, self._lock = launch, threading.Lock()
        self._kept: OrderedDict[Warm, Zygote] = OrderedDict()
        self._without: set[Warm] = set()
        atexit.register(self.close)

    @contextmanager
    def lent(self, warm: Warm) -> Iterator[Zygote | None]:
        """The one with these imports; None where it has been seen that there is none. Meanwhile it makes no room."""
        with self._lock:
            zygote = None if warm in self._without else self._found(warm)
            if zygote:
                zygote.users += 1
        try:
            yield zygote
        finally:
            with self._lock:
                if zygote:
                    zygote.users -= 1

    def give_up(self, zygote: Zygote) -> None:
        """It gave no program. Where it never has, the next one with these imports does without."""
        with self._lock:
            if not zygote.is_ready:
                self._without.add(zygote.warm)
            if self._kept.get(zygote.warm) is zygote:
                del self._kept[zygote.warm]
            zygote.close()

    def close(self) -> None:
        """Ends all."""
        with self._lock:
            while self._kept:
                self._kept.popitem()[1].close()

    def _found(self, warm: Warm) -> Zygote:
        if warm not in self._kept:
            self._make_room()
            self._kept[warm] = Zygote(warm, self._launch)
        self._kept.move_to_end(warm)
        return self._kept[warm]

    def _make_room(self) -> None:
        for warm in [warm for warm, zygote in self._kept.items() if not zygote.users][: len(self._kept) - FEW + 1]:
            self._kept.pop(warm).close()


def _who_is_ready(status: socket.socket, stop: Event | None) -> int:
    """The process that says that it is ready, by the number that it has here: the kernel's word, not its own."""
    for level, kind, data in _heard(status, stop):
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return struct.unpack("3i", data)[0]
    raise Unusable("no process said that it is ready")


def _heard(channel: socket.socket, stop: Event | None) -> list[tuple[int, int, bytes]]:
    """What comes beside the next message. Raises Unusable when there is none."""
    until = time.monotonic() + STARTING
    while not is_readable(channel, LOOK):
        if stop and stop.is_set():
            raise Stopped
        if time.monotonic() > until:
            raise Unusable("it does not begin")
    said, beside, *_ = channel.recvmsg(64, 256)
    if said != b"ready":
        raise Unusable("it has ended")
    return beside


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
