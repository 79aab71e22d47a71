"""Waiting for something that may take long: after two seconds the learner sees what it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from markupsafe import Markup

from labkit.pages.page import EMPTY, Page, bundle

T = TypeVar("T")
PATIENCE = 2.0  # seconds before anything is shown
STOPPING, AGAIN = 5.0, 0.1  # seconds for what was interrupted to end, and until it is told so once more


class Interrupted(KeyboardInterrupt):
    """The learner interrupted the kernel while it waited; a cell needs no more to be told than that."""

    def _render_traceback_(self) -> list[str]:
        return ["Interrupted. What was under way has been stopped."]


def run(do: Callable[[], T], what: str | Callable[[], str], stop: Callable[[], Any] | None = None) -> T:
    """What `do` gives, in a thread that never keeps the kernel from ending; shows what is being done, as `wait_for`. Raises as `do`.

    `stop` is called when the learner interrupts the kernel, again and again until `do` ends: it may have begun nothing yet that
    could be stopped.
    """
    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(do())
        except BaseException as error:
            future.set_exception(error)

    try:
        threading.Thread(target=work, daemon=True).start()
        return wait_for(future, what)
    except KeyboardInterrupt:  # also one between the thread's start and the waiting for it
        until = time.monotonic() + STOPPING
        while stop and time.monotonic() < until:
            stop()
            if wait([future], AGAIN).done:
                break
        raise Interrupted from None


def wait_for(future: Future[T], what: str | Callable[[], str]) -> T:
    """The future's result. After two seconds, and then every second, it shows `what` is being done and for how long.

    Raises what the future raises, and Interrupted.
    """
    line = _Line()
    started = time.monotonic()
    try:
        while True:
            try:
                return future.result(timeout=line.pause)
            except TimeoutError:
                if future.done():
                    raise
                line.say(what if isinstance(what, str) else what(), time.monotonic() - started)
    except KeyboardInterrupt:
        raise Interrupted from None
    finally:
        line.clear()


class _Line:
    """One line of output that is rewritten in place, and taken away at the end."""

    def __init__(self) -> None:
        self.handle = None
        self.pause = PATIENCE

    def say(self, what: str, seconds: float) -> None:
        from IPython.display import display

        text = f"{what} … {seconds:.0f} s"
        page = bundle(Page(Markup('<p role="status">⏳ {}</p>').format(text), text), styled=False)
        self.pause = 1.0
        if self.handle is None:
            self.handle = display(page, raw=True, display_id=True)
        else:
            self.handle.update(page, raw=True)

    def clear(self) -> None:
        if self.handle is not None:
            self.handle.update(bundle(EMPTY), raw=True)
