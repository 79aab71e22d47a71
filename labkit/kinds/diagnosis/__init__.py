"""Answers that say what is wrong in a cluster; and for a lab's own cells: the incident, what customers see of it, and what was applied.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from labkit.kinds.open_lab import current

__all__ = ["begin", "customers", "draw_ways", "that_nights_manifest"]


def begin(number: int | None = None) -> None:
    """Lets the learner's incident happen in the lab's namespace, or the one of this number; whatever was repaired is broken again.

    Raises CourseError, ServiceFault.
    """
    from labkit.kinds.diagnosis.happen import happen, number_for
    from labkit.pages import waiting
    from labkit.pages.page import quiet, show

    lab = current()
    chosen = number or number_for(lab)
    waiting.run(lambda: happen(lab.place("cluster"), chosen), "The night begins")
    show(quiet(f"Incident {chosen}. It is 03:00."))


def customers() -> None:
    """Sends requests to each of the four Services, as customers do, and shows what came of them. Raises ServiceFault."""
    from labkit.kinds.diagnosis.happen import seen_by_customers
    from labkit.pages import waiting
    from labkit.pages.page import show

    at = current().place("cluster")
    show(waiting.run(lambda: seen_by_customers(at), "Calling the four Services"))


def that_nights_manifest(number: int | None = None) -> None:
    """Shows what was applied on the night of the learner's incident. Raises CourseError."""
    from labkit.kinds.diagnosis.happen import number_for
    from labkit.kinds.diagnosis.incident import incident
    from labkit.kinds.manifest.magics import output
    from labkit.pages.page import show

    show(output(incident(number or number_for(current())).manifest()))


def draw_ways(before: dict[str, int], after: dict[str, int]) -> None:
    """Draws at which step the way to each program ends, before the repair and after it."""
    from labkit.kinds.diagnosis.picture import ways_figure

    ways_figure(before, after)
