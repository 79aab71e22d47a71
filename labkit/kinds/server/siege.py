"""An honest client and somebody who floods, at a server that broadcasts what is said; and a picture of how long the honest one waits.

seen = besieged(text)
draw(seen, "In October …")
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from dataclasses import dataclass, field

from labkit.kinds.server.desk import Desk
from labkit.kinds.server.in_notebook import watch
from labkit.kinds.websocket.connection import Client, Ended, Refused, Silence
from labkit.kinds.websocket.frames import PING, Frame, Violation

LASTS, BEGINS, ENDS = 4.0, 1.0, 3.0  # seconds: of the whole, and of the attack
EVERY = 0.1  # seconds between two things that the honest client says
TURNS = 20  # of the attack
WORDS, PINGS, CONNECTIONS = 3_000, 6_000, 40  # of the whole attack
PATIENCE = 20.0  # seconds after which nobody waits any more
USER, ATTACKER = "ada", "mallory"


@dataclass
class Siege:
    """What the honest client met: `waits` are pairs of when it said something and how long it took to hear it, in seconds."""

    waits: list[tuple[float, float]] = field(default_factory=list)
    noise: int = 0  # things that it had to hear from the attacker
    open: int = 0  # connections that the attacker got
    lost: bool = False  # the honest client's connection ended

    @property
    def longest(self) -> float:
        """Seconds."""
        return max((wait for _, wait in self.waits), default=0.0)


def besieged(text: str) -> Siege:
    """A siege of a server of this text. What went wrong is printed; then there may be no `waits`."""
    seen = Siege()

    async def scene(desk: Desk) -> None:
        await siege(desk, seen)

    watch(text, scene, seconds=60)
    return seen


async def siege(desk: Desk, seen: Siege) -> None:
    """See above."""
    honest = await desk.client("/", headers=coming(USER, "192.0.2.1"))
    began = time.monotonic()
    said: dict[str, float] = {}
    attack = asyncio.create_task(attacking(desk, seen, began))
    hearing = asyncio.create_task(hear(honest, said, seen, began))
    while (now := time.monotonic() - began) < LASTS:
        text = secrets.token_hex(4)
        said[text] = now
        honest.send(text)
        await asyncio.sleep(EVERY)
    await attack
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hearing, PATIENCE)
    over = time.monotonic() - began
    seen.waits += [(at, over - at) for at in said.values()]
    seen.waits.sort()


async def hear(honest: Client, said: dict[str, float], seen: Siege, began: float) -> None:
    """Takes what the honest client hears until it has said all, and heard all of it."""
    with contextlib.suppress(Ended, Violation):
        while True:
            try:
                message = message_of((await honest.receive(EVERY)).content)
            except Silence:
                if not said and time.monotonic() - began > LASTS:
                    return
                continue
            if message.get("from") == ATTACKER:
                seen.noise += 1
            elif (at := said.pop(str(message.get("text")), None)) is not None:
                seen.waits.append((at, time.monotonic() - began - at))
    seen.lost = True


def message_of(content: str | bytes) -> dict[str, object]:
    """A JSON object; one without fields where a server says something else, of which nobody waits for anything."""
    with contextlib.suppress(ValueError, RecursionError):
        if isinstance(message := json.loads(content), dict):
            return message
    return {}


async def attacking(desk: Desk, seen: Siege, began: float) -> None:
    """One attacker with many connections, who reads nothing and leaves at the end."""
    await asyncio.sleep(max(0.0, began + BEGINS - time.monotonic()))
    attackers: list[Client] = []
    for _ in range(CONNECTIONS):
        with contextlib.suppress(Refused, Silence, Violation):
            attackers.append(await desk.client("/", headers=coming(ATTACKER, "198.51.100.7")))
            attackers[-1].pause()
    seen.open = len(attackers)
    for turn in range(TURNS):
        for number in range(WORDS // TURNS if attackers else 0):
            attackers[number % len(attackers)].send("buy my violin")
        for number in range(PINGS // TURNS if attackers else 0):
            attackers[number % len(attackers)].send_frame(Frame(PING))
        after = BEGINS + (ENDS - BEGINS) * (turn + 1) / TURNS
        await asyncio.sleep(max(0.0, began + after - time.monotonic()))
    for attacker in attackers:
        attacker.cut()


def coming(user: str, address: str) -> list[tuple[str, str]]:
    """What the proxy writes about somebody."""
    return [("X-User", user), ("X-Forwarded-For", address)]


def draw(seen: Siege, finding: str) -> None:
    """Shows how long the honest client waited for each thing that it said, with the alternative text."""
    import matplotlib.pyplot as plt

    from labkit.pages.figure import show_figure

    figure, axes = plt.subplots(figsize=(10, 2.6), layout="constrained")
    axes.axvspan(BEGINS, ENDS, color="0.92")
    axes.annotate("the attack", ((BEGINS + ENDS) / 2, 0.95), xycoords=("data", "axes fraction"), ha="center", va="top")
    slow = [wait > 0.5 for _, wait in seen.waits]
    for is_slow, colour in ((False, "tab:blue"), (True, "tab:red")):
        points = [point for point, late in zip(seen.waits, slow, strict=True) if late is is_slow]
        axes.scatter([at for at, _ in points], [max(wait, 1e-4) for _, wait in points], color=colour, s=14)
    axes.axhline(0.5, color="0.6", linewidth=1, linestyle=":")
    axes.set(title=finding, xlabel="seconds", ylabel="seconds until\nit is heard", yscale="log", ylim=(5e-4, 30))
    axes.spines[["top", "right"]].set_visible(False)
    show_figure(figure, f"{finding}. {told(seen)}")


def told(seen: Siege) -> str:
    """The picture in words."""
    late = sum(wait > 0.5 for _, wait in seen.waits)
    lost = " Then the honest client's connection ended." if seen.lost else ""
    return (
        f"Of {len(seen.waits)} things that the honest client said, {late} were heard later than half a second. "
        f"The attacker got {seen.open} of {CONNECTIONS} connections.{lost}"
    )
