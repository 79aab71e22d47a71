"""What is told to a terminal or a file: one line of plain text, whoever wrote it.

A name, an error or an answer may hold orders to the terminal, further lines, marks that turn the reading direction, or half characters that no file in
UTF-8 takes. Here they become visible escapes. A long text is cut before anything else looks at it: highlighting one may never end.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import Any, TextIO

LENGTH = 2_000  # characters of one line that are told
# Control, format (also those that turn the reading direction), half characters, private ones, none at all; line and paragraph ends.
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def line(text: str, length: int = LENGTH) -> str:
    """The text on one line, what cannot be seen as an escape (`\\x1b`), and at most `length` characters of it."""
    shown = text[:length]
    shown = "".join(character if _is_plain(character) else _escape(character) for character in shown)
    return f"{shown} … ({len(text):,} characters)" if len(text) > length else shown


def lines(text: str, length: int = LENGTH) -> str:
    """As `line`, but ends of lines stay: for texts of our own that have some."""
    cut = text[:length] + (f" … ({len(text):,} characters)" if len(text) > length else "")
    return "\n".join(line(one, length + 40) for one in cut.split("\n"))


def say(console: Any, text: str, style: str = "") -> None:
    """Prints one line to a rich console: no markup, no emoji codes, no highlighting."""
    from rich.text import Text

    console.print(Text(line(text), style), soft_wrap=True)


def tolerant(*streams: TextIO) -> None:
    """Lets the streams write what their encoding has no character for as an escape, in place of ending the program."""
    for stream in streams or (sys.stdout, sys.stderr):
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="backslashreplace")


def _is_plain(character: str) -> bool:
    return (character.isascii() and character.isprintable()) or unicodedata.category(character) not in HIDDEN


def _escape(character: str) -> str:
    return (
        character.encode("unicode_escape").decode()
        if ord(character) < 0xD800 or ord(character) > 0xDFFF
        else f"\\u{ord(character):x}"
    )
