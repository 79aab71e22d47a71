"""What runs first inside an instance, and the door through which it meets the platform.

An instance has no network but its own loopback. It listens there itself and hands the listening socket out through a Unix socket:
a socket belongs to the network it was made in, whoever accepts on it. So the Runtime API is answered from outside, by a process that
the instance cannot reach in any other way, and nothing has to forward bytes in between.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

HELLO = 10.0  # seconds that an instance has to hand out its socket, once it knocked
# Python with as little as it takes: an instance's start is what the learner measures. `alone`: nobody ends it when we are killed.
PROGRAM = """
import os, runpy, socket, sys
door, handler, alone = sys.argv[1:4]
if alone:
    import ctypes, signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
with socket.socket(socket.AF_UNIX) as out, socket.create_server(("127.0.0.1", 0)) as api:
    out.connect(door)
    os.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:%d" % api.getsockname()[1]
    socket.send_fds(out, [b"1"], [api.fileno()])
    log = socket.recv_fds(out, 1, 1)[1][0]
os.dup2(log, 1), os.dup2(log, 2), os.close(log)
sys.argv = ["awslambdaric", handler]
del out, api, log, door, alone
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""

# A service over HTTP instead. It listens where $PORT says, on a loopback that we cannot reach; so a process beside it connects for us, and hands out what it
# is connected to. It ends with the service, which it was forked from before anything of the service was imported.
SERVICE = """
import os, runpy, socket, sys
door, module, alone = sys.argv[1:4]
import ctypes, signal
ends_with_its_parent = ctypes.CDLL(None).prctl
if alone:
    ends_with_its_parent(1, signal.SIGKILL)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
ours, theirs = socket.socketpair()
with socket.socket(socket.AF_UNIX) as out:
    out.connect(door)
    socket.send_fds(out, [b"1"], [theirs.fileno()])
    log = socket.recv_fds(out, 1, 1)[1][0]
theirs.close()
os.dup2(log, 1), os.dup2(log, 2), os.close(log)
if os.fork() == 0:
    ends_with_its_parent(1, signal.SIGKILL)
    while ours.recv(1):
        try:
            with socket.create_connection(("127.0.0.1", port)) as made:
                socket.send_fds(ours, [b"1"], [made.fileno()])
        except ConnectionError:
            ours.sendall(b"0")
    os._exit(0)
ours.close()
os.environ["PORT"] = str(port)
sys.argv = [module]
del out, free, log, door, alone, ours, theirs, port, ends_with_its_parent, ctypes, signal
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class Door:
    """A Unix socket for one instance; it is gone once the instance came through, or with `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="i", dir=folder))
        self._folder.chmod(0o711)  # the instance's user gets through, but only who was given the name
        self.socket = self._folder / "door"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self.socket.chmod(0o666)
        self._listener.listen(1)
        self._listener.setblocking(False)

    def fileno(self) -> int:
        """To wait until somebody knocks."""
        return self._listener.fileno()

    def let_in(self) -> tuple[socket.socket, int]:
        """The instance's listening socket, and the end of the pipe that it writes its log to. Raises OSError."""
        guest, _ = self._listener.accept()
        with guest:
            guest.settimeout(HELLO)
            _, fds, _, _ = socket.recv_fds(guest, 1, 1)
            if not fds:
                raise OSError("the instance handed out no socket")
            listener = socket.socket(fileno=fds[0])
            ours, theirs = os.pipe()
            socket.send_fds(guest, [b"1"], [theirs])
            os.close(theirs)
        listener.setblocking(False)
        os.set_blocking(ours, False)
        return listener, ours

    def close(self) -> None:
        """Removes the socket. Again: nothing to do."""
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)
