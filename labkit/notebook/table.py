"""Rows as a table: column types, NULL told from empty text, long results and long values cut, and said so."""

from __future__ import annotations

from markupsafe import Markup

from labkit.notebook.page import Page, plural
from labkit.services.sql import Result

MAX_ROWS = 20
MAX_WIDTH = 120  # characters of one value
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric", "money", "oid"}


def table(result: Result) -> Page:
    """The first rows of a result and how many there were."""
    shown = [[_cut(value) for value in row] for row in result.rows[:MAX_ROWS]]
    count = plural(result.count, "row") + (
        f", the first {len(shown)} shown" if len(shown) < result.count else ""
    )
    return Page(_html(result, shown, count), _text(result, shown, count))


def _cut(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= MAX_WIDTH else f"{text[:MAX_WIDTH]}… ({len(text):,} characters)"


def _html(result: Result, rows: list[list[str | None]], count: str) -> Markup:
    number = [Markup(' class="lk-number"') if kind in NUMBERS else "" for kind in result.types]
    head = Markup().join(
        Markup('<th scope="col"{}>{} <small>{}</small></th>').format(css, name, kind)
        for css, name, kind in zip(number, result.columns, result.types, strict=True)
    )
    body = Markup("\n").join(
        Markup("<tr>{}</tr>").format(Markup().join(_cell(v, css) for v, css in zip(row, number, strict=True)))
        for row in rows
    )
    return Markup(
        '<div class="lk-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
        '<p class="lk-quiet">{}</p>'
    ).format(head, body, count)


def _cell(value: str | None, css: Markup | str) -> Markup:
    if value is None:
        return Markup("<td{}><span class='lk-null'>NULL</span></td>").format(css)
    return Markup("<td{}>{}</td>").format(css, value)


def _text(result: Result, rows: list[list[str | None]], count: str) -> str:
    cells = [result.columns, result.types, *([("NULL" if v is None else v) for v in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(result.columns))]
    lines = [
        " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    lines.insert(2, "-+-".join("-" * width for width in widths))
    return "\n".join([*lines, f"({count})"])
