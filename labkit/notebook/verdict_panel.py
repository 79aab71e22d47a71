"""The verdicts on an answer: the sentence, passed or not, what was expected, what was seen, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from markupsafe import Markup

from labkit.course import Lab, hidden
from labkit.course.verdict import Verdict
from labkit.pages.page import Page, duration, plural, prose

STATES = {
    "pass": ("✓", "passed"),
    "fail": ("✗", "not yet"),
    "fault": ("⚠", "course fault"),
    "unverified": ("○", "not verified"),
    "unchecked": ("–", "not checked"),
}
OTHER_DATA = " (on other data)"
WORST_FIRST = ("fault", "fail", "unverified", "unchecked", "pass")


def verdict_panel(lab: Lab, answer: str, verdicts: Sequence[Verdict]) -> Page:
    """All checks of one answer; of a hidden one, only its sentence and what to review."""
    tone = next((outcome for outcome in WORST_FIRST if any(v.outcome == outcome for v in verdicts)), "unverified")
    earned, of = sum(v.earned for v in verdicts), hidden.points(lab).get(answer, 0.0)
    headline, aside = _headline(verdicts), _aside(lab, answer, earned, of, verdicts)
    rows = Markup().join(_row(verdict) for verdict in _once(verdicts))
    html = Markup(
        '<section class="lk-card lk-{}" aria-label="Checks of {}">'
        '<div class="lk-head"><span class="lk-title">{}</span>'
        '<span>{}</span><span class="lk-push">{}</span></div><ul class="lk-checks">{}</ul>{}</section>'
    ).format(tone, answer, answer, headline, aside, rows, _closing(lab, answer, verdicts))
    lines = [f"{answer}: {headline} ({aside})"]
    for verdict in _once(verdicts):
        lines += _lines(verdict)
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
    """Which points the checks above say nothing of."""
    if later := hidden.judged_later(lab, answer):
        return f"{plural(later, 'more point is', 'more points are')} judged later, by checks on other data."
    if any(verdict.hidden for verdict in verdicts) or lab.points.get(answer, 0) <= lab.visible.get(answer, 0):
        return ""
    more = plural(lab.points[answer] - lab.visible[answer], "more point", "more points")
    return f"When these pass, checks on other data follow, for {more}."


def _row(verdict: Verdict) -> Markup:
    symbol, word = STATES[verdict.outcome]
    return Markup(
        '<li class="lk-{}"><div class="lk-check">'
        '<span class="lk-state"><span aria-hidden="true">{}</span> {}</span>'
        '<span>{}</span><span class="lk-quiet">{:g}/{:g}</span></div>{}</li>'
    ).format(
        verdict.outcome,
        symbol,
        word,
        prose(verdict.sentence + (OTHER_DATA if verdict.hidden else "")),
        verdict.earned,
        verdict.points,
        _more(verdict),
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
    if verdict.hidden and verdict.outcome == "fail":
        return f"To review: {verdict.review}" if verdict.review else "Think of data that yours does not have."
    if verdict.outcome == "unverified":
        return f"not verified here: {verdict.why or 'this backend cannot tell'}"
    if verdict.outcome == "fault":
        return f"{verdict.why} This is not about your answer, and costs no points."
    return verdict.why


def _lines(verdict: Verdict) -> list[str]:
    symbol, word = STATES[verdict.outcome]
    other = OTHER_DATA if verdict.hidden else ""
    lines = [f"  {symbol} {word}: {verdict.sentence}{other} ({verdict.earned:g}/{verdict.points:g})"]
    if verdict.outcome == "pass":
        return lines
    parts = (("", _why(verdict)), ("expected: ", verdict.expected), ("got: ", verdict.got))
    return lines + ["      " + (label + text).replace("\n", "\n      ") for label, text in parts if text]
