"""A sandboxed program that goes on beside us: it can be frozen, thawed, looked at and ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from labkit.sandbox.limits import EndedBy, Limits
from labkit.sandbox.process import Process, descendants, over

LAST_WORDS = 4096  # bytes of stderr that are kept, for the case that the sandbox itself does not start


class Started:
    """A program that runs. A context manager: leaving it ends the program and all that it started.

    `tree` is the process (of /proc) whose descendants are the program's, None where nobody shows them to us; `own` are the bytes of memory
    among theirs that are the sandbox's.
    """

    def __init__(
        self,
        process: Process,
        limits: Limits,
        cleanup: ExitStack,
        *,
        kill: Callable[[], None],
        tree: int | None,
        folders: Sequence[Path] = (),
        own: int = 0,
    ) -> None:
        self.tree, self.own = tree, own
        self._process, self._limits, self._cleanup, self._kill, self._folders = process, limits, cleanup, kill, folders
        self._stopped: list[int] = []
        self._said = b""
        self._closing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def freeze(self) -> None:
        """Stops every process of the program, until `thaw`. One that is just being started does not escape."""
        while new := [pid for pid in self.processes() if pid not in self._stopped]:
            for pid in new:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            self._stopped += new

    def thaw(self) -> None:
        """Lets the program go on."""
        stopped, self._stopped = self._stopped, []
        for pid in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def processes(self) -> list[int]:
        """The program's processes as we see them; none where nobody shows them to us."""
        return list(descendants(self.tree)) if self.tree else []

    def over(self) -> EndedBy | None:
        """The limit that the program breaks at this moment, if it does."""
        return over(self.tree, self._folders, self._limits)

    def wait(self) -> int:
        """Waits until the program ended, and returns its exit status; 128 + n when signal n ended it."""
        if pipe := self._process.stderr:
            with suppress(ValueError):  # closed by `close`
                while data := os.read(pipe.fileno(), 65536):
                    self._said = (self._said + data)[-LAST_WORDS:]
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def last_words(self) -> str:
        """The end of what was written to the first stderr: by the sandbox, where it did not start the program."""
        return self._said.decode("utf-8", "replace").strip()

    def kill(self) -> None:
        """Ends the program at once, in whatever state it is. Does not wait."""
        self._kill()

    def close(self) -> None:
        """Ends the program, and returns when nothing of it is left."""
        with self._closing:
            self._kill()
            self._process.wait()
            self._cleanup.close()
            if self._process.stderr:
                self._process.stderr.close()
