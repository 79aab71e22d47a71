"""What happened on connections, as a picture: time from left to right, the client's side over the server's, and what should not be in red."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from labkit.kinds.websocket.connection import Event

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 40  # events of a connection that are drawn; alternative text has fewer
TOLD = 12
COLOURS = {"close": "tab:green", "ping": "0.6", "pong": "0.6", "open": "tab:olive", "vanished": "tab:orange"}
WRONG = "tab:red"
IMPORTANT = ("close", "cut", "refused", "vanished", "violation")
WIDTH = 0.0065  # of a character, as a part of the picture's width
NO_ARROW = ("end", "cut", "vanished", "violation")
Log = Sequence[Event]


def no_close_frame(event: Event) -> bool:
    """Whether the other side ended a connection without a close frame, or broke the protocol."""
    return event.who == "them" and event.kind in ("cut", "violation")


def timeline(
    logs: Sequence[Log],
    title: str,
    *,
    us: Literal["client", "server"] = "client",
    names: Sequence[str] = (),
    wrong: Callable[[Event], bool] = no_close_frame,
    marks: Mapping[str, float] | None = None,
) -> None:
    """Shows the connections, one band each, with their alternative text. `marks` are moments (monotonic seconds) with a name."""
    import matplotlib.pyplot as plt

    from labkit.pages.figure import show_figure

    logs = [[event for event in log if event.kind != "end"] for log in logs]
    start = min((log[0].at for log in logs if log), default=0.0)
    names = [*names, *(f"client {number}" for number in range(len(names) + 1, len(logs) + 1))][: len(logs)]
    figure, axes = plt.subplots(figsize=(11, 0.6 + 1.0 * max(1, len(logs))), layout="constrained")
    for row, log in enumerate(logs):
        _band(axes, log[:MOST], -2.0 * row, start, us, wrong)
    for name, at in (marks or {}).items():
        axes.axvline(at - start, color="black", linewidth=1, linestyle=":")
        axes.annotate(name, (at - start, 1.25), ha="center", fontsize=8, annotation_clip=False)
    axes.set(title=title, xlabel="seconds", yticks=[0.5 - 2.0 * row for row in range(len(logs))], yticklabels=names)
    axes.set_ylim(-2.0 * len(logs) + 0.7, 1.5)
    axes.spines[["top", "right", "left"]].set_visible(False)
    show_figure(figure, f"{title}. {told(logs, start, names, us, wrong)}")


def told(
    logs: Sequence[Log], start: float, names: Sequence[str], us: str, wrong: Callable[[Event], bool] = no_close_frame
) -> str:
    """The picture in words."""
    parts = []
    for name, log in zip(names, logs, strict=False):
        shown = [event for event in log if event.kind not in ("ping", "pong", "fragment")][-TOLD:]
        said = [
            f"{_side(event, us)} {_label(event)} at {event.at - start:.2f} s{' (wrong)' if wrong(event) else ''}"
            for event in shown
        ]
        parts.append(f"{name}: {', '.join(said)}")
    return "; ".join(parts)


def _side(event: Event, us: str) -> str:
    other = "server" if us == "client" else "client"
    return us if event.who == "us" else other


def _label(event: Event) -> str:
    if event.kind == "open":
        return f"open {event.text.rpartition('?')[2]}"[:24]
    if event.kind in ("text", "binary"):
        return event.text if len(event.text) <= 18 else f"{event.text[:17]}…"
    if no_close_frame(event) and event.kind == "cut":
        return "no close frame: 1006"
    return f"{event.kind} {event.text}".strip()[:30] if event.kind in ("close", "refused") else event.kind


def _band(axes: Axes, log: Log, y: float, start: float, us: str, wrong: Callable[[Event], bool]) -> None:
    """One connection: a line for each side, and an arrow for what one of them sent."""
    if not log:
        return
    ends = [log[0].at - start, log[-1].at - start]
    for side in (y, y + 1):
        axes.plot(ends, [side, side], color="0.85", linewidth=4, zorder=0)
    for event in log:
        at, colour = event.at - start, _colour(event, wrong)
        begin, end = (y + 1, y) if _side(event, us) == "client" else (y, y + 1)
        if event.kind in NO_ARROW:
            axes.plot([at], [begin], marker="x", color=colour, markersize=9, markeredgewidth=2.5)
        else:
            axes.annotate(
                "", (at, end), (at, begin), arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1.4}
            )
    for event in _with_room(log, us, wrong):
        from_client = _side(event, us) == "client"
        axes.annotate(
            _label(event), (event.at - start, y + from_client), (0, 4 if from_client else -4),
            textcoords="offset points", fontsize=7, color=_colour(event, wrong), ha="center", va="bottom" if from_client else "top",
        )  # fmt: skip


def _colour(event: Event, wrong: Callable[[Event], bool]) -> str:
    return WRONG if wrong(event) else COLOURS.get(event.kind, "tab:blue")


def _with_room(log: Log, us: str, wrong: Callable[[Event], bool]) -> list[Event]:
    """The events whose label has room: first what is wrong, then ends, then the rest."""
    span = max(0.2, log[-1].at - log[0].at)
    order = sorted(
        (event for event in log if event.kind not in ("ping", "pong", "fragment")),
        key=lambda event: (not wrong(event), event.kind not in IMPORTANT, event.at),
    )
    placed: list[tuple[str, float, float, Event]] = []
    for event in order:
        half = WIDTH * len(_label(event)) * span / 2
        side = _side(event, us)
        if all(side != other or abs(event.at - at) > half + room for other, at, room, _ in placed):
            placed.append((side, event.at, half, event))
    return [event for *_, event in placed]
