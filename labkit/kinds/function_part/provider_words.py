"""Which lines of a module know a provider: its words in names, attributes, strings and imports. It is shown, and never judged."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass

WORDS = {
    "Lambda": re.compile(
        r"\bAWS|\bLAMBDA|lambda_?context|aws_request_id|get_remaining_time|detail\b|detail-type|\bRecords\b|boto|awslambdaric|\bcontext\b"
    ),
    "CloudEvents over HTTP": re.compile(
        r"\bPORT\b|\bK_[A-Z]|\bce-|cloudevents?\b|specversion|http\.server|BaseHTTP|send_response|send_header|\bheaders\b|datacontenttype|do_POST|rfile|wfile",
        re.IGNORECASE,
    ),
}
WORDLESS = (
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
)


@dataclass(frozen=True)
class Line:
    """One line of code: its number, itself, and whose words it has ("" for nobody's)."""

    number: int
    text: str
    provider: str


def lines(text: str) -> list[Line]:
    """Those that hold code, without comments and empty ones."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    coded = sorted(
        {number for token in tokens if token.type not in WORDLESS for number in range(token.start[0], token.end[0] + 1)}
    )
    written = text.splitlines()
    return [
        Line(number, written[number - 1], _provider(written[number - 1])) for number in coded if number <= len(written)
    ]


def _provider(line: str) -> str:
    return next((name for name, words in WORDS.items() if words.search(line.partition("#")[0])), "")
