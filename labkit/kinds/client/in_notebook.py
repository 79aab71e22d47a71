"""A client: it follows a feed that is cut, refused and restarted, and what it delivered is said. And feeds of a lab's own cells."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labkit.kinds.answer import AnswerError
from labkit.kinds.client.feed import Feed, Step, Story, refuses, sends
from labkit.kinds.client.followers import Follower, Followers
from labkit.kinds.websocket.connection import Event
from labkit.kinds.websocket.stage import Stage
from labkit.machine.fault import ServiceFault
from labkit.pages import waiting
from labkit.pages.page import Page, failed, plural, quiet
from labkit.sandbox import Unsafe, choose

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab

SECONDS = 12.0  # for a client to live through what it meets
TRIED: list[Step] = [sends(3, "cut"), sends(2, 1012), refuses(503), sends(2)]


@dataclass
class Lived:
    """A client and what it met."""

    story: Story
    client: Follower

    @property
    def log(self) -> list[Event]:
        """What happened on all of its connections, one after the other."""
        events = [event for attempt in self.story.attempts if attempt.connection for event in attempt.connection.log]
        return sorted(events, key=lambda event: event.at)


def run(text: str, session: OpenLab, name: str) -> Page:
    """Follows a feed that is cut, restarted, not there for a moment, and then over; says what was delivered, and in how many connections."""
    try:
        (one,) = _watched(text, [TRIED])
    except AnswerError as error:
        return failed(str(error))
    except OSError as error:
        raise ServiceFault(f"The client could not be started here ({error}). Run `labkit doctor`.") from error
    ids = [item.get("id") if isinstance(item, dict) else item for item in one.client.delivered]
    how = one.client.error or (one.client.outcome and "follow returned") or f"follow had not ended after {SECONDS:g} s"
    said = (
        f"A feed with ids {', '.join(map(str, sorted(one.story.sent))) or 'nobody asked for'}: cut after 3, restarted after 2 more, "
        f"503, then 2 more and the end. Delivered: {', '.join(map(str, ids)) or 'nothing'}. "
        f"{plural(len(one.story.attempts), 'attempt')}; {how}."
    )
    return quiet(said)


def watch(text: str, *stories: Sequence[Step], seconds: float = SECONDS) -> list[Lived]:
    """Lets one client of this text live through each story, all at the same time. What is wrong with the text is printed."""
    try:
        return _watched(text, stories, seconds)
    except AnswerError as error:
        print(error)
        return []


def _watched(text: str, stories: Sequence[Sequence[Step]], seconds: float = SECONDS) -> list[Lived]:
    def play() -> list[Lived]:
        with Stage() as stage:
            return stage.run(_play(text, stories, seconds))

    return waiting.run(play, "The client is at work")


async def _play(text: str, stories: Sequence[Sequence[Step]], seconds: float) -> list[Lived]:
    async with Feed() as feed, Followers(choose() or Unsafe(), text, feed.path) as followers:
        lived = []
        for steps in stories:
            story = feed.tell(Story(f"/prices/{secrets.token_hex(3)}", steps, seed=secrets.randbits(32)))
            lived.append(Lived(story, followers.follow(story.path, 0)))
        assert followers.finished is not None
        over = asyncio.gather(*(one.client.ended(seconds) for one in lived))
        await asyncio.wait([over, followers.finished], return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if why := followers.why_it_ended():
            raise AnswerError(why)
    return lived
