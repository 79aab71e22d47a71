"""The bar of a run of `labkit grade`: how many, how fast, how long still, and what is slow."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from labkit.grading.engine import Judged
from labkit.machine import told


class Rate(ProgressColumn):
    """Notebooks a minute, as of late."""

    def render(self, task: Task) -> Text:
        """Nothing before the first ones are done."""
        speed = task.finished_speed or task.speed
        return Text(f"{60 * speed:.0f} a minute" if speed else "", style="progress.data.speed")


class GradeProgress:
    """Lasts as long as its block. The slowest notebook so far stands beside the bar."""

    def __init__(self, console: Console, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
        self._bar = Progress(
            *columns, TextColumn("{task.fields[slowest]}", markup=False), console=console, transient=True
        )
        self._task = self._bar.add_task("Judging", total=total, slowest="")
        self._slowest = 0.0

    def add(self, judged: Judged) -> None:
        """One more is judged."""
        if judged.seconds > self._slowest:
            self._slowest = judged.seconds
            slowest = f"slowest: {told.line(judged.work.student, 40)}, {judged.work.lab.name}, {judged.seconds:.1f} s"
            self._bar.update(self._task, slowest=slowest)
        self._bar.advance(self._task)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
