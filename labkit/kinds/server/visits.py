"""Who is in, and who should be: visitors of a server that asks for tokens, and a picture of how long each one was there.

seen = watched(text)
draw(seen, "In March …")
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

from labkit.kinds.server.desk import Desk
from labkit.kinds.server.in_notebook import watch
from labkit.kinds.websocket.connection import Client, Refused, Silence
from labkit.kinds.websocket.frames import Violation

ORIGIN, OTHER = "https://chat.example", "https://pizza.example"
LASTS = 4.0  # seconds that a morning takes
MOMENT = 1.0  # seconds after which a token is over, for those whose token is


@dataclass
class Visit:
    """One visitor: moments in seconds since the morning began. `right` is until when it may be there; `until` is 0 for one that was refused."""

    who: str
    right: float
    since: float = 0.0
    until: float = 0.0

    @property
    def too_long(self) -> float:
        """Seconds that it was there and should not have been."""
        return max(0.0, self.until - max(self.since, self.right))


def watched(text: str) -> list[Visit]:
    """A morning at a server of this text. What went wrong is printed; then the list may be empty."""
    seen: list[Visit] = []

    async def scene(desk: Desk) -> None:
        seen.extend(await morning(desk))

    watch(text, scene, seconds=60)
    return seen


async def morning(desk: Desk) -> list[Visit]:
    """Five visitors come at once and say nothing."""
    began = time.monotonic()
    accounts = desk.accounts
    nurse, temp, guest = (accounts.issue(user) for user in ("nurse", "temp", "guest"))
    coming = {
        "the nurse": (nurse, ORIGIN, math.inf, True),
        "the temp, dismissed": (temp, ORIGIN, MOMENT, True),
        "a guest, token over": (guest, ORIGIN, MOMENT, True),
        "a page about pizza": (nurse, OTHER, 0.0, True),
        "a token in the URL": (nurse, ORIGIN, 0.0, False),
    }
    seen: list[tuple[Visit, Client | None]] = []
    for who, (token, origin, right, has_cookie) in coming.items():
        visit = Visit(who, right, time.monotonic() - began)
        headers = [("Origin", origin), ("Cookie", f"session={token}" if has_cookie else "")]
        try:
            client = await desk.client(f"/?token={token}", headers=headers)
        except (Refused, Silence, Violation):
            client = None
        seen.append((visit, client))
    accounts.lasts(guest, max(0.0, began + MOMENT - time.monotonic()))
    await asyncio.sleep(max(0.0, began + MOMENT - time.monotonic()))
    accounts.revoke(temp)
    await asyncio.sleep(max(0.0, began + LASTS - time.monotonic()))
    for visit, client in seen:
        if client:
            visit.until = (client.ending.at if client.ending else time.monotonic()) - began
    return [visit for visit, _ in seen]


def draw(seen: list[Visit], finding: str) -> None:
    """Shows how long each visitor was there, red where it should not have been, with the alternative text."""
    import matplotlib.pyplot as plt

    from labkit.pages.figure import show_figure

    figure, axes = plt.subplots(figsize=(10, 0.8 + 0.35 * max(1, len(seen))), layout="constrained")
    for row, visit in enumerate(seen):
        within = max(visit.since, min(visit.until, visit.right))
        axes.barh(row, within - visit.since, left=visit.since, color="tab:blue")
        axes.barh(row, visit.too_long, left=within, color="tab:red")
        if not visit.until:
            axes.annotate("refused", (visit.since, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set(title=finding, xlabel="seconds; red: without a right", xlim=(0, LASTS + 0.2))
    axes.set(yticks=range(len(seen)), yticklabels=[visit.who for visit in seen])
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    show_figure(figure, f"{finding}. {'; '.join(map(told, seen))}.")


def told(visit: Visit) -> str:
    """A visit in words."""
    if not visit.until:
        return f"{visit.who}: refused"
    wrong = f", {visit.too_long:.1f} s without a right" if visit.too_long > 0 else ""
    return f"{visit.who}: there for {visit.until - visit.since:.1f} s{wrong}"
