"""Thousands of phones that wait, and what a server weighs with them: for a lab's own cells, with pictures.

seen = filled(text)                         # until 10,000 are there, or the server's memory is used up
draw(seen, "In October …")
costs = cost_of_one({"nothing": text, …})   # kB of memory for each phone
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from labkit.kinds.server.desk import Desk
from labkit.kinds.server.in_notebook import watch
from labkit.kinds.server.weight import can_weigh, weigh
from labkit.kinds.websocket.connection import Ended, Refused, Silence
from labkit.kinds.websocket.crowd import Crowd, Unheard, room
from labkit.kinds.websocket.frames import Violation
from labkit.kinds.websocket.instance import LIMITS
from labkit.sandbox import Limits
from labkit.sandbox.limits import MiB

PHONES, STEP = 10_000, 500
CEILING = 320 * MiB  # of the pod
SAMPLE = 300  # phones with which one phone's cost is measured
PATIENCE = 10.0  # seconds in which nobody is let in
TEXT = "Is anybody there?".ljust(300)
ENDS = (Ended, Refused, Silence, Violation, Unheard, OSError)


@dataclass
class Filled:
    """How a server filled up: `points` are pairs of how many phones were there and the MB that it took."""

    points: list[tuple[int, float]] = field(default_factory=list)
    wanted: int = 0  # phones: fewer than 10,000 where a process may not open so many files
    why: str = ""  # why it did not take all

    @property
    def phones(self) -> int:
        """How many were there at the end."""
        return self.points[-1][0] if self.points else 0

    @property
    def megabytes(self) -> float:
        """What it took at the end."""
        return self.points[-1][1] if self.points else 0.0


def pod(phones: int, memory: int = CEILING) -> Limits:
    """What a pod lets the server have, for so many phones."""
    addresses = max(2 * memory, 1_024 * MiB)
    return replace(LIMITS, memory=memory, addresses=addresses, open_files=phones + 200, cpu_seconds=60, output=16 * MiB)


def filled(text: str, phones: int = PHONES) -> Filled:
    """Phones come to a server of this text, and each says something, until all are there or the server is gone."""
    seen = Filled(wanted=room(phones))
    if seen.wanted < phones:
        print(f"This machine lets a process open only so many files: {seen.wanted:,} phones instead of {phones:,}.")

    async def scene(desk: Desk) -> None:
        await asyncio.to_thread(_fill, desk, seen)
        if seen.phones < seen.wanted:
            await desk.instance.ended(1)
            seen.why = desk.instance.why_it_ended() or seen.why

    watch(text, scene, seconds=120, limits=pod(seen.wanted))
    return seen


def _fill(desk: Desk, seen: Filled) -> None:
    with Crowd(desk.instance.path) as crowd:
        try:
            while len(crowd) < seen.wanted:
                _come(crowd, min(STEP, seen.wanted - len(crowd)))
                if not can_weigh(desk.instance.tree):
                    seen.why = "This machine does not show what the server's process weighs."
                    return
                seen.points.append((len(crowd), weigh(desk.instance.tree).megabytes))
        except ENDS as error:
            seen.why = str(error)


def _come(crowd: Crowd, count: int) -> None:
    """So many more; each says something, and is answered."""
    crowd.grow(count, PATIENCE)
    new = crowd.latest(count)
    crowd.say(TEXT, new)
    crowd.hear(TEXT, PATIENCE, new)


def cost_of_one(servers: Mapping[str, str]) -> dict[str, float]:
    """Memory of one phone in kB, at servers of these texts that echo. One that does not is left out, and what went wrong is printed."""
    found: dict[str, float] = {}
    for name, text in servers.items():
        weights: list[int] = []

        async def scene(desk: Desk, weights: list[int] = weights) -> None:
            await asyncio.to_thread(_weigh_some, desk, weights)

        watch(text, scene, limits=pod(2 * SAMPLE))
        if len(weights) == 2:
            found[name] = (weights[1] - weights[0]) / SAMPLE / 1000
    return found


def _weigh_some(desk: Desk, weights: list[int]) -> None:
    with Crowd(desk.instance.path) as crowd:
        _come(crowd, SAMPLE // 10)  # what is needed once
        if can_weigh(desk.instance.tree):
            weights.append(weigh(desk.instance.tree).memory)
            _come(crowd, SAMPLE)
            weights.append(weigh(desk.instance.tree).memory)


def draw_costs(costs: Mapping[str, float], finding: str) -> None:
    """Shows what a phone costs at each server, with the alternative text."""
    import matplotlib.pyplot as plt

    from labkit.pages.figure import show_figure

    figure, axes = plt.subplots(figsize=(10, 0.7 + 0.35 * max(1, len(costs))), layout="constrained")
    bars = axes.barh(list(costs), list(costs.values()), color="tab:blue")
    axes.bar_label(bars, fmt="%.0f kB", padding=3)
    axes.set(title=finding, xlabel="kB of memory for each phone", xmargin=0.12)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    show_figure(figure, f"{finding}. " + "; ".join(f"{name}: {cost:.0f} kB" for name, cost in costs.items()) + ".")


def draw(seen: Filled, finding: str, before: Filled | None = None) -> None:
    """Shows how the memory grew with the phones, with `before` in grey, and the pod's limit; with the alternative text."""
    import matplotlib.pyplot as plt

    from labkit.pages.figure import show_figure

    figure, axes = plt.subplots(figsize=(10, 2.8), layout="constrained")
    limit = CEILING / 1e6
    for one, colour, name in ((before, "0.6", "October:"), (seen, "tab:blue" if not seen.why else "tab:red", "")):
        if one and one.points:
            axes.plot(*zip(*one.points, strict=True), color=colour, marker="." if len(one.points) == 1 else None)
            axes.annotate(
                f"{name} {one.phones:,} phones".strip(),
                one.points[-1],
                (6, -12),
                textcoords="offset points",
                color=colour,
            )
    axes.axhline(limit, color="tab:red", linewidth=1, linestyle=":")
    axes.annotate("the pod's memory", (0, limit), (2, 3), textcoords="offset points", color="tab:red", fontsize=8)
    axes.set(title=finding, xlabel="phones that wait", ylabel="MB of the server")
    axes.set(xlim=(0, PHONES * 1.15), ylim=(0, limit * 1.15))
    axes.spines[["top", "right"]].set_visible(False)
    show_figure(figure, f"{finding}. {told(seen)}")


def told(seen: Filled) -> str:
    """The picture in words."""
    end = f" {seen.why}" if seen.why else ""
    return f"With {seen.phones:,} phones of {seen.wanted:,} the server takes {seen.megabytes:.0f} MB.{end}"
