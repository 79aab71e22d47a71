"""A server for WebSockets: one file, run as a program in the sandbox."""

from __future__ import annotations

from labkit.kinds.kind import Kind
from labkit.kinds.websocket.instance import LIMITS


class Server(Kind):
    """A program that listens on a Unix socket, until it is told to stop. It reaches the services that its lab gives it, and no network."""

    stub = "your server here"
    fixtures = "labkit.kinds.server.fixtures"
    seconds = LIMITS.seconds
    sandbox = LIMITS


KIND = Server
