"""Rules against checks: each rule that a task prints, and the checks that keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labkit import course, source
from labkit.authoring.release import lab_checks


@dataclass(frozen=True)
class Kept:
    """One lab's rules in the order of its task, each with the checks that keep it; `unknown` are rules that only checks name."""

    lab: str
    rules: dict[str, list[str]]
    unknown: dict[str, list[str]]

    @property
    def broken(self) -> list[str]:
        """What is wrong: a rule that no check keeps, and a check that keeps what is no rule."""
        return [f"{self.lab}: no check keeps the rule {name!r}" for name, by in self.rules.items() if not by] + [
            f"{self.lab}: {', '.join(by)} keeps {name!r}, which no sentence of the task is marked with"
            for name, by in self.unknown.items()
        ]

    def lines(self) -> Iterator[str]:
        """The table, a line for each rule."""
        yield self.lab
        for name, by in self.rules.items():
            yield f"  {name:<28} {', '.join(by) or '– no check'}"


def kept(lab: course.Lab, lab_source: source.Source) -> Kept:
    """Who keeps which rule of a lab."""
    rules: dict[str, list[str]] = {name: [] for name in lab_source.rules()}
    unknown: dict[str, list[str]] = {}
    for hidden in (False, True):
        for test, check in lab_checks(lab, hidden).items():
            for name in check.keeps:
                (rules if name in rules else unknown).setdefault(name, []).append(test)
    return Kept(lab.key, rules, unknown)
