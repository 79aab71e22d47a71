"""What came of a run of `labkit grade`, and how it is told."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field

from rich.console import Console

from labkit.grading import audit
from labkit.grading.engine import Judged
from labkit.machine import told

SHOWN = 5  # of the checks that fail most, and of the slowest notebooks


@dataclass
class Outcome:
    """What came of a run. `before` is what the notebooks had that were judged earlier, too."""

    before: dict[tuple[str, str], audit.Entry]
    judged: list[Judged] = field(default_factory=list)
    students: dict[str, None] = field(default_factory=dict)  # who handed in a notebook of a lab, in order
    kept: int = 0
    stale: int = 0
    bad: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    faulty: set[str] = field(default_factory=set)  # the students whom a fault of the course leaves without a mark
    unmarked: list[str] = field(default_factory=list)  # who should have a mark, and has none

    def add(self, judged: Judged) -> None:
        """Takes note of what was judged."""
        who = f"{judged.work.student}, {judged.work.lab.name}"
        if judged.fault:
            self.faults.append(f"{who}: not graded: {judged.fault}")
            self.faulty.add(judged.work.student)
        else:
            self.judged.append(judged)
        if judged.remark:
            self.remarks.append(f"{who}: {judged.remark}")

    def show_changes(self, console: Console) -> None:
        """Who gains and who loses by the new judgement."""
        for judged in sorted(self.judged, key=lambda judged: judged.work.student):
            entry = self.before.get((judged.work.student, judged.work.lab.key))
            now = sum(verdict.earned for verdict in judged.verdicts)
            if entry and now != audit.earned(entry):
                gain = now - audit.earned(entry)
                who = f"{judged.work.student}, {judged.work.lab.name}"
                told.say(console, f"{'gains' if gain > 0 else 'loses'} {abs(gain):g}: {who}")

    def summarise(self, console: Console, marked: int) -> None:
        """The last lines: notes, faults, checks by how often they failed, the slowest, and the numbers of it all."""
        failed = collections.Counter(
            f"{judged.work.lab.name}: {verdict.check}"
            for judged in self.judged
            for verdict in judged.verdicts
            if verdict.outcome == "fail"
        )
        for remark in self.remarks:
            told.say(console, f"Note: {remark}")
        for line in [*self.bad, *self.faults, *self.unmarked]:
            told.say(console, line, "red")
        for check, count in failed.most_common(SHOWN):
            told.say(console, f"failed {count} times: {check}")
        for judged in sorted(self.judged, key=lambda judged: -judged.seconds)[:SHOWN]:
            told.say(console, f"{judged.seconds:.1f} s: {judged.work.student}, {judged.work.lab.name}")
        if self.stale:
            console.print("The checks have changed since: --regrade --dry-run shows who would gain and who would lose.")
        console.print(
            f"{len(self.judged)} judged, {self.kept} judged before, {self.stale} judged by older checks, "
            f"{len(self.bad)} unreadable, {len(self.faults)} faults of the course; {marked} students are marked"
            + (f", {len(self.unmarked)} have no mark" if self.unmarked else ""),
            soft_wrap=True,
        )
