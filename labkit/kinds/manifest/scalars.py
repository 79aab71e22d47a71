"""What a plain word of YAML means to kubectl.

PyYAML and kubectl do not read alike: to kubectl (sigs.k8s.io/yaml, seen with kubectl 1.34) `n` is false, `1234e5` and `0o400` are numbers,
and `22:30` and `2026-01-01` are texts.
"""

from __future__ import annotations

import re

TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
NULL = {"", "~", "null", "Null", "NULL"}
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)")

Scalar = str | int | float | bool | None


def meaning(word: str) -> Scalar:
    """The value of a word without quotes."""
    if word in NULL:
        return None
    if word in TRUE or word in FALSE:
        return word in TRUE
    if word[0] in "+-.0123456789":
        digits = word.replace("_", "")
        if INTEGER.fullmatch(digits):
            return _integer(digits)
        if FLOAT.fullmatch(digits):
            number = float(digits)
            return int(number) if number.is_integer() else number
    return word


def _integer(digits: str) -> int | float:
    sign, rest = (-1, digits[1:]) if digits[0] == "-" else (1, digits.removeprefix("+"))
    base = {"0x": 16, "0b": 2, "0o": 8}.get(rest[:2].lower())
    octal = rest[0] == "0" and len(rest) > 1
    number = int(rest[2:], base) if base else int(rest, 8 if octal else 10)
    return sign * number if number < 2**64 else float(sign * number)
