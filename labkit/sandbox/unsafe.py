"""No sandbox: Python as this very user. For learners' answers on their own machines, never for grading."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

from labkit.sandbox.limits import DEFAULT, Finished, Limits, Warm
from labkit.sandbox.process import watch
from labkit.sandbox.signals import Signals
from labkit.sandbox.started import Started


class Unsafe:
    """Runs programs with a deadline, a folder and an environment of their own, and no other protection."""

    kind = "unsafe"

    def folder_of(self, socket: Path) -> str:
        """The socket's own folder."""
        return str(socket.parent)

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
        """See `Sandbox.run`; each program imports for itself."""
        launched = _launched(argv, files or {}, env or {}, subprocess.PIPE)
        with launched as process, (signals or Signals()).to(process.send_signal, lambda: _tree(process)):
            return watch(process, limits, lambda: _kill(process), _tree(process), stop=stop, listens=listens)

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
        """See `Sandbox.start`; here the folder can be written to."""
        with ExitStack() as stack:
            process = stack.enter_context(_launched(argv, files or {}, env or {}, subprocess.DEVNULL))
            cleanup = stack.pop_all()
        return Started(process, limits, cleanup, kill=lambda: _kill(process), tree=_tree(process))


@contextmanager
def _launched(
    argv: Sequence[str], files: Mapping[str, str | bytes], env: Mapping[str, str], stdout: int
) -> Iterator[subprocess.Popen[bytes]]:
    """A process group of its own in a folder of its own, which is removed at the end."""
    command = [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]
    with tempfile.TemporaryDirectory(prefix="labkit-run-", ignore_cleanup_errors=True) as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        basics = {"PATH": os.defpath, "HOME": folder, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
        yield subprocess.Popen(
            command,
            cwd=folder,
            env={**basics, **env},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _tree(process: subprocess.Popen[bytes]) -> int | None:
    return process.pid if Path("/proc/self").is_dir() else None
