"""A piece of output in the forms that front ends take: a widget, HTML, or plain text.

All HTML is made with markupsafe: a template's own text is markup, and whatever is put into it is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Page:
    """The same content for people with and without HTML."""

    html: Markup
    text: str

    def __add__(self, other: Page) -> Page:
        return Page(self.html + other.html, "\n".join(part for part in (self.text, other.text) if part))


EMPTY = Page(Markup(), "")
_styled_cell: int | None = None  # the number of the last cell that has the style sheet


@cache
def style() -> Markup:
    """The style sheet."""
    return Markup("<style>{}</style>").format(Markup(resources.files("labkit.pages").joinpath("style.css").read_text()))


def framed(content: Markup) -> Markup:
    """The content as it stands in a notebook."""
    return Markup('<div class="lk">{}</div>').format(content)


def bundle(page: Page, widget: DOMWidget | None = None, *, styled: bool = True) -> dict[str, Any]:
    """The page as Jupyter messages carry it; a front end takes the richest form that it knows."""
    html = (style() if styled else Markup()) + framed(page.html) if page.html else ""
    data: dict[str, Any] = {"text/plain": page.text, "text/html": html}
    if widget is not None:
        data[WIDGET] = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return data


def show(page: Page, widget: DOMWidget | None = None) -> None:
    """Puts the page below the cell. Each cell's first output brings the style sheet, as any cell may be kept alone."""
    global _styled_cell
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    cell = getattr(get_ipython(), "execution_count", None)
    display(bundle(page, widget, styled=cell is None or cell != _styled_cell), raw=True)
    _styled_cell = cell


def has_widgets() -> bool:
    """Whether this is a kernel (a terminal's IPython has no front end that could show a widget)."""
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def prose(text: str) -> Markup:
    """A sentence in which `code` stands between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half
        return Markup("{}").format(text)
    return Markup().join(Markup("<code>{}</code>" if i % 2 else "{}").format(part) for i, part in enumerate(parts))


def quiet(text: str) -> Page:
    """A line in small print."""
    return Page(Markup('<p class="lk-quiet">{}</p>').format(text), text)


def failed(text: str, title: str = "") -> Page:
    """What went wrong with an answer, as an error card."""
    html = Markup('<div class="lk-card lk-fail"><span class="lk-state">✗ Error</span>{}<pre>{}</pre></div>')
    return Page(
        html.format(Markup(" <b>{}</b>").format(title) if title else "", text),
        f"ERROR {title}: {text}" if title else f"ERROR: {text}",
    )


def plural(count: float, one: str, many: str = "") -> str:
    """`1 point`, `2 points`, `1,234 rows`."""
    return (
        f"{count:,g} {one if count == 1 else many or one + 's'}" if count < 1e6 else f"{count:,.0f} {many or one + 's'}"
    )


def duration(seconds: float) -> str:
    """A time as people say it: `0.4 ms`, `85 ms`, `1.2 s`."""
    if seconds < 0.001:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
