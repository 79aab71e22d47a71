"""A Dockerfile: it is built in the lab's project, with the learner's own build cache.

For a lab's own cells: `%%dockerfile NAME` builds one for a demonstration, `built(NAME)` is what came of it or of an answer, `files()`
are the project's files, and `build(text, files)` builds without a word, for measurements.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from labkit.kinds.dockerfile import pages, project
from labkit.kinds.dockerfile.built import Built
from labkit.pages import waiting
from labkit.pages.page import Page, failed
from labkit.services.images.failure import BuildFailed
from labkit.services.images.leaks import Leak, in_image
from labkit.services.images.place import NoPlace
from labkit.services.images.progress import Step

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Builds it, and shows its steps and layers."""
    session.kept.pop(name, None)
    place = session.place("images")
    if isinstance(place, NoPlace):
        return failed(place.why)
    try:
        session.kept[name] = done = _build(session, text, {}, name)
        return waiting.run(lambda: pages.built_page(done), "Looking into the image")
    except BuildFailed as failure:
        return pages.failure_page(failure)


def can_build() -> bool:
    """Whether images can be built here at all."""
    from labkit.kinds.open_lab import current

    return not isinstance(current().place("images"), NoPlace)


def files() -> dict[str, str | bytes]:
    """The files of the lab's project, by path."""
    from labkit.kinds.open_lab import current

    return project.project(current().lab)


def show_files(*names: str) -> None:
    """Prints files of the project."""
    known = files()
    for name in names:
        content = known[name]
        print(f"── {name}\n{content if isinstance(content, str) else content.decode()}")


def built(name: str) -> Built | None:
    """What `%%dockerfile NAME` or the answer NAME built last; None when that failed, or did not happen."""
    from labkit.kinds.open_lab import current

    found = current().kept.get(name)
    return found if isinstance(found, Built) else None


def leaks(name: str, *words: str) -> list[Leak]:
    """Where these words are in the image that `%%dockerfile NAME` or the answer NAME built last: its history, settings and layers, also hidden ones."""
    image = built(name)
    return in_image(image.place, image.image, words) if image else []


def build(text: str, changed: Mapping[str, str | bytes] | None = None, name: str = "measured") -> Built | None:
    """Builds a Dockerfile in the project with some files changed. None where it does not build, or nothing can be built here."""
    from labkit.kinds.open_lab import current

    try:
        return _build(current(), text, changed or {}, name) if can_build() else None
    except BuildFailed:
        return None


def _build(session: OpenLab, text: str, changed: Mapping[str, str | bytes], name: str) -> Built:
    place = session.place("images")
    steps: list[Step] = []

    def follow(known: list[Step]) -> None:
        steps[:] = known

    def work() -> Built:
        beside = session.known_answers() if name in session.lab.answers else {}  # a demonstration has its own
        context = {**project.context(session.lab, beside), **changed, "Dockerfile": text}
        return Built(place, place.build(context, tag=name, on_steps=follow, **project.given(session.lab)))

    return waiting.run(work, lambda: pages.progress(steps), place.stop)
