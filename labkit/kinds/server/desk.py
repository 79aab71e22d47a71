"""A learner's server at work: one instance of it, what it may ask (the knowledge base, the accounts, a database), and its clients.

async with Desk(sandbox, text) as desk:
    client = await desk.client("/desk")
    asked = desk.ask(client)
    await desk.must_answer(client, asked)
"""

from __future__ import annotations

import contextlib
import json
import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from labkit.kinds.answer import AnswerError, Wrong
from labkit.kinds.server.accounts import Accounts
from labkit.kinds.server.backend import Asked, Backend
from labkit.kinds.websocket.connection import Client, Ended, Event, Message, Refused, Silence
from labkit.kinds.websocket.frames import Violation
from labkit.kinds.websocket.instance import LIMITS, DoesNotListen, Instance
from labkit.kinds.websocket.stage import Stage
from labkit.sandbox import Limits, Relay, Sandbox

if TYPE_CHECKING:
    from labkit.services.postgres import Database

T = TypeVar("T")
PATH = "/desk"
PATIENCE = 6.0  # seconds for what takes milliseconds
Question = tuple[str, int]  # its text, and its id


class Desk:
    """An async context manager: leaving it ends the clients, the server and what it asked."""

    def __init__(self, sandbox: Sandbox, text: str, limits: Limits = LIMITS, database: Database | None = None) -> None:
        self.backend, self.accounts = Backend(), Accounts()
        asked = (self.backend, self.accounts)
        files = {name: module for service in asked for name, module in service.module.items()}
        sockets = {service.NAME: service.path for service in asked}
        self.relay = Relay(database.host, database.port) if database else None
        reached = self.relay.socket if self.relay else None
        environment = database.environment(host=sandbox.folder_of(reached), port=5432) if database and reached else {}
        self.instance = Instance(
            sandbox, text, files=files, sockets=sockets, reached=reached, environment=environment, limits=limits
        )
        self.clients: list[Client] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.backend)
            await stack.enter_async_context(self.accounts)
            if self.relay:
                stack.enter_context(self.relay)
            await stack.enter_async_context(self.instance)
            stack.callback(self._leave)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _leave(self) -> None:
        for client in self.clients:
            client.cut()

    @property
    def logs(self) -> list[list[Event]]:
        """What happened on each client's connection."""
        return [client.log for client in self.clients]

    async def client(self, target: str = PATH, **options: Any) -> Client:
        """A client that was let in. Raises Refused, Silence, Violation."""
        self.clients.append(await Client.open(self.instance.path, target, seconds=PATIENCE, **options))
        return self.clients[-1]

    def ask(self, client: Client, *, hold: bool = False) -> Question:
        """A client asks something that nobody asked before; with `hold` the knowledge base answers when it is told to."""
        question, number = f"question {secrets.token_hex(4)}?", random.randint(1, 1_000_000)
        if hold:
            self.backend.held.add(question)
        client.send(json.dumps({"id": number, "text": question}))
        return question, number

    async def asked(self, question: Question) -> Asked:
        """Waits until the server asks the knowledge base. Raises Wrong when it does not."""
        if (asked := await self.backend.asked_for(question[0], PATIENCE)) is None:
            raise Wrong(
                "A client asked, and the server did not look it up.", expected="look_up(text)", got="no call of it"
            )
        return asked

    async def must_answer(self, client: Client, *asked: Question) -> None:
        """Raises Wrong unless the next messages are the answers to these questions, in any order."""
        missing = {number: question for question, number in asked}
        while missing:
            number, text = read(await client.receive(PATIENCE))
            if number not in missing:
                why = "An answer came that this client had not asked for, or had already."
                raise Wrong(why, expected=f"the id {next(iter(missing))}", got=f"the id {number!r}"[:80])
            if text not in self.backend.answers_to(missing.pop(number)):
                got = f"{text!r}"[:80]
                raise Wrong(
                    "The answer is not what the knowledge base said.", expected="what look_up returned", got=got
                )


def started(stage: Stage, server: AbstractAsyncContextManager[T]) -> T | AnswerError:
    """A server that runs until the stage ends, or the error that starting it came to: for a fixture, as each check has to tell it."""
    try:
        return stage.enter(server)
    except DoesNotListen as error:
        return AnswerError(str(error))


def must_have_started(found: T | AnswerError) -> T:
    """What `started` found. Raises AnswerError."""
    if isinstance(found, AnswerError):
        raise found
    return found


def player(stage: Stage, path: str = PATH) -> Callable[[Any], Any]:
    """Plays a scene to its end, also one that was begun; what goes wrong in it is told to the server's author."""

    def play(scene: Any) -> Any:
        with in_words(path):
            return scene.result() if hasattr(scene, "result") else stage.run(scene)

    return play


def read(message: Message) -> tuple[Any, Any]:
    """Id and answer of a message. Raises Wrong."""
    try:
        found = json.loads(message.content)
        return found["id"], found["answer"]
    except (ValueError, TypeError, LookupError, RecursionError):
        got = f"{message.content[:80]!r}"
        raise Wrong("A message of the server is no answer.", expected='{"id": …, "answer": …}', got=got) from None


@contextlib.contextmanager
def in_words(path: str = PATH) -> Iterator[None]:
    """What may go wrong between clients and a server, told to the server's author: as AnswerError or Wrong."""
    try:
        yield
    except DoesNotListen as error:
        raise AnswerError(str(error)) from None
    except Refused as error:
        raise Wrong(f"A client asked for {path}, and was not let in.", expected="status 101", got=error) from None
    except Silence as error:
        raise Wrong("A client waited for nothing.", expected="an answer at once", got=error) from None
    except Ended as error:
        why, got = "The connection of a client ended that waited for an answer.", f"close code {error.ending}"
        raise Wrong(why, expected="it stays open", got=got) from None
    except Violation as error:
        raise Wrong("The server broke the protocol.", expected="frames by RFC 6455", got=error) from None
    except TimeoutError:
        raise Wrong("The scene did not come to its end.", expected="seconds", got="more than a minute") from None
