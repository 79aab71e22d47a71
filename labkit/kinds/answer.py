"""The answers under check: their texts, and the two ways to say that one is not right."""

from __future__ import annotations

import re
from collections.abc import Mapping

from labkit.kinds.kind import Kind

UNREADABLE = re.compile("[\0\ud800-\udfff]")  # JSON can hold it, and most tools cannot


class Wrong(AssertionError):
    """The answer does not do what the check asks: why (and the next step), what was expected, and what was seen."""

    def __init__(self, why: str, *, expected: object = "", got: object = "") -> None:
        super().__init__(why)
        self.why, self.expected, self.got = why, str(expected), str(got)


class AnswerError(Exception):
    """The answer itself failed: its SQL or its Python raised an error, took too long, or is missing."""


class Answers:
    """The texts of the answers by name, `answers["index"]`. One that is missing, huge, or not readable raises AnswerError when it is asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, name: str) -> str:
        text = self._texts.get(name)
        if text is None:
            raise AnswerError(
                f"There is no answer {name!r} in the notebook. Keep the line %%answer {name} and answer below it."
            )
        if len(text) > Kind.characters:
            raise AnswerError(
                f"The answer {name!r} has {len(text):,} characters; at most {Kind.characters:,} are read. Shorten it."
            )
        if odd := UNREADABLE.search(text):
            line = text.count("\n", 0, odd.start()) + 1
            raise AnswerError(
                f"The answer {name!r} has a character that no tool can read (U+{ord(odd[0]):04X}) in line {line}. Delete it, "
                "and type the line anew."
            )
        return text
