"""Four ways, step by step: where each ends before the repair, and after it."""

from __future__ import annotations

from labkit.kinds.diagnosis.steps import SERVED, STEPS
from labkit.pages.figure import show_figure

WORDS = ("pod placed", "program runs", "ready", "Service finds it", "served")


def ways_figure(before: dict[str, int], after: dict[str, int]) -> None:
    """One panel each; `after` may be empty."""
    import matplotlib.pyplot as plt

    panels = [("at 03:00", before), ("after your repair", after)]
    figure, both = plt.subplots(1, 2, figsize=(10, 2.4), sharey=True, layout="constrained")
    for axes, (when, ends) in zip(both, panels, strict=True):
        for row, end in enumerate(ends.values()):
            axes.plot(
                [-0.5, end - 0.5 if end < SERVED else SERVED], [row, row], c="tab:green", lw=5, solid_capstyle="butt"
            )
            if end < SERVED:
                axes.plot(end, row, "X", c="tab:red", ms=11)
            else:
                axes.plot(SERVED, row, "o", c="tab:green", ms=11)
        axes.set(xlim=(-0.6, SERVED + 0.4), xticks=range(len(WORDS)), title=when)
        axes.set_xticklabels(WORDS, fontsize=8, rotation=12)
        if not ends:
            axes.text(SERVED / 2, len(before) / 2 - 0.5, "no repair has served all customers yet", ha="center")
    both[0].set(yticks=range(len(before)), yticklabels=list(before), ylim=(len(before) - 0.5, -0.5))
    served = sum(end == SERVED for end in after.values())
    steps = len(set(before.values()))
    title = f"One symptom, {steps} different ends" + (
        f"; after your repair {served} of {len(after)} serve" if after else ""
    )
    figure.suptitle(title)
    told = ", ".join(f"{name} ended before: {STEPS[end]}" for name, end in before.items() if end < SERVED)
    show_figure(figure, f"{title}. {told}.")
