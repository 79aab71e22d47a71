"""A piece of output that is kept up to date in place, while other cells run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ClassVar

from labkit.pages.page import Page, bundle, quiet

PERIOD = 1.0  # seconds between two looks


class Live:
    """What `look` gives, shown, and looked at again each second for so many `seconds`, in a thread that never keeps the kernel from ending.

    One that is begun under the `name` of another ends that one. Raises what the first look raises; what a later one raises is told, and ends it.
    """

    _running: ClassVar[dict[str, Live]] = {}

    def __init__(self, look: Callable[[], Page], seconds: float, name: str) -> None:
        from IPython.display import display

        if last := self._running.pop(name, None):
            last.end()
        self._look, self._until, self._page = look, time.monotonic() + seconds, look()
        self._note = quiet(f"Live until {_clock(time.time() + seconds)}: run other cells meanwhile.")
        handle = display(bundle(self._page + self._note), raw=True, display_id=True)
        assert handle
        self._handle = handle
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"live {name}", daemon=True)
        self._running[name] = self
        self._thread.start()

    def end(self) -> None:
        """Returns when it shows nothing new any more."""
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        why = ""
        while not why and not self._ended.wait(PERIOD) and time.monotonic() < self._until:
            try:
                page = self._look()
            except Exception as error:  # what is looked at may be gone, in whatever way
                why = f" {error}"
            else:
                self._show(page, self._note)
        self._show(self._page, quiet(f"As it was at {_clock(time.time())}.{why}"))

    def _show(self, page: Page, note: Page) -> None:
        """Only what is new: each time the browser draws it again."""
        if (page, note) != (self._page, self._note):
            self._page, self._note = page, note
            self._handle.update(bundle(page + note), raw=True)


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))
