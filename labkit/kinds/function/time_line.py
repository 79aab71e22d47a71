"""A picture of what instances did: one row an instance, its init, its events, its frozen time and its end; and the bill beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.pages.figure import show_figure

if TYPE_CHECKING:
    from labkit.services.functions.client import FunctionHandle, History

COLOURS = {"start": "lightgrey", "init": "tab:orange", "run": "tab:blue", "idle": "tab:blue", "frozen": "lightblue"}
WORDS = {"start": "sandbox starts", "init": "init", "run": "event", "frozen": "frozen"}
ENDS = {
    "recycled": "recycled",
    "killed": "killed",
    "timeout": "time limit",
    "exit": "exited",
    "memory": "memory",
    "init": "init failed",
}
MOST = 20  # instances that are drawn


def show_time_line(function: FunctionHandle, title: str = "") -> None:
    """Shows it. Without a title it says how many instances and cold starts there were, and what they cost."""
    import matplotlib.pyplot as plt

    history = function.history()
    bill = history.bill
    numbers = sorted({span.instance for span in history.spans})[-MOST:]
    figure, axes = plt.subplots(figsize=(11, 0.9 + 0.32 * max(1, len(numbers))), layout="constrained")
    for span in history.spans:
        if span.instance in numbers:
            label = WORDS.get(span.state, "")
            place, colour = numbers.index(span.instance), COLOURS[span.state]
            axes.barh(place, span.end - span.begin, left=span.begin, color=colour, height=0.7, label=label)
            if span.state == "run":
                axes.plot(span.begin, place, marker="v", color="black", markersize=5)
    _ends(axes, history, numbers)
    cost = f"{bill.invocations} events, {bill.cold_starts} cold starts, {bill.gb_ms:,.0f} GB-ms"
    axes.set(title=title or cost, xlabel=f"seconds; ▼ an event arrives. {cost if title else ''}")
    axes.set_yticks(range(len(numbers)), [f"instance {number}" for number in numbers])
    axes.invert_yaxis()
    shown = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(shown.values(), shown.keys(), loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    show_figure(figure, f"{title or cost}: a time line of {len(numbers)} instances. {cost}.")


def _ends(axes, history: History, numbers: list[int]) -> None:
    for end in history.ends:
        if end.instance in numbers and end.why in ENDS:
            axes.plot(end.at, numbers.index(end.instance), marker="x", color="tab:red", markersize=8)
            axes.annotate(
                ENDS[end.why], (end.at, numbers.index(end.instance)), (6, -3), textcoords="offset points", fontsize=8
            )
