"""What went over a relay to Postgres, counted from the server's own messages: it does not depend on how busy a machine is.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

from dataclasses import dataclass

HEADER = 5  # bytes of a message: its type, and its length, which counts itself but not the type
READY, ROWS = b"Z", (b"D", b"d")  # the server waits for the next request; a row, and one of COPY
ERROR = b"E"


@dataclass(frozen=True)
class Counts:
    """How many connections were opened, how often a client waited for the server, how many rows came back, and how many connections the server refused."""

    connections: int = 0
    round_trips: int = 0
    rows: int = 0
    refused: int = 0

    def __sub__(self, before: Counts) -> Counts:
        return Counts(
            self.connections - before.connections,
            self.round_trips - before.round_trips,
            self.rows - before.rows,
            self.refused - before.refused,
        )


class Traffic:
    """Adds up what `Heard` hears on each connection. The relay's thread writes, any may read."""

    def __init__(self) -> None:
        self.connections = self.round_trips = self.rows = self.refused = 0

    def now(self) -> Counts:
        """Everything until now."""
        return Counts(self.connections, self.round_trips, self.rows, self.refused)


class Heard:
    """One connection, as its server speaks. What opens it is no round trip of its own."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._header = b""
        self._skip = 0  # bytes left of a message that was counted
        self._open = False

    def hear(self, data: bytes) -> None:
        """The next bytes, cut anywhere."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            self._header += data[at : at + 1]
            at += 1
            if not self._open and self._header == b"N":
                self._header = b""  # the answer to a client that asked for TLS: a byte without a length
            if len(self._header) == HEADER:
                self._count(self._header[:1])
                self._skip = max(0, int.from_bytes(self._header[1:], "big") - (HEADER - 1))
                self._header = b""

    def _count(self, kind: bytes) -> None:
        if kind in ROWS:
            self._traffic.rows += 1
        elif kind == READY and self._open:
            self._traffic.round_trips += 1
        elif kind == READY:
            self._open = True
            self._traffic.connections += 1
        elif kind == ERROR and not self._open:
            self._traffic.refused += 1
