"""A grade cell's feedback: what each check says, as HTML and as text. All that comes from an answer is escaped."""

from __future__ import annotations

from html import escape

from labkit.course.verdict import Verdict, any_unsafe

MARK = {
    "pass": "✓ passed",
    "fail": "✗ failed",
    "fault": "not graded",
    "unverified": "not verified here",
    "unchecked": "not checked",
}
STAMP = "unsafe: judged without a sandbox"
COLOUR = {
    "pass": "#1a7f37",
    "fail": "#cf222e",
    "fault": "#9a6700",
    "unverified": "#9a6700",
    "unchecked": "#59636e",
}


def html(verdicts: list[Verdict]) -> str:
    """The verdicts as HTML that stands alone. Of a hidden check only the sentence and what to review are told."""
    stamp = f'<div style="color: #9a6700"><b>{STAMP}</b></div>' if any_unsafe(verdicts) else ""
    return f'<div style="font-family: sans-serif">{stamp}{"".join(map(_item, verdicts))}</div>'


def text(verdicts: list[Verdict]) -> str:
    """The same as plain text, a line a fact."""
    stamp = [STAMP] if any_unsafe(verdicts) else []
    return "\n".join([*stamp, *(line for verdict in verdicts for line in _lines(verdict))])


def details(verdict: Verdict) -> list[tuple[str, str]]:
    """What may be told of a verdict besides its sentence: (name, value)."""
    if verdict.outcome == "pass":
        return []
    if verdict.outcome == "unchecked":  # it names another check's sentence, and no more
        return [("Why", verdict.why)]
    if verdict.hidden:
        return [("To review", verdict.review)] if verdict.review else []
    told = [("Why", verdict.why), ("Expected", verdict.expected), ("Seen", verdict.got)]
    return [(name, value) for name, value in told if value]


def _item(verdict: Verdict) -> str:
    rows = "".join(
        f'<div style="margin-left: 1.5em"><b>{name}:</b> <span style="white-space: pre-wrap">{escape(value)}</span></div>'
        for name, value in details(verdict)
    )
    mark = f'<b style="color: {COLOUR[verdict.outcome]}">{MARK[verdict.outcome]}</b>'
    kind = " (hidden check)" if verdict.hidden else ""
    worth = f"{verdict.earned:g} of {verdict.points:g}"
    return f'<div style="margin: .4em 0">{mark} · {escape(verdict.sentence)}{kind} <i>{worth}</i>{rows}</div>'


def _lines(verdict: Verdict) -> list[str]:
    kind = " (hidden check)" if verdict.hidden else ""
    head = f"{MARK[verdict.outcome]}: {verdict.sentence}{kind} {verdict.earned:g} of {verdict.points:g}"
    return [head, *(f"    {name}: {value}" for name, value in details(verdict))]
