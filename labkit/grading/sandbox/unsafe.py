"""No sandbox: Python as this very user. For learners' answers on their own machines, never for grading."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

from labkit.grading.sandbox.limits import DEFAULT, Finished, Limits
from labkit.grading.sandbox.process import watch


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
    ) -> Finished:
        """See `Sandbox.run`."""
        command = [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]
        with tempfile.TemporaryDirectory(prefix="labkit-run-", ignore_cleanup_errors=True) as folder:
            for name, content in (files or {}).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            basics = {"PATH": os.defpath, "HOME": folder, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**basics, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )

            def kill() -> None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

            return watch(process, limits, kill, process.pid if Path("/proc/self").is_dir() else None, stop=stop)
