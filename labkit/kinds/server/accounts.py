"""Who somebody is, and what they may: a service of the course's own, in which a check takes tokens and rights away while a server runs."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from typing import Any

from labkit.kinds.server.asked_service import AskedService, answer

MOST = 20_000  # questions of one run

MODULE = '''async def identify(token):
    """The user whose token it is; None when it is unknown, expired or revoked. Raises ConnectionError while the accounts cannot be reached."""
    found = await _ask(["identify", token])
    if found is None:
        raise ConnectionError(f"no answer to identify({token!r})")
    return found["user"]


async def may(user, action, room):
    """Whether a user may "read" or "write" in a room. Raises ConnectionError while the accounts cannot be reached."""
    found = await _ask(["may", user, action, room])
    if found is None:
        raise ConnectionError(f"no answer to may({user!r}, {action!r}, {room!r})")
    return found["may"]
'''


class Accounts(AskedService):
    """Tokens and rights. While it is `down`, it ends each connection without an answer."""

    NAME, MODULE_FILE, MODULE = "ACCOUNTS", "accounts.py", MODULE

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.issued: list[str] = []  # all tokens that there ever were: none of them may be read anywhere
        self._tokens: dict[str, tuple[str, float]] = {}
        self._rights: set[tuple[str, str, str]] = set()
        self._questions = 0

    def issue(self, user: str) -> str:
        """A token of this user, good until it is revoked, or as long as `lasts` says."""
        token = secrets.token_urlsafe(24)
        self.issued.append(token)
        self._tokens[token] = user, math.inf
        return token

    def lasts(self, token: str, seconds: float) -> None:
        """From now on the token is good for so many seconds."""
        user, _ = self._tokens[token]
        self._tokens[token] = user, time.monotonic() + seconds

    def revoke(self, token: str) -> None:
        """From now on the token is nobody's."""
        self._tokens.pop(token, None)

    def allow(self, user: str, actions: str, *rooms: str) -> None:
        """Gives rights: `actions` are words, as in "read write"."""
        self._rights |= {(user, action, room) for action in actions.split() for room in rooms}

    def forbid(self, user: str, actions: str, *rooms: str) -> None:
        """Takes rights away."""
        self._rights -= {(user, action, room) for action in actions.split() for room in rooms}

    async def asked(self, question: Any, writer: asyncio.StreamWriter) -> None:
        """See AskedService."""
        self._questions += 1
        if self.is_down or self._questions > MOST:
            writer.close()
            return
        match question:
            case ["identify", str(token)]:
                user, until = self._tokens.get(token, ("", 0.0))
                answer(writer, {"user": user if time.monotonic() < until else None})
            case ["may", str(user), str(action), str(room)]:
                answer(writer, {"may": (user, action, room) in self._rights})
            case ["identify", _]:
                answer(writer, {"user": None})
            case _:
                answer(writer, {"may": False})
