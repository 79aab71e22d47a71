"""A file of the build context: the lab's image is built again with it, if it was built before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.dockerfile import in_notebook as dockerfile
from labkit.kinds.dockerfile.project import BESIDE
from labkit.pages.page import Page, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Says where the file lies, and builds the Dockerfile that was run before."""
    path = BESIDE.get(name, name)
    images = [answer for answer, kind in session.lab.answers.items() if kind == "dockerfile"]
    image = next((answer for answer in images if answer in session.answers), "")
    if not image:
        return quiet(f"{path} lies at the top of the build context from now on. Next: {', '.join(images)}.")
    return quiet(f"{path} has changed, so {image} is built again.") + dockerfile.run(
        session.answers[image], session, image
    )
