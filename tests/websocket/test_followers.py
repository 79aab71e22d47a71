"""A learner's client, run many times beside each other: what it delivers and how it ends is told; what ruins the program is its author's."""

from __future__ import annotations

import pytest

from labkit.kinds.answer import AnswerError
from labkit.kinds.client.feed import Feed, Story, closes, refuses, sends
from labkit.kinds.client.followers import Followers
from tests.websocket.conftest import play

FOLLOW = """
import json
from websockets.asyncio.client import unix_connect

async def follow(path, uri, after, deliver):
    async with unix_connect(path, f"{uri}?after={after}") as feed:
        async for text in feed:
            deliver(json.loads(text))
    if feed.close_code != 1000:
        raise RuntimeError(f"ended with {feed.close_code}")
"""


def lived(sandbox, text, *stories, seconds=30):
    """The followers of these stories."""

    async def scene():
        async with Feed() as feed, Followers(sandbox, text, feed.path) as followers:
            told = [feed.tell(Story(f"/{number}", steps, first=10)) for number, steps in enumerate(stories)]
            run = [followers.follow(story.path, story.first) for story in told]
            for one in run:
                await one.ended(seconds)
            return list(zip(told, run, strict=True)), followers.why_it_ended()

    return play(scene())


def test_they_deliver_and_end_each_by_itself(anywhere):
    found, why = lived(anywhere, FOLLOW, [sends(3)], [sends(2, 1001)], [refuses(403)], [closes(4001)])
    (all_of_it, one), (_, going), (_, refused), (_, closed) = found
    assert one.delivered == all_of_it.wanted
    assert [item["id"] for item in one.delivered] == [11, 12, 13]
    assert (one.outcome, going.outcome, refused.outcome, closed.outcome) == (
        "returned", "RuntimeError", "InvalidStatus", "ConnectionClosedError",
    )  # fmt: skip
    assert "ended with 1001" in going.error
    assert why == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "defines no coroutine follow"),
        ("def follow(*_): pass", "defines no coroutine follow"),
        ("\nimport nothing_of_that_name", "line 2: ModuleNotFoundError"),
        ("async def follow(:", "line 1: SyntaxError"),
        ("import os\nos._exit(3)", "ended the whole program"),
    ],
)
def test_a_program_that_cannot_be_used_says_why(anywhere, text, said):
    with pytest.raises(AnswerError, match=said):
        lived(anywhere, text, [sends(1)])


@pytest.mark.parametrize(
    "body",
    [
        "import os; os._exit(0)",
        "while True: deliver({'x': 'y' * 1000})",
        "deliver('x' * 10_000_000)",
        "raise SystemExit",
        "deliver({1, 2})",
    ],
)
def test_one_that_runs_wild_is_no_fault_of_ours(anywhere, body):
    text = f"async def follow(path, uri, after, deliver):\n    {body}\n"
    found, _ = lived(anywhere, text, [sends(1)], seconds=3)
    assert found[0][1].delivered != found[0][0].wanted or not found[0][0].wanted
