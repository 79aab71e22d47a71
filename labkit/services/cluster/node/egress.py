"""Where the API server's own connections go (to pods, Services and the kubelet port): through this socket, and to loopback alone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from labkit.services.cluster.node.addresses import PREFIXES, on_loopback, real_port
from labkit.services.cluster.node.splice import Half

LONGEST_REQUEST = 8192
LOCAL = {"localhost", "127.0.0.1"}


class Tunnel(Half):
    """One HTTP CONNECT of the API server."""

    def __init__(self, kubelet_port: int) -> None:
        super().__init__()
        self.kubelet_port = kubelet_port
        self._request = b""
        self._open = False

    def data_received(self, data: bytes) -> None:
        """asyncio's: first the request, then whatever goes through."""
        if self._open:
            super().data_received(data)
            return
        self._request += data
        if b"\r\n\r\n" in self._request or len(self._request) > LONGEST_REQUEST:
            self._open = True
            head, _, rest = self._request.partition(b"\r\n\r\n")
            if rest:
                super().data_received(rest)
            self._task = asyncio.get_running_loop().create_task(self._connect(head))

    def _target(self, head: bytes) -> tuple[str, int] | None:
        words = head.split(b" ")
        if words[0] != b"CONNECT" or len(words) < 2:
            return None
        host, _, port = words[1].decode(errors="replace").rpartition(":")
        if not port.isdigit():
            return None
        if host in LOCAL:
            return ("127.0.0.1", int(port)) if int(port) == self.kubelet_port else None
        return (on_loopback(host), real_port(int(port))) if host.startswith(PREFIXES) else None

    async def _connect(self, head: bytes) -> None:
        assert self.transport
        target = self._target(head)
        if target is None:
            self.transport.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            self.transport.close()
            return
        try:
            _, half = await asyncio.wait_for(asyncio.get_running_loop().create_connection(Half, *target), 10)
        except (TimeoutError, OSError):
            self.transport.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            self.transport.close()
            return
        self.transport.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.join(half)


async def listen(path: Path, kubelet_port: int) -> asyncio.Server:
    """Opens the socket, for this user alone."""
    path.unlink(missing_ok=True)
    mask = os.umask(0o077)
    try:
        return await asyncio.get_running_loop().create_unix_server(lambda: Tunnel(kubelet_port), str(path))
    finally:
        os.umask(mask)
