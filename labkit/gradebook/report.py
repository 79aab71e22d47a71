"""The examiner's report on a section: what stands on the page. The page itself is `report.html.j2`.

The page stands alone, and nothing in it is believed: Jinja escapes all that comes from an answer or a name, and the page's
own policy lets no script run but the one that sorts its tables, and fetches nothing.
"""

from __future__ import annotations

import base64
import collections
import hashlib
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources

import jinja2
from markupsafe import Markup

from labkit import course
from labkit.course.verdict import Verdict, any_unsafe
from labkit.gradebook.results import Check, Results, StudentResult

BINS = 10  # of the distribution of marks
ENOUGH = 5  # submissions, from which on a check's pass rate says something
FAILS_TOO_OFTEN = 0.95
WRONG_SHOWN = 5  # ways to be wrong, for each check
EXAMPLE = 4_000  # characters of an answer that are shown


@dataclass
class Bar:
    """One bar of a chart: `low` to `high` per cent of the points."""

    low: int
    high: int
    count: int = 0


@dataclass
class Wrong:
    """Submissions that failed a check for the same reason, with the most frequent of their answers as the example."""

    why: str
    count: int
    expected: str
    got: str
    example: str
    same: int  # how many handed in just this answer


@dataclass
class CheckRow:
    """How a check went, over all submissions that it judged."""

    check: Check
    verdict: Verdict
    passed: int = 0
    seconds: list[float] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)
    unchecked: int = 0  # as a check that it comes after did not pass

    @property
    def judged(self) -> int:
        """Submissions that it judged."""
        return len(self.seconds)

    @property
    def rate(self) -> float:
        """The part that passed, 0 to 1."""
        return self.passed / self.judged if self.judged else 0.0

    @property
    def median(self) -> float:
        """Seconds it takes."""
        return statistics.median(self.seconds) if self.judged else 0.0

    @property
    def suspicious(self) -> str:
        """Why an examiner should look at the check itself, or nothing."""
        if self.judged < ENOUGH:
            return ""
        if self.passed == self.judged:
            return "All pass: see that a wrong answer can fail it."
        if 1 - self.rate > FAILS_TOO_OFTEN:
            return "Nearly all fail: see that it is right, and that the task says what it asks."
        return ""


def html(results: Results, *, anonymous: bool = False) -> str:
    """The page. With `anonymous`, students have numbers, in an order that tells nothing of their names."""
    names = _names(results.students, anonymous)
    script = _file("report.js")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters.update(duration=_duration, points=_points)
    checks = check_rows(results)
    times = _times(results)
    return environment.from_string(
        _file("report.html.j2")
    ).render(
        results=results,
        unsafe=sum(any_unsafe(lab.verdicts) for student in results.students for lab in student.labs.values()),
        anonymous=anonymous,
        name=lambda student: names.get(student, "somebody who has left" if anonymous else student),
        students=sorted(results.students, key=lambda student: _natural(names[student.student])),
        script=Markup(script),  # ours; the policy names its hash
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        made=datetime.now(UTC),
        scores=sorted(student.score for student in results.students if student.score is not None),
        statistics=statistics,
        bars=distribution([student.score for student in results.students], results.max_score),
        checks=checks,
        suspicious=sorted((row for row in checks if row.suspicious), key=lambda row: row.rate),
        labs=_handed_in(results),
        times=[seconds for seconds, _, _ in times],
        slowest=times[:5],
    )


def distribution(scores: Iterable[float | None], max_score: float) -> list[Bar]:
    """How many marks lie in each tenth of what can be had. Marks above that (extra credit) count to the last."""
    bars = [Bar(100 * i // BINS, 100 * (i + 1) // BINS) for i in range(BINS)]
    for score in scores:
        if score is not None and max_score > 0:
            bars[max(0, min(BINS - 1, int(BINS * score / max_score)))].count += 1
    return bars


def check_rows(results: Results) -> list[CheckRow]:
    """Each check with its pass rate, its time and the answers that failed it."""
    rows = {check: CheckRow(check, verdict) for check, verdict in results.checks().items()}
    failed: dict[Check, list[tuple[Verdict, str]]] = collections.defaultdict(list)
    for student in results.students:
        for lab in student.labs.values():
            for verdict in lab.verdicts:
                check = Check(lab.lab.name, verdict.check, verdict.hidden)
                if verdict.outcome == "unchecked":
                    rows[check].unchecked += 1
                    continue
                rows[check].seconds.append(verdict.seconds)
                rows[check].passed += verdict.outcome == "pass"
                if verdict.outcome == "fail":
                    failed[check].append((verdict, lab.answers.get(verdict.answer, "")))
    for check, failures in failed.items():
        rows[check].wrong = wrong_answers(failures)[:WRONG_SHOWN]
    return list(rows.values())


def wrong_answers(failures: Sequence[tuple[Verdict, str]]) -> list[Wrong]:
    """The failures of one check, grouped by their reason, the most frequent first. Numbers in a reason do not part it."""
    groups: dict[str, list[tuple[Verdict, str]]] = collections.defaultdict(list)
    for verdict, answer in failures:
        groups[re.sub(r"\d[\d.,]*", "#", verdict.why)].append((verdict, answer))
    found = []
    for group in groups.values():
        answers = collections.Counter(" ".join(answer.split()) for _, answer in group)
        common, same = answers.most_common(1)[0]
        verdict, answer = next((v, a) for v, a in group if " ".join(a.split()) == common)
        shown = answer if len(answer) <= EXAMPLE else f"{answer[:EXAMPLE]}\n… {len(answer) - EXAMPLE:,} characters more"
        found.append(Wrong(verdict.why, len(group), verdict.expected, verdict.got, shown, same))
    return sorted(found, key=lambda wrong: -wrong.count)


def _times(results: Results) -> list[tuple[float, str, str]]:
    """(seconds, student, lab) of each notebook that was judged, the slowest first."""
    found = [
        (lab.seconds, s.student, lab.lab.name) for s in results.students for lab in s.labs.values() if lab.verdicts
    ]
    return sorted(found, reverse=True)


def _handed_in(results: Results) -> list[course.Lab]:
    """The labs that anybody handed in or has a mark by hand for."""
    found = [lab for student in results.students for lab in student.labs.values() if lab.handed_in or lab.by_hand]
    names = {lab.lab.name for lab in found}
    return [lab for lab in results.labs if lab.name in names]


def _names(students: list[StudentResult], anonymous: bool) -> dict[str, str]:
    """student -> what the page calls them."""
    if not anonymous:
        return {student.student: student.name for student in students}
    mixed = sorted(students, key=lambda student: hashlib.sha256(student.student.encode()).digest())
    return {student.student: f"Student {number}" for number, student in enumerate(mixed, 1)}


def _natural(name: str) -> list[tuple[int, str]]:
    """An order in which `Student 10` comes after `Student 9`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.casefold())]


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _file(name: str) -> str:
    return resources.files("labkit.gradebook").joinpath(name).read_text(encoding="utf-8")
