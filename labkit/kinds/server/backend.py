"""What a learner's server asks in its turn: a service of the course's own, which answers when a check says so.

A check thereby knows which questions a server is at, without a clock.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from labkit.kinds.server.asked_service import AskedService, answer

MOST = 2_000  # questions of one run
PATIENCE = 20.0  # seconds for a question that takes milliseconds

MODULE = '''async def look_up(question):
    """The answer to a question (text), from the knowledge base, which takes its time. Raises ConnectionError when it is not there."""
    found = await _ask(question)
    if found is None:
        raise ConnectionError("the knowledge base does not answer")
    return found
'''


class Asked:
    """A question that came, and waits for its answer."""

    def __init__(self, question: str, writer: asyncio.StreamWriter) -> None:
        self.question, self.at = question, time.monotonic()
        self.text = secrets.token_hex(6)  # what nobody can know who did not ask
        self._writer = writer
        self.is_answered = False

    def answer(self) -> str:
        """Sends the answer, and returns it."""
        if not self.is_answered:
            self.is_answered = True
            answer(self._writer, self.text)
        return self.text

    def hang_up(self) -> None:
        """Ends the connection without an answer."""
        self._writer.close()


class Backend(AskedService):
    """The knowledge base. It answers at once, or holds what it is asked when `held` has the question."""

    NAME, MODULE_FILE, MODULE = "KNOWLEDGE", "knowledge.py", MODULE

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[Asked] = []
        self.held: set[str] = set()  # questions that wait until a check answers them
        self._changed = asyncio.Condition()

    async def __aexit__(self, *_: object) -> None:
        for asked in self.questions:
            asked.hang_up()
        await super().__aexit__()

    def answers_to(self, question: str) -> list[str]:
        """What was answered to a question so far."""
        return [asked.text for asked in self.questions if asked.question == question and asked.is_answered]

    async def asked_for(self, question: str, seconds: float = PATIENCE) -> Asked | None:
        """Waits until a question has come. None when it does not."""

        def found() -> Asked | None:
            return next((asked for asked in self.questions if asked.question == question), None)

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: found() is not None)
        except TimeoutError:
            return None
        return found()

    async def asked(self, question: Any, writer: asyncio.StreamWriter) -> None:
        """See AskedService."""
        if not isinstance(question, str) or len(self.questions) >= MOST:
            writer.close()
            return
        asked = Asked(question, writer)
        self.questions.append(asked)
        if question not in self.held:
            asked.answer()
        async with self._changed:
            self._changed.notify_all()
