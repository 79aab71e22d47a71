"""An evening with three instances, of which one loses its database for a moment; and a picture of who heard what was promised.

seen = watched(text)
draw(seen, "In May …")
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field

from labkit.kinds.answer import AnswerError, Wrong
from labkit.kinds.server.desk import in_words
from labkit.kinds.server.fleet import NAMES, Fleet
from labkit.kinds.sql import database
from labkit.kinds.websocket.connection import Client
from labkit.kinds.websocket.stage import Stage
from labkit.pages import waiting
from labkit.sandbox import Unsafe, choose

LASTS, GONE, BACK = 3.0, 1.0, 2.0  # seconds: of the evening, and of the moment for which A has no database
EVERY = 0.05  # seconds between two messages
AFTERWARDS = 6.0  # seconds at most until what was promised is heard
LOOK = 0.05
A, SPEAKERS = 0, (1, 2)


@dataclass
class Said:
    """A message: when it was said, in seconds, whether it was acknowledged, and how often the member at each instance heard it."""

    at: float
    is_promised: bool = False
    heard: list[int] = field(default_factory=lambda: [0, 0, 0])

    @property
    def is_kept(self) -> bool:
        """Whether it was heard as it should be."""
        return all(count == 1 for count in self.heard)


def watched(text: str) -> list[Said]:
    """An evening at three servers of this text. What went wrong is printed; then the list may be short."""
    seen: dict[str, Said] = {}

    async def scene() -> None:
        async with Fleet(choose() or Unsafe(), text, database()) as fleet:
            await evening(fleet, seen)

    def play() -> list[Said]:
        with Stage() as stage:
            try:
                with in_words("/"):
                    stage.run(scene())
            except (AnswerError, Wrong) as error:
                print(error)
        return [said for said in seen.values() if said.is_promised]

    return waiting.run(play, "The evening is played")


async def evening(fleet: Fleet, seen: dict[str, Said]) -> None:
    """A member at each instance listens, others speak at B and C in turn; A's database is gone for a second."""
    room = f"hall {secrets.token_hex(4)}"
    members = [await fleet.client(where) for where in range(3)]
    speakers = [await fleet.client(where) for where in SPEAKERS]
    for member in members:
        member.send(json.dumps({"type": "join", "room": room}))
        await member.receive()
    began, number = time.monotonic(), 0
    while (now := time.monotonic() - began) < LASTS:
        _network(fleet, now)
        text = secrets.token_hex(8)
        seen[text] = Said(now)
        speakers[number % 2].send(json.dumps({"type": "say", "id": text, "room": room, "text": text}))
        number += 1
        await asyncio.sleep(EVERY)
    until = time.monotonic() + AFTERWARDS
    while time.monotonic() < until and not all(said.is_promised and said.is_kept for said in seen.values()):
        await asyncio.sleep(LOOK)
        for where, client in enumerate([*members, *speakers]):
            _take(client, where, seen)


def _network(fleet: Fleet, now: float) -> None:
    is_cut = GONE <= now < BACK
    if is_cut and not fleet.relay(A).is_held:
        fleet.cut_off(A)
    elif not is_cut and fleet.relay(A).is_held:
        fleet.reconnect(A)


def _take(client: Client, where: int, seen: dict[str, Said]) -> None:
    """Notes what a client was told."""
    while client.waiting:
        try:
            found = json.loads(client.waiting.pop(0).content)
            said = seen[found["id" if found["type"] == "ok" else "text"]]
        except (ValueError, TypeError, LookupError, RecursionError):
            continue
        if found["type"] == "ok":
            said.is_promised = True
        elif where < len(said.heard):
            said.heard[where] += 1


def draw(seen: list[Said], finding: str) -> None:
    """Shows what each member heard of what was acknowledged, with the alternative text."""
    import matplotlib.pyplot as plt

    from labkit.pages.figure import show_figure

    figure, axes = plt.subplots(figsize=(10, 2.2), layout="constrained")
    axes.axvspan(GONE, BACK, color="0.92")
    axes.annotate(
        "A has no database",
        ((GONE + BACK) / 2, 0.97),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="top",
        fontsize=8,
    )
    for name, wanted, colour, marker in KINDS:
        points = [(said.at, row) for said in seen for row, count in enumerate(said.heard) if wanted(count)]
        axes.scatter(
            [at for at, _ in points], [row for _, row in points], color=colour, marker=marker, s=22, label=name
        )
    axes.set(title=finding, xlabel="seconds", yticks=range(3), yticklabels=[f"at {name}" for name in NAMES[:3]])
    axes.set(ylim=(2.5, -0.9), xlim=(-0.1, LASTS + 0.1))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    show_figure(figure, f"{finding}. {told(seen)}")


KINDS = (
    ("heard", lambda count: count == 1, "tab:blue", "o"),
    ("never heard", lambda count: count == 0, "tab:red", "x"),
    ("heard again", lambda count: count > 1, "tab:orange", "s"),
)


def told(seen: list[Said]) -> str:
    """The picture in words."""
    parts = []
    for row, name in enumerate(NAMES[:3]):
        never = sum(said.heard[row] == 0 for said in seen)
        again = sum(said.heard[row] > 1 for said in seen)
        parts.append(f"the member at {name} never heard {never}, and {again} again")
    return f"Of {len(seen)} messages that were acknowledged, {'; '.join(parts)}."
