"""The map of the course: its labs in order, what has been reached, and what to do next."""

from __future__ import annotations

import os
from pathlib import Path

from markupsafe import Markup

from labkit import kinds, services
from labkit.course import SECTIONS, Lab, hidden, labs, root, unreadable
from labkit.notebook import progress
from labkit.pages.page import Page, plural


def course_map(here: Path | None = None) -> Page:
    """The map; its links are relative to `here` (the current folder), as JupyterLab and GitHub want them."""
    known, done = labs(), progress.read()
    shares = {lab.key: progress.share(lab, done) for lab in known}
    following, titles = next_lab(known, shares), {lab.key: lab.title for lab in known}
    parts, lines = (
        [_overall(known, shares, following, here or Path.cwd())],
        [_overall_text(known, shares, following)],
    )
    for section, title in SECTIONS.items():
        mine = [lab for lab in known if lab.section == section]
        minutes = f"{plural(len(mine), 'lab')}, about {sum(lab.minutes for lab in mine)} min" if mine else "to come"
        lesson = Path("notebooks", f"{section}.ipynb")
        link = _link(lesson, title, here) if (root() / lesson).exists() else Markup("{}").format(title)
        parts.append(Markup('<h3 class="lk-section">{} <small class="lk-quiet">{}</small></h3>').format(link, minutes))
        items = Markup().join(_item(lab, shares[lab.key], lab == following, here, titles) for lab in mine)
        parts.append(Markup('<ol class="lk-labs">{}</ol>').format(items) if mine else Markup())
        lines += [f"{title} ({minutes})", *(_line(lab, shares[lab.key], lab == following) for lab in mine)]
    for line in unreadable():
        parts.append(Markup('<p class="lk-quiet">{}</p>').format(line))
        lines.append(line)
    return Page(Markup().join(parts), "\n".join(lines))


def next_lab(known: list[Lab], shares: dict[str, float]) -> Lab | None:
    """The lab to do next: one that was begun, else the first whose prerequisites are done; None when all are
    done.
    """
    open_labs = [lab for lab in known if shares[lab.key] < 1]
    ready = [lab for lab in open_labs if all(shares.get(f"{lab.section}/{name}", 1) >= 1 for name in lab.after)]
    begun = [lab for lab in ready if shares[lab.key] > 0]
    return next(iter([*begun, *ready, *open_labs]), None)


def _overall(known: list[Lab], shares: dict[str, float], following: Lab | None, here: Path) -> Markup:
    finished = sum(share >= 1 for share in shares.values())
    whole = sum(shares.values()) / len(shares) if shares else 0
    go = (
        Markup("Next: <b>{}</b> ({} min)").format(_link(following.exercise, following.title, here), following.minutes)
        if following
        else _all_done(known)
    )
    return Markup(
        '<div class="lk-card lk-accent lk-head"><span class="lk-title">{} of {} done</span>{}'
        '<span class="lk-push">{}</span></div>'
    ).format(finished, plural(len(known), "lab"), _bar(whole), go)


def _overall_text(known: list[Lab], shares: dict[str, float], following: Lab | None) -> str:
    finished = sum(share >= 1 for share in shares.values())
    go = f"Next: {following.title} ({following.exercise})" if following else _all_done(known)
    return f"{finished} of {plural(len(known), 'lab')} done. {go}"


def _all_done(known: list[Lab]) -> str:
    return "All done: hand it in." if known else "No lab is here yet."


def _item(lab: Lab, share: float, following: bool, here: Path | None, titles: dict[str, str]) -> Markup:
    more = Markup("<p class='lk-quiet'>{}</p><ul>{}</ul>").format(
        f"{hidden.worth(lab)}. {_needs(lab, titles)}",
        Markup().join(Markup("<li>{}</li>").format(text) for text in lab.objectives),
    )
    return Markup(
        '<li class="lk-{}"><div class="lk-lab"><details><summary title="{}">{}{}</summary>{}</details>'
        "<span>{} min</span><span>{} {}</span></div></li>"
    ).format(
        "pass" if share >= 1 else "open",
        "\n".join(lab.objectives),
        _link(lab.exercise, lab.title, here),
        Markup(" <b class='lk-quiet'>← next</b>") if following else "",
        more,
        lab.minutes,
        _bar(share),
        _reached(share),
    )


def _needs(lab: Lab, titles: dict[str, str]) -> str:
    """What the lab runs on, which labs are best done before it, and what its first use gets from the internet."""
    parts = [f"Runs on {' and '.join(services.named(name).title for name in lab.needs)}." if lab.needs else ""]
    before = [f"“{titles.get(f'{lab.section}/{name}', name)}”" for name in lab.after]
    parts.append(f"Best after {' and '.join(before)}." if before else "")
    fetched = sorted({what for kind in lab.answers.values() if (what := kinds.named(kind).fetches)})
    parts.append(f"The first time, it gets {' and '.join(fetched)} from the internet." if fetched else "")
    return " ".join(filter(None, parts))


def _reached(share: float) -> str:
    return "✓ done" if share >= 1 else f"{share:.0%}" if share else "not begun"


def _line(lab: Lab, share: float, following: bool) -> str:
    return f"  [{_reached(share):>9}] {lab.title}, {lab.minutes} min, {hidden.worth(lab)}: {lab.exercise}" + (
        "  <- next" if following else ""
    )


def _bar(share: float) -> Markup:
    return Markup(
        '<span class="lk-bar" role="img" aria-label="{:.0%} reached"><i style="width: {:.0f}%"></i></span>'
    ).format(share, share * 100)


def _link(target: Path, title: str, here: Path | None) -> Markup:
    relative = os.path.relpath(root() / target, here or Path.cwd())
    return Markup('<a href="{}">{}</a>').format(Path(relative).as_posix(), title)
