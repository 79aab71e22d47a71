"""The verdicts on an answer: the sentence, passed or not, what was expected, what was seen, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from markupsafe import Markup

from labkit.course import Lab
from labkit.notebook.page import Page, duration, plural, prose
from labkit.verdict import Verdict

STATES = {
    "pass": ("✓", "passed"),
    "fail": ("✗", "not yet"),
    "fault": ("⚠", "course fault"),
    "unverified": ("○", "not verified"),
}
WORST_FIRST = ("fault", "fail", "unverified", "pass")


def verdict_panel(lab: Lab, answer: str, verdicts: Sequence[Verdict], *, compact: bool = False) -> Page:
    """All visible checks of one answer. `compact` leaves out everything but the sentences."""
    tone = next((outcome for outcome in WORST_FIRST if any(v.outcome == outcome for v in verdicts)), "unverified")
    earned, of = sum(v.earned for v in verdicts), sum(v.points for v in verdicts)
    headline, aside = _headline(verdicts), _aside(lab, answer, earned, of, verdicts)
    rows = Markup().join(_row(verdict, compact) for verdict in _once(verdicts))
    html = Markup(
        '<section class="lk-card lk-{}" aria-label="Checks of {}">'
        '<div class="lk-head"><span class="lk-title">{}</span>'
        '<span>{}</span><span class="lk-push">{}</span></div><ul class="lk-checks">{}</ul>{}</section>'
    ).format(tone, answer, answer, headline, aside, rows, _closing(lab, answer, verdicts))
    lines = [f"{answer}: {headline} ({aside})"]
    for verdict in _once(verdicts):
        lines += _lines(verdict, compact)
    return Page(html, "\n".join([*lines, _closing_text(lab, answer, verdicts)]).rstrip())


def fault_panel(message: str) -> Page:
    """The course's own fault, told apart from a wrong answer."""
    html = Markup(
        '<section class="lk-card lk-fault" role="alert">'
        '<div class="lk-head"><span class="lk-state">⚠ Course fault</span>'
        "<span>This is not about your answer, and costs no points.</span></div><p>{}</p></section>"
    ).format(prose(message))
    return Page(html, f"Course fault, not about your answer: {message}")


def passed(verdicts: Sequence[Verdict]) -> bool:
    """Whether all checks passed."""
    return bool(verdicts) and all(verdict.outcome == "pass" for verdict in verdicts)


def _once(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """An error of the answer itself fails all its checks: it is told once."""
    told: set[tuple[str, str, str]] = set()
    for verdict in verdicts:
        what = (verdict.why, verdict.expected, verdict.got)
        again = verdict.outcome != "pass" and verdict.why and what in told
        told.add(what)
        yield replace(verdict, why="For the same reason.", expected="", got="") if again else verdict


def _headline(verdicts: Sequence[Verdict]) -> str:
    count = sum(verdict.outcome == "pass" for verdict in verdicts)
    if not verdicts:
        return "no check looks at this answer before grading"
    if count == len(verdicts):
        return "Every check passes." if count > 1 else "The check passes."
    return f"{count} of {plural(len(verdicts), 'check')} passed"


def _aside(lab: Lab, answer: str, earned: float, of: float, verdicts: Sequence[Verdict]) -> str:
    took = duration(sum(verdict.seconds for verdict in verdicts))
    return f"{earned:g} of {plural(of, 'point')} · checked in {took}"


def _closing(lab: Lab, answer: str, verdicts: Sequence[Verdict]) -> Markup:
    text = _closing_text(lab, answer, verdicts)
    return Markup('<p class="lk-quiet">{}</p>').format(text) if text else Markup()


def _closing_text(lab: Lab, answer: str, verdicts: Sequence[Verdict]) -> str:
    """What grading adds."""
    more = lab.points.get(answer, 0) - lab.visible.get(answer, 0)
    if more <= 0:
        return ""
    worth = plural(more, "more point", "more points")
    return f"Hidden checks, on other data, give up to {worth} when it is graded."


def _row(verdict: Verdict, compact: bool) -> Markup:
    symbol, word = STATES[verdict.outcome]
    return Markup(
        '<li class="lk-{}"><div class="lk-check">'
        '<span class="lk-state"><span aria-hidden="true">{}</span> {}</span>'
        '<span>{}</span><span class="lk-quiet">{:g}/{:g}</span></div>{}</li>'
    ).format(
        verdict.outcome,
        symbol,
        word,
        prose(verdict.sentence),
        verdict.earned,
        verdict.points,
        "" if compact else _more(verdict),
    )


def _more(verdict: Verdict) -> Markup:
    if verdict.outcome == "pass":
        return Markup()
    sides = Markup().join(
        Markup("<dt>{}</dt><dd><pre>{}</pre></dd>").format(label, text)
        for label, text in (("expected", verdict.expected), ("got", verdict.got))
        if text
    )
    return Markup('<div class="lk-more"><p>{}</p>{}</div>').format(
        prose(_why(verdict)), Markup("<dl>{}</dl>").format(sides) if sides else ""
    )


def _why(verdict: Verdict) -> str:
    if verdict.outcome == "unverified":
        return f"not verified here: {verdict.why or 'this backend cannot tell'}"
    if verdict.outcome == "fault":
        return f"{verdict.why} This is not about your answer, and costs no points."
    return verdict.why


def _lines(verdict: Verdict, compact: bool) -> list[str]:
    symbol, word = STATES[verdict.outcome]
    lines = [f"  {symbol} {word}: {verdict.sentence} ({verdict.earned:g}/{verdict.points:g})"]
    if compact or verdict.outcome == "pass":
        return lines
    parts = (("", _why(verdict)), ("expected: ", verdict.expected), ("got: ", verdict.got))
    return lines + ["      " + (label + text).replace("\n", "\n      ") for label, text in parts if text]
