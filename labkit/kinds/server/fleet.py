"""Several instances of a learner's server on one database, each with a network of its own to it, and their clients.

async with Fleet(sandbox, text, database) as fleet:
    client = await fleet.client(0)
    fleet.cut_off(1)                # this instance's database is gone; the others' is there
    fleet.reconnect(1)
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from labkit.kinds.websocket.connection import Client
from labkit.kinds.websocket.instance import LIMITS, DoesNotListen, Instance
from labkit.sandbox import Relay, Sandbox
from labkit.sandbox.limits import MiB

if TYPE_CHECKING:
    from labkit.services.postgres import Database

SIZE = 3
CONNECTIONS = 5  # to the database, of an instance
MEMORY = 128 * MiB  # of an instance; a third of it is there before anybody comes
FLEET_LIMITS = replace(LIMITS, memory=MEMORY, addresses=512 * MiB)
PATIENCE = 10.0  # seconds for what takes milliseconds
NAMES = "ABCDEFGH"


class Member:
    """One instance of a fleet: a process, and its way to the database."""

    def __init__(self, sandbox: Sandbox, text: str, database: Database) -> None:
        self.relay = Relay(database.host, database.port, connections=CONNECTIONS)
        socket = self.relay.socket
        environment = database.environment(host=sandbox.folder_of(socket), port=5432)
        self.instance = Instance(sandbox, text, reached=socket, environment=environment, limits=FLEET_LIMITS)


class Fleet:
    """An async context manager: leaving it ends clients, instances and their connections to the database."""

    def __init__(self, sandbox: Sandbox, text: str, database: Database, size: int = SIZE) -> None:
        self.database = database
        self.members = [Member(sandbox, text, database) for _ in range(size)]
        self.clients: list[Client] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._too_large = stack.enter_context(self.database.deadline())
            for member in self.members:
                stack.enter_context(member.relay)
                stack.push_async_exit(member.instance)
            await self._start()
            stack.callback(self._leave)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        """All at once. Raises DoesNotListen."""
        starts = [member.instance.start() for member in self.members]
        failures = [failure for failure in await asyncio.gather(*starts, return_exceptions=True) if failure]
        for failure in failures:
            raise failure

    def _leave(self) -> None:
        for client in self.clients:
            client.cut()

    @property
    def logs(self):
        """What happened on each client's connection."""
        return [client.log for client in self.clients]

    async def client(self, where: int, target: str = "/") -> Client:
        """A client of one of the instances. Raises Refused, Silence, Violation."""
        path = self.members[where].instance.path
        self.clients.append(await Client.open(path, target, seconds=PATIENCE))
        return self.clients[-1]

    def relay(self, where: int) -> Relay:
        """An instance's way to the database."""
        return self.members[where].relay

    def cut_off(self, where: int) -> None:
        """An instance loses its connections to the database, and gets no other ones until `reconnect`."""
        self.relay(where).hold()
        self.relay(where).cut()

    def reconnect(self, where: int) -> None:
        """The end of `cut_off`."""
        self.relay(where).let_flow()

    def restart_database(self) -> None:
        """For the instances as if the database had started anew: each of their sessions ends, whatever it is at."""
        self.database.end_sessions()

    async def kill(self, where: int) -> None:
        """An instance crashes."""
        self.members[where].instance.kill()
        await self.members[where].instance.ended()

    def ended(self) -> str:
        """Why an instance is gone, for its author; nothing while all of them run, or were killed by us."""
        if told := self._too_large():
            return told
        for name, member in zip(NAMES, self.members, strict=False):
            finished = member.instance.finished
            if finished and finished.done() and finished.result().ended_by != "stopped":
                return f"Instance {name} ended. {member.instance.why_it_ended()}"
        return ""


__all__ = ["CONNECTIONS", "NAMES", "SIZE", "DoesNotListen", "Fleet"]
