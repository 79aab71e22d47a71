"""Which loopback address stands for which address of the cluster.

The API takes no loopback address for a pod or a Service. So pods report 198.18.x.y and Services have 198.19.x.y (a range that is
nobody's, RFC 2544), and both live at 127 with the same last two numbers. Nothing leaves the machine. Several nodes on one machine (two
grading workers, the people of a hub) each have a part of loopback for themselves: else a pod of one could not have its port, or would
be called by the other.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

POD_RANGE, SERVICE_RANGE = "198.18.0.0/16", "198.19.0.0/16"
PREFIXES = POD, SERVICE = ("198.18.", "198.19.")
FIRST, LAST = 18, 250  # the second number of a part of loopback, for pods; Services have the next one
CLAIM = 10_259  # a port that a node holds in its part, at an address that no pod gets
UNPRIVILEGED = 1024  # lower ports are the superuser's
SHIFT = 20_000  # so they lie this much higher, and the programs do not notice


class Loopback:
    """The part of loopback that this process' node has; `second` is its second number."""

    def __init__(self) -> None:
        self.second = FIRST
        self._claim: socket.socket | None = None

    def claim(self) -> None:
        """Takes the first part that no other node of this machine has; it is free again when this process ends. Raises OSError."""
        for second in range(FIRST, LAST, 2):
            claim = socket.socket()
            try:
                claim.bind((f"127.{second}.255.254", CLAIM))
                claim.listen()
            except OSError:
                claim.close()
                continue
            self.second, self._claim = second, claim
            return
        raise OSError(f"all {(LAST - FIRST) // 2} parts of loopback are taken by other nodes of this machine")

    def release(self) -> None:
        """Leaves it to others."""
        if self._claim:
            self._claim.close()


MINE = Loopback()


def on_loopback(address: str) -> str:
    """Where an address of the cluster really is; others are left as they are."""
    for prefix, second in ((POD, MINE.second), (SERVICE, MINE.second + 1)):
        if address.startswith(prefix):
            return f"127.{second}.{address.removeprefix(prefix)}"
    return address


def real_port(port: int) -> int:
    """Where a port really is."""
    return port + SHIFT if 0 < port < UNPRIVILEGED else port


class PodAddresses:
    """Hands out the addresses of pods; one that was given back comes last again."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._next: Iterator[int] = itertools.count(2)

    def take(self) -> str:
        """An address that no pod has."""
        while True:
            number = next(self._next) % 62_500
            address = f"{POD}{number // 250}.{number % 250 + 2}"
            if address not in self._used:
                self._used.add(address)
                return address

    def give_back(self, address: str) -> None:
        """The pod is gone."""
        self._used.discard(address)
