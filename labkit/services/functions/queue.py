"""A queue in front of a function, as Amazon SQS is one with an event source mapping: batches, and what becomes of messages that fail.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. Runs in the platform's event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.services.functions.invocation import THROTTLED, DeadLetter, Invocation, Result
from labkit.services.functions.settings import ACCOUNT, REGION, Settings

BATCHES = 5  # on their way at once: with so many Lambda begins
BACKOFF = 0.02  # seconds before a batch that was throttled is tried again
MESSAGE = 1000  # characters of an error that a dead letter carries


@dataclass
class Message:
    """One message; `received` counts how often a function got it."""

    body: str
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent: float = field(default_factory=time.time)
    received: int = 0

    def record(self, queue: str) -> dict[str, Any]:
        """As it stands in the event."""
        return {
            "messageId": self.message_id,
            "receiptHandle": f"{self.message_id}.{self.received}",
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": str(self.received),
                "SentTimestamp": str(int(1000 * self.sent)),
                "SenderId": ACCOUNT,
            },
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
            "awsRegion": REGION,
        }


class Queue:
    """Gives messages to a function in batches, until each is done or given up."""

    def __init__(self, name: str, settings: Settings, invoke: Callable[[Invocation], Awaitable[Result]]) -> None:
        self.dead_letters: list[DeadLetter] = []
        self._name, self._settings, self._invoke = f"{name}-queue", settings, invoke
        self._visible: deque[Message] = deque()
        self._left = 0  # messages that are neither done nor given up
        self._batches: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def send(self, bodies: Sequence[str]) -> list[str]:
        """Puts messages into the queue. Returns their ids."""
        messages = [Message(body) for body in bodies]
        self._left += len(messages)
        if messages:
            self._empty.clear()
            self._show(messages)
        return [message.message_id for message in messages]

    async def drained(self) -> None:
        """Waits until each message is done, or a dead letter. Raises the fault that a batch met."""
        await self._empty.wait()
        if self._fault:
            raise self._fault

    async def close(self) -> None:
        """Forgets what is in it."""
        self._visible.clear()
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _show(self, messages: Sequence[Message]) -> None:
        self._visible += messages
        while self._visible and len(self._batches) < BATCHES:
            some = [self._visible.popleft() for _ in range(min(self._settings.batch_size, len(self._visible)))]
            task = asyncio.ensure_future(self._give(some))
            self._batches.add(task)
            task.add_done_callback(self._given)

    def _given(self, task: asyncio.Task[None]) -> None:
        self._batches.discard(task)
        if task.cancelled():
            return
        if fault := task.exception():
            self._fault = fault
            self._empty.set()
        else:
            self._show(())

    async def _give(self, batch: list[Message]) -> None:
        """One batch, once: what failed becomes visible again after a while, or is given up."""
        for message in batch:
            message.received += 1
        event = json.dumps({"Records": [message.record(self._name) for message in batch]})
        backoff = BACKOFF
        while (result := await self._invoke(Invocation(event.encode()))).status == THROTTLED:
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, 1.0)
        failed = failures(result, [message.message_id for message in batch], told=self._settings.report_failures)
        again = [message for message in batch if message.message_id in failed]
        for message in [message for message in again if message.received >= self._settings.max_receive]:
            self.dead_letters.append(_dead_letter(message, result))
            again.remove(message)
        self._left -= len(batch) - len(again)
        if again:
            asyncio.get_running_loop().call_later(self._settings.visibility, self._show, again)
        if not self._left:
            self._empty.set()


def failures(result: Result, ids: Sequence[str], *, told: bool) -> set[str]:
    """The messages of a batch that failed. `told`: the function may say which (ReportBatchItemFailures); else it is all or none.

    An answer that says it wrongly (no such message, another key, no JSON) fails all of them; an empty one fails none.
    """
    everything = set(ids)
    if not result.ok:
        return everything
    if not told:
        return set()
    try:
        answer = result.json()
    except ValueError:
        return everything
    if answer is None:
        return set()
    if not isinstance(answer, dict):
        return everything
    items = answer.get("batchItemFailures") or []
    named = {_named(item) for item in items} if isinstance(items, list) else {""}
    return named if named <= everything else everything


def _named(item: Any) -> str:
    """The message that an entry names; empty where it names none."""
    found = item.get("itemIdentifier") if isinstance(item, dict) else None
    return found if isinstance(found, str) else ""


def _dead_letter(message: Message, result: Result) -> DeadLetter:
    """As SQS moves it: the message as it was sent. Why, it does not know; we say what the last batch said."""
    said = str(result.error.get("errorMessage", ""))[:MESSAGE]
    return DeadLetter(message.body, message.message_id, result.status, said, message.received)
