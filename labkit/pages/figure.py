"""A matplotlib figure below a cell, with words for those who cannot see it."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from markupsafe import Markup

from labkit.pages.page import Page, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show_figure(figure: Figure, alt: str) -> None:
    """Shows the figure once, with `alt` as its alternative text, and closes it."""
    import matplotlib.pyplot as plt

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    plt.close(figure)
    data = base64.b64encode(png.getvalue()).decode()
    image = Markup('<img src="data:image/png;base64,{}" alt="{}" style="max-width: 100%; background: white">')
    show(Page(image.format(data, alt), f"[Figure: {alt}]"))
