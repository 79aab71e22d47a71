"""A query's plan as a tree: rows expected against rows seen, time of its own, buffers, and where to look
first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from labkit.kinds.sql.plan_legend import legend
from labkit.pages.page import Page, duration, plural
from labkit.services.postgres.plan import Plan

OFF = 10  # an estimate that is off by this factor is marked
DETAILS = (
    "Index Cond",
    "Recheck Cond",
    "Filter",
    "Join Filter",
    "Hash Cond",
    "Merge Cond",
    "Sort Key",
    "Group Key",
)
COUNTS = {
    "Rows Removed by Filter": "rows removed by the filter",
    "Rows Removed by Index Recheck": "rows removed by the recheck",
    "Heap Fetches": "heap fetches",
}


@dataclass
class Branch:
    """One node as it is drawn. Times are in seconds, None where the query was only planned."""

    data: dict[str, Any]
    guide: str  # the lines of the tree to its left
    limited: bool  # below a LIMIT, which may stop it early
    workers: int  # processes that share it
    reread: bool = False  # the inner side of a merge join, whose rows count again when it is set back
    slowest: bool = False

    @property
    def label(self) -> str:
        data = self.data
        words = [data.get("Parallel Aware") and "Parallel", data["Node Type"]]
        if data["Node Type"] == "ModifyTable":
            words = [data.get("Operation")]
        if index := data.get("Index Name"):
            words.append(f"using {index}")
        if of := data.get("Relation Name") or data.get("CTE Name") or data.get("Function Name"):
            alias = data.get("Alias", of)
            words.append(f"on {of}" + (f" {alias}" if alias != of else ""))
        return " ".join(word for word in words if word)

    @property
    def loops(self) -> int:
        return data if (data := self.data.get("Actual Loops", 0)) > 0 else 0

    @property
    def total(self) -> float | None:
        """Seconds in it and below it."""
        if "Actual Total Time" not in self.data:
            return None
        return self.data["Actual Total Time"] * self.loops / self.workers / 1000

    @property
    def own(self) -> float | None:
        """Seconds in it alone."""
        if self.total is None:
            return None
        below = (Branch(child, "", False, _workers(self.data, self.workers)).total for child in _children(self.data))
        return max(self.total - sum(time or 0 for time in below), 0.0)

    @property
    def expected(self) -> float:
        """Rows in all its loops, as the planner saw it coming."""
        return self.data["Plan Rows"] * max(self.loops, 1)

    @property
    def seen(self) -> float | None:
        """Rows in all its loops; None where it never ran."""
        return self.data["Actual Rows"] * self.loops if self.loops else None

    @property
    def buffers(self) -> tuple[int, int]:
        """Blocks of 8 kB found in the cache and read, here and below."""
        return self.data.get("Shared Hit Blocks", 0), self.data.get("Shared Read Blocks", 0)

    @property
    def estimate(self) -> str:
        """What is wrong with the estimate, or nothing."""
        if self.seen is None:
            return ""
        expected, seen = max(self.expected, 1), max(self.seen, 1)
        if seen >= expected * OFF and not self.reread:
            return f"{seen / expected:,.0f}× more than expected"
        if expected >= seen * OFF and not self.limited:
            return f"{expected / seen:,.0f}× fewer than expected"
        return ""

    @property
    def notes(self) -> list[str]:
        """Conditions, and what was thrown away."""
        data = self.data
        notes = [f"{name}: {_flat(data[name])}" for name in DETAILS if name in data]
        notes += [f"{data[name] * max(self.loops, 1):,.0f} {words}" for name, words in COUNTS.items() if data.get(name)]
        if "Sort Method" in data:
            notes.append(f"{data['Sort Method']}, {data['Sort Space Used']:,} kB in {data['Sort Space Type'].lower()}")
        if data.get("Actual Loops", 1) > 1:
            notes.append(f"{data['Actual Loops']:,} loops")
        if data.get("Actual Loops") == 0:
            notes.append("never run")
        return notes


def branches(plan: Plan) -> list[Branch]:
    """All nodes from the root down, the slowest marked."""
    found = list(_walk(Branch(plan.data["Plan"], "", False, 1), ""))
    timed = [branch for branch in found if branch.own]
    if len(found) > 1 and timed:
        max(timed, key=lambda branch: branch.own or 0).slowest = True
    return found


def _walk(branch: Branch, below: str) -> Iterator[Branch]:
    """The branch and all under it; `below` is what is drawn to the left of its children."""
    yield branch
    data, children = branch.data, _children(branch.data)
    limited = (branch.limited or data["Node Type"] == "Limit") and not _reads_all_first(data)
    for child in children:
        last = child is children[-1]
        reread = data["Node Type"] == "Merge Join" and child.get("Parent Relationship") == "Inner"
        guide = below + ("└─ " if last else "├─ ")
        under = Branch(child, guide, limited, _workers(data, branch.workers), reread)
        yield from _walk(under, below + ("   " if last else "│  "))


def _children(data: dict[str, Any]) -> list[dict[str, Any]]:
    return data.get("Plans", [])


def _reads_all_first(data: dict[str, Any]) -> bool:
    """Whether it reads all its input before it gives a row, so that a LIMIT above it stops nothing below."""
    return data["Node Type"] in ("Sort", "Hash") or data.get("Strategy") in ("Hashed", "Plain")


def _workers(data: dict[str, Any], workers: int) -> int:
    return data["Workers Launched"] + 1 if data.get("Workers Launched") else workers


def _flat(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def plan_tree(plan: Plan) -> Page:
    """The plan to read."""
    nodes = branches(plan)
    summary = _summary(plan, nodes)
    rows = Markup("\n").join(_row(node, nodes[0].total or 0) for node in nodes)
    heads = Markup().join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="lk-number"') if i else "", head)
        for i, head in enumerate(("plan", "rows expected", "rows seen", "own time", "blocks", "cost"))
    )
    html = Markup(
        '<details class="lk-plan"{}><summary>{}</summary>'
        '<div class="lk-scroll"><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>{}</details>"
    ).format(Markup(" open") if len(nodes) <= 12 else "", summary, heads, rows, legend(node.data for node in nodes))
    return Page(html, "\n".join([summary, *(_line(node) for node in nodes)]))


def _summary(plan: Plan, nodes: list[Branch]) -> str:
    root = nodes[0]
    if root.total is None:
        return f"Plan (not run): cost {plan.data['Plan']['Total Cost']:,.0f}"
    off = sum(1 for node in nodes if node.estimate)
    parts = [f"Plan: {duration(plan.seconds)} on the server", plural(sum(root.buffers), "block") + " of 8 kB"]
    return ", ".join([*parts, f"{plural(off, 'estimate')} off by {OFF}× or more"] if off else parts)


def _row(node: Branch, total: float) -> Markup:
    flags = [f"⚠ {node.estimate}"] if node.estimate else []
    flags += ["◀ slowest"] if node.slowest else []
    hit, read = node.buffers
    numbers = (
        f"{node.expected:,.0f}",
        _number(node.seen),
        Markup("{}{}").format(_time(node.own), _time_bar(node.own, total)),
        Markup("{:,}{}").format(hit + read, Markup("<br><small>{:,} read</small>").format(read) if read else ""),
        f"{node.data['Total Cost']:,.0f}",
    )
    return Markup(
        '<tr{}><td><div class="lk-node"><span class="lk-branch">{}</span><div><b>{}</b>{}{}</div></div></td>{}</tr>'
    ).format(
        Markup(' class="lk-slowest"') if node.slowest else "",
        node.guide,
        node.label,
        Markup().join(Markup(' <span class="lk-flag">{}</span>').format(flag) for flag in flags),
        Markup().join(Markup("<small>{}</small>").format(note) for note in node.notes),
        Markup().join(Markup('<td class="lk-number">{}</td>').format(number) for number in numbers),
    )


def _time_bar(seconds: float | None, total: float) -> Markup | str:
    share = 100 * (seconds or 0) / total if total else 0
    return Markup('<span class="lk-bar"><i style="width: {:.0f}%"></i></span>').format(share) if share >= 1 else ""


def _margin(guide: str) -> str:
    return guide.replace("├─ ", "│  ").replace("└─ ", "   ")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds)


def _line(node: Branch) -> str:
    marks = ("  !! " + node.estimate if node.estimate else "") + ("  << slowest" if node.slowest else "")
    rows = f"rows expected {node.expected:,.0f}, seen {_number(node.seen)}"
    text = f"{node.guide}{node.label}  ({rows}, {_time(node.own)}, {sum(node.buffers):,} blocks){marks}"
    return "\n".join([text, *(f"{_margin(node.guide)}     {note}" for note in node.notes)])
