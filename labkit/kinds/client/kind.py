"""A client for WebSockets: a coroutine that follows a server, run in the sandbox, as often as a check likes at the same time."""

from __future__ import annotations

from labkit.kinds.client.followers import LIMITS
from labkit.kinds.kind import Kind


class Client(Kind):
    """Functions in one file. A socket to the one server, and one to tell what came of it, are all that leads out."""

    stub = "your client here"
    seconds = LIMITS.seconds
    sandbox = LIMITS


KIND = Client
