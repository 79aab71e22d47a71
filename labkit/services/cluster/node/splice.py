"""Two connections made one: what comes in here goes out there, and the end of one is the end of the other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset
PATIENCE = 5.0  # seconds for a connection to be made


class Half(asyncio.Protocol):
    """One of the two."""

    def __init__(self) -> None:
        self.other: Half | None = None
        self.transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio's."""
        if self.other and self.other.transport:
            self.other.transport.write(data)
        else:
            self._early.append(data)

    def join(self, other: Half) -> None:
        """From now on they are one; what came before is handed on."""
        self.other, other.other = other, self
        for one, two in ((self, other), (other, self)):
            assert two.transport
            for data in one._early:
                two.transport.write(data)
            one._early.clear()
            if one._ended:
                one._end_other()

    def eof_received(self) -> bool:
        """asyncio's: the other direction may go on."""
        self._ended = True
        self._end_other()
        return True

    def _end_other(self) -> None:
        if self.other and self.other.transport and self.other.transport.can_write_eof():
            with contextlib.suppress(OSError):
                self.other.transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio's. A reset is handed on as one, else the other side would wait for ever."""
        if self.other and self.other.transport:
            self.other.reset() if exc else self.other.transport.close()

    def pause_writing(self) -> None:
        """asyncio's: the other side is too quick."""
        if self.other and self.other.transport:
            with contextlib.suppress(RuntimeError):
                self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """asyncio's."""
        if self.other and self.other.transport:
            with contextlib.suppress(RuntimeError):
                self.other.transport.resume_reading()

    def reset(self) -> None:
        """Ends it the hard way: the peer sees "connection reset"."""
        if self.transport:
            if (sock := self.transport.get_extra_info("socket")) is not None:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()


class Forward(Half):
    """A connection that was accepted, and goes on to wherever `choose` says then: a loopback address and port, or nowhere."""

    def __init__(self, choose: Callable[[], tuple[str, int] | None]) -> None:
        super().__init__()
        self.choose = choose

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        super().connection_made(transport)
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def _go_on(self) -> None:
        target = self.choose()
        if target is None:
            self.reset()
            return
        loop = asyncio.get_running_loop()
        try:
            _, half = await asyncio.wait_for(loop.create_connection(Half, *target), PATIENCE)
        except (TimeoutError, OSError):
            self.reset()
            return
        if self.transport and not self.transport.is_closing():
            self.join(half)
        else:
            half.reset()
