"""Requests over time: coloured by the version that answered, with the failed ones on top."""

from __future__ import annotations

from collections import Counter

from labkit.pages.figure import show_figure
from labkit.services.cluster.load import Run

COLOURS = ("tab:blue", "tab:green", "tab:purple", "tab:olive")
BIN = 0.5  # seconds


def load_figure(runs: list[tuple[str, Run]]) -> None:
    """One row a run; each row's title is what it found."""
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(len(runs), 1, figsize=(10, 1.9 * len(runs) + 0.6), layout="constrained", squeeze=False)
    for axes, (name, run) in zip(rows[:, 0], runs, strict=True):
        draw(axes, run)
        axes.set_title(f"{name}: {finding(run)}", loc="left")
    rows[-1, 0].set_xlabel("seconds")
    show_figure(figure, "; ".join(f"{name}: {finding(run)}" for name, run in runs))


def finding(run: Run) -> str:
    """What a run found, in words."""
    if not run.requests:
        return "no request was made"
    failed = len(run.failed)
    if not failed:
        return f"all of {len(run.requests):,} requests served"
    reasons = ", ".join(f"{count} {reason}" for reason, count in run.reasons().items())
    return f"{failed:,} of {len(run.requests):,} requests failed ({reasons})"


def draw(axes: object, run: Run) -> None:
    """Stacked bars of half a second."""
    last = max((request.at for request in run.requests), default=0.0)
    bins = range(int(last / BIN) + 1)
    below = [0] * len(bins)
    groups = [(version, COLOURS[n % len(COLOURS)]) for n, version in enumerate(sorted(run.versions()))]
    for version, colour in [*groups, ("failed", "tab:red")]:
        wanted = (
            run.failed if version == "failed" else [one for one in run.requests if one.ok and one.version == version]
        )
        counts = Counter(int(request.at / BIN) for request in wanted)
        heights = [counts[n] for n in bins]
        label = version if version == "failed" else f"version {version}"
        if any(heights):
            axes.bar([n * BIN for n in bins], heights, BIN, bottom=below, color=colour, label=label, align="edge")  # type: ignore[attr-defined]
        below = [a + b for a, b in zip(below, heights, strict=True)]
    axes.set_ylabel("requests")  # type: ignore[attr-defined]
    axes.legend(loc="lower right", fontsize=8)  # type: ignore[attr-defined]
