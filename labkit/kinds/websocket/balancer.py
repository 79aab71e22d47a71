"""What stands before several instances of a server: it takes each connection to the next one that is in service."""

from __future__ import annotations

from pathlib import Path

from labkit.kinds.websocket.faulty_network import NONE, Faults, FaultyNetwork


class Balancer(FaultyNetwork):
    """Takes turns between the instances in service. One that drains gets no new connections and keeps those it has."""

    def __init__(self, faults: Faults = NONE, *, seed: int = 0) -> None:
        super().__init__(self._next, faults, seed=seed)
        self._in_service: list[Path] = []
        self._turn = 0

    def add(self, socket: Path) -> None:
        """Puts an instance into service."""
        if socket not in self._in_service:
            self._in_service.append(socket)

    def drain(self, socket: Path) -> None:
        """Takes an instance out of service."""
        if socket in self._in_service:
            self._in_service.remove(socket)

    def _next(self, _: int) -> Path | None:
        if not self._in_service:
            return None
        self._turn += 1
        return self._in_service[self._turn % len(self._in_service)]
