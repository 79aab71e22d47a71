"""Answers that train, register or use models: functions that are called one at a time, with a place of an MLflow server. And for a
lab's own cells: that place, its user interface, and its runs as a table.

Importing this costs next to nothing: what a lab needs is imported when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.open_lab import current

if TYPE_CHECKING:
    from labkit.services.mlflow.place import Place

__all__ = ["open_ui", "place", "show_runs"]


def place() -> Place:
    """The open lab's place on the MLflow server; `place().uri` is its tracking URI. Raises CourseError when no lab is open."""
    return current().place("mlflow")


def open_ui() -> None:
    """Shows a button that opens the MLflow user interface of the lab's place."""
    from labkit.kinds.model import ui
    from labkit.pages.page import show

    show(ui.page(place()))


def show_runs() -> None:
    """Shows the runs of the lab's place, the newest first."""
    from mlflow import MlflowClient

    from labkit.kinds.model.runs import runs
    from labkit.pages.page import show
    from labkit.pages.table import table

    show(table(runs(MlflowClient(place().uri))))
