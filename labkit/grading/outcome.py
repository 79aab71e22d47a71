"""What came of a run of `labkit grade`, and how it is told."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field

from rich.console import Console

from labkit.grading import audit
from labkit.grading.engine import Judged

SHOWN = 5  # of the checks that fail most, and of the slowest notebooks


@dataclass
class Outcome:
    """What came of a run. `before` is what the notebooks had that were judged earlier, too."""

    before: dict[tuple[str, str], audit.Entry]
    judged: list[Judged] = field(default_factory=list)
    kept: int = 0
    stale: int = 0
    bad: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, judged: Judged) -> None:
        """Takes note of what was judged."""
        who = f"{judged.work.student}, {judged.work.lab.name}"
        if judged.fault:
            self.faults.append(f"{who}: not graded: {judged.fault}")
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
                console.print(f"{'gains' if gain > 0 else 'loses'} {abs(gain):g}: {who}", markup=False)

    def summarise(self, console: Console, marked: int) -> None:
        """The last lines: notes, faults, checks by how often they failed, the slowest, and the numbers of it all."""
        failed = collections.Counter(
            f"{judged.work.lab.name}: {verdict.check}"
            for judged in self.judged
            for verdict in judged.verdicts
            if verdict.outcome == "fail"
        )
        for remark in self.remarks:
            console.print(f"Note: {remark}", markup=False, soft_wrap=True)
        for line in [*self.bad, *self.faults]:
            console.print(line, markup=False, style="red", soft_wrap=True)
        for check, count in failed.most_common(SHOWN):
            console.print(f"failed {count} times: {check}", markup=False)
        for judged in sorted(self.judged, key=lambda judged: -judged.seconds)[:SHOWN]:
            console.print(f"{judged.seconds:.1f} s: {judged.work.student}, {judged.work.lab.name}", markup=False)
        if self.stale:
            console.print("The checks have changed since: --regrade --dry-run shows who would gain and who would lose.")
        console.print(
            f"{len(self.judged)} judged, {self.kept} judged before, {self.stale} judged by older checks, "
            f"{len(self.bad)} unreadable, {len(self.faults)} faults of the course; {marked} students are marked",
            soft_wrap=True,
        )
