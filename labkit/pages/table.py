"""Rows as a table: column types, NULL told from empty text, long results and long values cut, and said so."""

from __future__ import annotations

from typing import Any, Protocol

from markupsafe import Markup

from labkit.pages.page import Page, plural


class Result(Protocol):
    """The rows of a query, as far as they were read; `count` is how many there were in all."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    count: int


MAX_ROWS = 20
MAX_WIDTH = 120  # characters of one value
NUMBERS = {"int2", "int4", "int8", "float4", "float8", "numeric", "money", "oid"}


def table(result: Result) -> Page:
    """The first rows of a result."""
    rows = [[_cut(value) for value in row] for row in result.rows[:MAX_ROWS]]
    return Page(_html(result, rows), _text(result, rows))


def row_count(result: Result) -> str:
    """How many rows there were, and how many of them the table shows."""
    shown = min(len(result.rows), MAX_ROWS)
    return plural(result.count, "row") + (f", the first {shown} shown" if shown < result.count else "")


def _cut(value: object) -> str | None:
    if value is None:
        return None
    text = str(value)
    return text if len(text) <= MAX_WIDTH else f"{text[:MAX_WIDTH]}… ({len(text):,} characters)"


def _html(result: Result, rows: list[list[str | None]]) -> Markup:
    number = [Markup(' class="lk-number"') if kind in NUMBERS else "" for kind in result.types]
    head = Markup().join(
        Markup('<th scope="col"{}>{} <small>{}</small></th>').format(css, name, kind)
        for css, name, kind in zip(number, result.columns, result.types, strict=True)
    )
    body = Markup("\n").join(Markup("<tr>{}</tr>").format(Markup().join(map(_cell, row, number))) for row in rows)
    return Markup('<div class="lk-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        head, body
    )


def _cell(value: str | None, css: Markup | str) -> Markup:
    shown = Markup('<span class="lk-null">NULL</span>') if value is None else value
    return Markup("<td{}>{}</td>").format(css, shown)


def _text(result: Result, rows: list[list[str | None]]) -> str:
    body = [["NULL" if value is None else value.replace("\n", "↵") for value in row] for row in rows]
    cells = [result.columns, result.types, *body]
    widths = [max(len(line[i]) for line in cells) for i in range(len(result.columns))]
    lines = [" | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    lines.insert(2, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)
