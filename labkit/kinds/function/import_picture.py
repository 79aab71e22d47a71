"""The bars of import time: what an instance imports until its first answer, by package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.kinds.function.import_time import VARIABLE, by_package, imports
from labkit.pages.figure import show_figure
from labkit.services.functions.settings import Settings

if TYPE_CHECKING:
    from labkit.services.functions.client import FunctionHandle


def imported(function: FunctionHandle, event: Any) -> dict[str, float]:
    """Milliseconds by top package, until a new instance answered the event."""
    environment = {**function.settings.environment, VARIABLE: "1"}
    settings = Settings.from_json({**function.settings.to_json(), "environment": environment})
    traced = function.copy(f"{function.name}-traced", settings)
    try:
        return by_package(imports(traced.invoke(event).log))
    finally:
        traced.remove()


def show_imports(functions: dict[str, FunctionHandle | None], event: Any, title: str) -> None:
    """One stacked bar a function, so that they can be compared. `title` may have the last one's sum as {ms}."""
    import matplotlib.pyplot as plt

    there = {name: imported(function, event) for name, function in functions.items() if function}
    packages = list(dict.fromkeys(package for found in there.values() for package in found))
    colours = dict(zip(packages, plt.get_cmap("tab20")(range(len(packages))), strict=True))
    figure, axes = plt.subplots(figsize=(11, 1.2 + 0.6 * len(there)), layout="constrained")
    for place, found in enumerate(there.values()):
        left = 0.0
        for package, ms in found.items():
            axes.barh(place, ms, left=left, color=colours[package], label=package)
            if ms > 0.06 * max(sum(f.values()) for f in there.values()):
                axes.text(left + ms / 2, place, package, ha="center", va="center", fontsize=8)
            left += ms
    sums = {name: sum(found.values()) for name, found in there.items()}
    title = title.format(ms=f"{list(sums.values())[-1]:,.0f} ms")
    axes.set(title=title, xlabel="milliseconds of import")
    axes.set_yticks(range(len(there)), list(there))
    axes.invert_yaxis()
    show_figure(figure, f"{title}: " + "; ".join(f"{name} imports for {ms:,.0f} ms" for name, ms in sums.items()))
