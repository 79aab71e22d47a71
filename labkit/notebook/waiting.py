"""Waiting for something that may take long: after two seconds the learner sees what it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

from markupsafe import Markup

from labkit.notebook.page import EMPTY, Page, bundle

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 2.0  # seconds before anything is shown


class Interrupted(KeyboardInterrupt):
    """The learner interrupted the kernel while it waited; a cell needs no more to be told than that."""

    def _render_traceback_(self) -> list[str]:
        return ["Interrupted. What was under way has been stopped."]


def in_background(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Runs `do` in a thread that never keeps the kernel from ending."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(do(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def wait_for(future: Future[T], what: str | Callable[[], str], on_interrupt: Callable[[], Any] = lambda: None) -> T:
    """The future's result. After two seconds, and then every second, it shows `what` is being done and for
    how long.

    `on_interrupt` is called when the learner interrupts the kernel. Raises what the future raises.
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
        on_interrupt()
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
