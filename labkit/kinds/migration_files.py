"""Several files in the text of one answer: each is what follows a line with its name, e.g. `-- V4__name.sql`."""

from __future__ import annotations

import re

from labkit.services.postgres.sql import COMMENT

HEADER = re.compile(r"^--[ \t]*(?:file:[ \t]*)?(?P<name>[^\s/\\]+\.sql)[ \t]*$", re.MULTILINE | re.IGNORECASE)
LOOKS_LIKE_ONE = re.compile(r"^--[ \t]*\S+\.sql[ \t]*+:?[ \t]*+$", re.MULTILINE | re.IGNORECASE)


class NotAProject(ValueError):
    """The text is not what an answer must be: what is wrong, and what to write."""


def files_in(text: str, names: re.Pattern[str], *, example: str, rule: str) -> dict[str, str]:
    """The files by name. `rule` says how the tool knows a migration by its name. Raises NotAProject."""
    text = text.replace("\r\n", "\n")
    found = list(HEADER.finditer(text))
    for line in LOOKS_LIKE_ONE.finditer(text):
        if not HEADER.fullmatch(line[0]):
            raise NotAProject(
                f"{line[0]!r} looks like a file's name. Write it alone, without a folder or a colon: -- {example}"
            )
    if not found:
        raise NotAProject(f"There is no file yet. Write a line with its name, e.g. -- {example}, and its SQL below.")
    if before := COMMENT.sub("", text[: found[0].start()]).strip():
        raise NotAProject(
            f"{before.splitlines()[0]!r} stands in no file. Write the line with the file's name above it."
        )
    files: dict[str, str] = {}
    for header, following in zip(found, [*found[1:], None], strict=True):
        name = header["name"]
        if not names.fullmatch(name):
            raise NotAProject(f"{name} is no name of a migration. {rule}")
        if name in files:
            raise NotAProject(f"{name} is written twice. A commit has each file once, whole.")
        body = text[header.end() : following.start() if following else None]
        files[name] = body[_blank_lines(body) :].rstrip() + "\n"
    return files


def _blank_lines(text: str) -> int:
    """The length of the lines that it begins with and in which nothing is to be seen."""
    blank = len(text) - len(text.lstrip(" \t\n"))
    return text.rfind("\n", 0, blank) + 1
