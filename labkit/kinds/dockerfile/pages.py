"""What a build came to, to read: steps, layers, waste, and where it failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from labkit.kinds.dockerfile.built import MEGABYTE, Built
from labkit.pages.page import EMPTY, Page, duration, prose, quiet
from labkit.pages.table import table
from labkit.services.images.failure import BuildFailed
from labkit.services.images.layers import Layer
from labkit.services.images.progress import Advice, Step

BAR = 16  # characters
WIDE = 90  # of an instruction
SMALL = 50_000  # bytes of waste that are not worth a word


@dataclass
class Rows:
    """Rows as a table takes them."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    count: int = field(init=False)

    def __post_init__(self) -> None:
        self.count = len(self.rows)


def built_page(built: Built) -> Page:
    """Steps, then layers, then BuildKit's advice."""
    return steps_page(built.steps) + layers_page(built) + advice_page(built.image.advice)


def steps_page(steps: list[Step]) -> Page:
    """Each step: where it stands, what it is, cached or how long it took."""
    rows = [(_where(step), _short(step.instruction), _took(step)) for step in steps]
    ran = [step for step in steps if step.ran]
    total = sum(step.seconds or 0 for step in ran)
    words = f"{len(ran)} of {len(steps)} steps were carried out, in {duration(total)}; the others came from the cache."
    return table(Rows(["step", "instruction", "seconds"], ["", "", ""], rows)) + quiet(words)


def layers_page(built: Built) -> Page:
    """Each layer by size, with the instruction and the files that made it, and how much of it a later layer hides."""
    layers = built.own_layers
    largest = max([layer.size for layer in layers] or [1]) or 1
    rows = [(f"{built.base_megabytes:,.1f} MB", "", "the image that FROM names", "", "")]
    rows += [_layer_row(layer, largest) for layer in sorted(layers, key=lambda layer: -layer.size) if layer.size]
    waste = sum(layer.waste for layer in layers)
    words = f"The image has {built.megabytes:,.1f} MB."
    if waste > SMALL:
        hidden = max((hidden for layer in layers for hidden in layer.hidden), key=lambda item: item[1])
        words += (
            f" {waste / MEGABYTE:,.1f} MB of it are waste: a later layer hides them and cannot give them back, "
            f"e.g. /{hidden[0]} ({hidden[1] / MEGABYTE:,.1f} MB)."
        )
    columns = ["layer", "", "made by", "waste", "its largest files"]
    return table(Rows(columns, [""] * 5, rows)) + quiet(words)


def _layer_row(layer: Layer, largest: int) -> tuple[str, ...]:
    filled = round(BAR * layer.size / largest)
    waste = f"{layer.waste / MEGABYTE:,.1f} MB" if layer.waste > SMALL else ""
    files = ", ".join(f"/{file.path} ({file.size / MEGABYTE:,.1f})" for file in layer.largest[:2])
    return f"{layer.size / MEGABYTE:,.1f} MB", "█" * filled or "▏", _short(layer.instruction), waste, _short(files, 110)


def advice_page(advice: Iterable[Advice]) -> Page:
    """BuildKit's own warnings."""
    lines = [f"BuildKit advises{f' (line {item.line})' if item.line else ''}: {item.message}" for item in advice]
    return sum((quiet(line) for line in lines), EMPTY)


def failure_page(failure: BuildFailed) -> Page:
    """Why a build failed, with the line, and the end of what its step said."""
    page = steps_page(failure.steps) if any(step.seconds is not None for step in failure.steps) else EMPTY
    said = str(failure)
    page += Page(
        Markup('<p class="lk-error" role="alert"><b>The image was not built.</b> {}</p>').format(prose(said)), said
    )
    if failure.text:
        page += code(f"{failure.line} | {failure.text}")
    return page + (code(failure.output) if failure.output else EMPTY) + advice_page(failure.advice)


def progress(steps: list[Step]) -> str:
    """One line on how far a build is."""
    done = sum(step.seconds is not None for step in steps)
    now = next((step for step in steps if step.started and step.seconds is None), None)
    filled = round(BAR * done / len(steps)) if steps else 0
    words = f": {_short(now.instruction, 60)}" if now else ""
    return f"Building {'█' * filled}{'░' * (BAR - filled)} {done} of {len(steps)} steps{words}" if steps else "Building"


def code(text: str) -> Page:
    """Text as it stands."""
    return Page(Markup("<pre>{}</pre>").format(text), text)


def _where(step: Step) -> str:
    return f"{step.stage} {step.number}/{step.of}".strip()


def _took(step: Step) -> str:
    if step.error:
        return "failed"
    if step.seconds is None:
        return "not run"
    return "cached" if step.cached else duration(step.seconds)


def _short(text: str, longest: int = WIDE) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[:longest]}…"
