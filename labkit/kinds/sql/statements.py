"""Cutting SQL into statements, by Postgres' own lexical rules (https://www.postgresql.org/docs/18/sql-syntax-
lexical.html).

Only for choosing what to explain: what is run is always the whole text, as the server reads it.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"""
      --[^\n]*                                      # a comment to the end of the line
    | /\*.*?(?:\*/|\Z)                              # a comment in the C style
    | \b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)             # a string with escapes
    | '(?:[^']|'')*(?:'|\Z)                         # a string
    | "(?:[^"]|"")*(?:"|\Z)                         # a quoted name
    # a string in dollars
    | (?<![\w$])(?P<tag>\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$).*?(?:(?P=tag)|\Z) 
    | (?P<end>;)
    | (?P<word>\w+)
    """,
    re.VERBOSE | re.DOTALL,
)
READS = {"SELECT", "WITH", "VALUES", "TABLE"}
CHANGES = {"UPDATE", "DELETE", "MERGE", "INSERT"}
LEAVES_NOTHING = READS | {
    "SHOW",
    "EXPLAIN",
    "SET",
    "RESET",
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
}


def split(text: str) -> list[tuple[str, str]]:
    """The statements in order, each with its first word in capitals; empty ones left out."""
    found, start, word = [], 0, ""
    for token in [*TOKEN.finditer(text), None]:
        if token is None or token["end"]:
            if word:
                found.append((text[start : token.start() if token else len(text)].strip(), word))
            start, word = token.end() if token else len(text), ""
        elif token["word"] and not word:
            word = token["word"].upper()
    return found


def to_explain(text: str) -> tuple[str, str] | None:
    """The last statement that has a plan, with its first word; None where there is none."""
    planned = [pair for pair in split(text) if pair[1] in READS | CHANGES]
    return planned[-1] if planned else None
