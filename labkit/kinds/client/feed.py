"""A feed of prices for learners' clients to follow: for each path a story, which says what happens to the first attempt, the second, and so on.

Items are `{"id": 18, "price": 101.25}`; ids grow by one. A client asks for `PATH?after=17` and gets all that follow.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from labkit.kinds.websocket.connection import PATIENCE, Served, Silence
from labkit.kinds.websocket.frames import TEXT, Frame
from labkit.kinds.websocket.host import Host

MOST = 60  # attempts of one client: what comes after that gets no answer
SILENCE = 20.0  # seconds that a connection which vanished is kept
Step = Callable[["Story", "Attempt", Served], Coroutine[Any, Any, None]]


@dataclass
class Attempt:
    """A handshake that a client asked for: when, after which id, and when it was over for us (monotonic seconds; 0 while it is not)."""

    at: float
    after: int | None
    over: float = 0.0
    connection: Served | None = None


@dataclass
class Story:
    """What one client meets, and what it did. `sent` are the items that left us, in full."""

    path: str
    steps: Sequence[Step]
    first: int = 0  # the client begins after this id
    seed: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    sent: dict[int, dict[str, Any]] = field(default_factory=dict)

    def item(self, number: int) -> dict[str, Any]:
        """The item with this id."""
        return {"id": number, "price": round(random.Random(f"{self.seed}{self.path}{number}").uniform(1, 500), 2)}

    @property
    def wanted(self) -> list[dict[str, Any]]:
        """What must have been delivered: each item that was sent, once, in order."""
        return [self.sent[number] for number in sorted(self.sent)]

    @property
    def waits(self) -> list[float]:
        """Seconds between the end of each attempt and the next one."""
        pairs = zip(self.attempts, self.attempts[1:], strict=False)
        return [later.at - earlier.over for earlier, later in pairs if earlier.over]

    @property
    def asked(self) -> list[int | None]:
        """The ids after which each attempt asked."""
        return [attempt.after for attempt in self.attempts]


class Feed:
    """An async context manager around the stories."""

    def __init__(self) -> None:
        self._host = Host(self._request)
        self._stories: dict[str, Story] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._host.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._host.__aexit__()

    @property
    def path(self) -> Path:
        """The socket."""
        return self._host.path

    def tell(self, story: Story) -> Story:
        """From now on this is what happens at the story's path."""
        self._stories[story.path] = story
        return story

    def _request(self, served: Served) -> None:
        assert served.head is not None
        target = urlsplit(served.head.target)
        story = self._stories.get(target.path)
        if story is None:
            served.refuse(404, "Not Found")
            return
        after = parse_qs(target.query).get("after", [""])[0]
        number = len(story.attempts)
        story.attempts.append(Attempt(time.monotonic(), int(after) if after.isdigit() else None, connection=served))
        if number >= MOST:
            return
        step = story.steps[min(number, len(story.steps) - 1)]
        task = asyncio.ensure_future(self._play(story, step, story.attempts[-1], served))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _play(self, story: Story, step: Step, attempt: Attempt, served: Served) -> None:
        try:
            await step(story, attempt, served)
        finally:
            attempt.over = attempt.over or time.monotonic()


def refuses(status: int, reason: str = "No", retry_after: int | None = None) -> Step:
    """Answers the handshake with another status."""

    async def step(_: Story, __: Attempt, served: Served) -> None:
        served.refuse(status, reason, [("Retry-After", str(retry_after))] if retry_after is not None else ())

    return step


async def says_nothing(_: Story, __: Attempt, served: Served) -> None:
    """Ends the connection before there is an answer, as a proxy does that has lost its server."""
    served.hang_up()


def closes(code: int | None, reason: str = "") -> Step:
    """Accepts, and closes at once."""

    async def step(_: Story, __: Attempt, served: Served) -> None:
        served.accept()
        served.close(code, reason)

    return step


def sends(
    count: int, then: int | str | None = 1000, *, twice: int = 0, pause: float = 0.0, in_fragments: bool = False
) -> Step:
    """Sends so many items, of which the first `twice` were sent before, and then closes with a code, or does what a word says.

    "cut": no close frame. "half": another item of which only half arrives, and no close frame. "vanish": nothing any more,
    and no sign of it. `pause`: seconds between the last item but one and the last one, in which pings are answered.
    """

    async def step(story: Story, attempt: Attempt, served: Served) -> None:
        after = story.first if attempt.after is None else attempt.after
        served.accept()
        numbers = [*range(max(1, after + 1 - twice), after + 1), *range(after + 1, after + 1 + count)]
        for number in numbers:
            if pause and number == numbers[-1]:
                await asyncio.sleep(pause)
            item = story.item(number)
            text = json.dumps(item)
            served.send(text, pieces=(3, 9) if in_fragments else ())
            if number > after:
                story.sent[number] = item
        if then == "half":
            data = Frame(TEXT, json.dumps(story.item(after + count + 1)).encode()).write(mask=False)
            served.send_bytes(data[: len(data) // 2])
        if then in ("cut", "half"):
            served.hang_up()
        elif then == "vanish":
            served.vanish()
            attempt.over = time.monotonic()
            try:
                await served.ended(SILENCE)
            except Silence:
                served.cut()
        else:
            served.close(then if isinstance(then, int) else None)
            attempt.over = time.monotonic()
            await served.ended(PATIENCE)

    return step
