"""Where a check's clients, servers and networks live: an event loop in a thread of its own, with a deadline over whatever is done there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Self, TypeVar

T = TypeVar("T")
TICK = 0.02  # seconds between two looks at how late this loop is
DEADLINE = 60.0  # seconds of one scene; each wait in it has a shorter one of its own


class Stage:
    """A context manager. What is entered into `stack` while it is open is closed with it, the last one first."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage", daemon=True)
        self.stack = AsyncExitStack()
        self._late: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._ticks = asyncio.run_coroutine_threadsafe(self._tick(), self._loop)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run(self.stack.aclose())
        finally:
            asyncio.run_coroutine_threadsafe(self._cancel_the_rest(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def run(self, scene: Coroutine[Any, Any, T], seconds: float = DEADLINE) -> T:
        """Plays a scene to its end, from any other thread. Raises what it raises, and TimeoutError when it takes too long."""
        return self.begin(scene, seconds).result()

    def enter(self, entered: AbstractAsyncContextManager[T]) -> T:
        """What entering it gives; it is left with the stage. Raises what entering it raises."""
        return self.run(self.stack.enter_async_context(entered))

    def begin(self, scene: Coroutine[Any, Any, T], seconds: float = DEADLINE) -> Future[T]:
        """Begins a scene that goes on beside us; `result()` of what is returned waits for it, and raises what it raised."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(scene, seconds), self._loop)

    @property
    def lateness(self) -> float:
        """By how many seconds this loop was late, in the worst of twenty moments: on a machine with too much to do, a wait that a check
        measures is longer than it was."""
        return sorted(self._late)[len(self._late) * 19 // 20] if self._late else 0.0

    async def _tick(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            self._late.append(time.monotonic() - before - TICK)

    async def _cancel_the_rest(self) -> None:
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
