"""The opening handshake: HTTP written and read by hand, so that it can also be wrong. No I/O."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from labkit.kinds.websocket.frames import Deflate, Violation

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
LARGEST_HEAD = 64 * 1024
OFFER = "permessage-deflate; client_max_window_bits"
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Head:
    """The first line and the headers of a request or a response, names in lower case; several of one name joined by commas."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """Of a response; 0 where the line has none."""
        words = self.line.split(" ", 2)
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

    @property
    def target(self) -> str:
        """Of a request: path and query."""
        words = self.line.split(" ")
        return words[1] if len(words) == 3 else ""


def read_head(data: bytes) -> tuple[Head, bytes] | None:
    """Head and what follows it; None while it is not complete. Raises Violation."""
    raw, end, rest = data.partition(HEAD_END)
    if not end:
        if len(data) > LARGEST_HEAD:
            raise Violation(f"more than {LARGEST_HEAD // 1024} kB of headers")
        return None
    line, *lines = raw.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for text in lines:
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip():
            raise Violation(f"a header line {text[:60]!r}")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(line, headers), rest


def new_key() -> str:
    """A Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_for(key: str) -> str:
    """The Sec-WebSocket-Accept that a server has for a key."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def request(target: str, key: str, *, compression: bool = True, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A client's request, as usual libraries write it. Of `headers`, one with an empty value takes a usual one away."""
    usual = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    if compression:
        usual["Sec-WebSocket-Extensions"] = OFFER
    for name, value in headers:
        usual[name] = value
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in usual.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def check_response(head: Head, key: str, *, compression: bool) -> Deflate | None:
    """Raises Violation where a response of status 101 is not what RFC 6455, 4.1 asks for. Returns the compression agreed on."""
    if head.headers.get("upgrade", "").lower() != "websocket":
        raise Violation("a response 101 without `Upgrade: websocket`")
    if "upgrade" not in [word.strip().lower() for word in head.headers.get("connection", "").split(",")]:
        raise Violation("a response 101 without `Connection: Upgrade`")
    if head.headers.get("sec-websocket-accept") != accept_for(key):
        raise Violation("a response 101 whose Sec-WebSocket-Accept does not fit the key")
    agreed = head.headers.get("sec-websocket-extensions", "")
    if agreed and not compression:
        raise Violation(f"an extension that nobody asked for: {agreed[:60]}")
    return deflate_of(agreed, client=True)


def response(head: Head, *, compression: bool, headers: Sequence[tuple[str, str]] = ()) -> tuple[bytes, Deflate | None]:
    """A server's 101 for a client's request, and the compression agreed on. Raises Violation for a request that is none."""
    key = head.headers.get("sec-websocket-key", "")
    if "websocket" not in head.headers.get("upgrade", "").lower() or not key:
        raise Violation("a request that asks for no WebSocket")
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines.append(f"Sec-WebSocket-Accept: {accept_for(key)}")
    deflate = None
    if compression and "permessage-deflate" in head.headers.get("sec-websocket-extensions", ""):
        lines.append("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")
        deflate = Deflate(out_anew=True)
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), deflate


def refusal(status: int, reason: str, *, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A server's answer that opens nothing."""
    lines = [f"HTTP/1.1 {status} {reason}", "Content-Length: 0", "Connection: close"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def deflate_of(agreed: str, *, client: bool) -> Deflate | None:
    """The compression that a Sec-WebSocket-Extensions of a response means, for one side. Raises Violation."""
    if not agreed:
        return None
    name, *parameters = [part.strip() for part in agreed.split(";")]
    if name != "permessage-deflate":
        raise Violation(f"an extension that nobody asked for: {name[:60]}")
    bits, anew = {"client": 15, "server": 15}, {"client": False, "server": False}
    for parameter in parameters:
        word, _, value = parameter.partition("=")
        side = word.partition("_")[0]
        if word in ("client_no_context_takeover", "server_no_context_takeover"):
            anew[side] = True
        elif word in ("client_max_window_bits", "server_max_window_bits") and value.strip('"').isdigit():
            bits[side] = int(value.strip('"'))
        else:
            raise Violation(f"a parameter of permessage-deflate: {parameter[:60]}")
    ours, theirs = ("client", "server") if client else ("server", "client")
    # zlib cannot write with a window of 8 bits; one of 9 inflates all the same where only short distances occur
    return Deflate(out_bits=max(bits[ours], 9), in_bits=bits[theirs], out_anew=anew[ours], in_anew=anew[theirs])
