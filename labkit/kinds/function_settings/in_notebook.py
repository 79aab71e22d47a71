"""Settings: they are read, and kept for the lab's next cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.kinds.answer import AnswerError
from labkit.kinds.function_settings.answers import Chosen, read
from labkit.pages.page import Page, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab


def run(text: str, session: OpenLab, name: str) -> Page:
    """Says what is set, in a sentence; and what AWS says where it does not take it."""
    session.kept.pop(name, None)
    try:
        found = read(text)
    except AnswerError as error:
        return quiet(str(error))
    if found.refused:
        return quiet(f"AWS refuses this: {found.refused}.")
    session.kept[name] = found
    return quiet(_said(found))


def _said(found: Chosen) -> str:
    reported = "it may say which messages failed" if found.report_failures else "a batch fails or succeeds as a whole"
    window = f", collected for at most {found.window} s" if found.window else ""
    return f"{found.memory:,} MB; batches of at most {found.batch_size:,} messages{window}; {reported}."
