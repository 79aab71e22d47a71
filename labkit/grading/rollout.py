"""Migrations that someone else wrote, run in a sandbox step by step, so that a check can look in between.

with Rollout(sandbox, database, answers, ["upgrade expand", "upgrade contract", "downgrade base"]) as rollout:
    rollout.step()      # upgrade expand
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Self

from labkit.grading.checks import AnswerError
from labkit.grading.kinds import Alembic
from labkit.grading.sandbox import Finished, Relay, Sandbox
from labkit.services import alembic_project
from labkit.services.alembic_project import DONE, GATE
from labkit.services.postgres import Database

POLL = 0.01  # seconds between two looks at whether a step is done
PATIENCE = 5.0  # seconds in which a session's end must have come through


class Rollout:
    """One process of Alembic in the sandbox. Its steps begin when they are told to, by a lock that we hold till then."""

    def __init__(self, sandbox: Sandbox, database: Database, answers: Mapping[str, str], steps: Sequence[str]) -> None:
        self.sandbox, self.database, self.answers, self.steps = sandbox, database, answers, steps
        self.taken = 0
        self._begin = threading.Event()  # somebody waits for the program: its wall time counts from here
        self.first_error: AnswerError | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._gates = stack.enter_context(self.database.admin())
            for number in range(len(self.steps) + 1):
                self._gates.execute("SELECT pg_advisory_lock(%s, %s)", [GATE, number])
            self._too_large = stack.enter_context(self.database.deadline())
            threads = stack.enter_context(ThreadPoolExecutor(1, "rollout"))
            stack.callback(self.database.end_sessions)  # also what is in the middle of a statement
            # The program ends with the relay.
            self._relay = stack.enter_context(
                Relay(self.database.host, self.database.port, connections=Alembic.sessions)
            )
            stack.callback(self._begin.set)
            self._running: Future[Finished] = threads.submit(self._run, self._relay)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def get_ready(self) -> None:
        """Waits until the program stands at its first gate, or has ended: what begins after that does not slow its start down.

        At the gates of further steps it stands when the one before is done.
        """
        self._begin.set()
        while not self.taken and not self._running.done() and not self._is_at_first_gate():
            wait([self._running], timeout=POLL)

    def step(self, look: Callable[[], object] = lambda: None) -> None:
        """Runs the next step to its end, with a `look` every few milliseconds.

        Raises AnswerError when the step fails, now and at each further step.
        """
        if self.first_error:
            raise self.first_error
        number = self.taken
        self.taken += 1
        self._begin.set()
        self._relay.let_flow()
        self._gates.execute("SELECT pg_advisory_unlock(%s, %s)", [GATE, number])
        try:
            self._wait_for(number, look)
        except AnswerError as error:
            self.first_error = error
            raise
        finally:
            self._relay.hold()  # between two steps nobody looks, so nothing is done

    def _wait_for(self, number: int, look: Callable[[], object]) -> None:
        until = 0.0
        while not (is_done := self._is_done(number)) or self._relay.open_connections > 1:
            look()
            wait([self._running], timeout=POLL)
            if self._running.done():
                raise AnswerError(self._told(number, self._running.result()))
            until = until or (time.monotonic() + PATIENCE if is_done else 0.0)
            if until and time.monotonic() > until:
                raise AnswerError(
                    f"`alembic {self.steps[number]}` left a session open when it was done. Which program still uses it?"
                )

    def _run(self, relay: Relay) -> Finished:
        folder = self.sandbox.folder_of(relay.socket)
        return self.sandbox.run(
            alembic_project.command(self.steps, gates=True),
            files=alembic_project.files(self.answers, []),
            sockets=[relay.socket],
            limits=Alembic.sandbox,
            env=alembic_project.environment(self.database, host=folder, port=5432),
            begin=self._begin,
        )

    def _is_at_first_gate(self) -> bool:
        found = self._gates.execute(
            """SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
               WHERE datname = %s AND locktype = 'advisory' AND (classid, objid, granted) = (%s, 0, false))""",
            [self.database.name, GATE],
        ).fetchone()
        return bool(found and found[0])

    def _is_done(self, number: int) -> bool:
        """Locks say so, which only the program itself can hold: this step's, while it waits for the next one's."""
        found = self._gates.execute(
            """SELECT EXISTS (SELECT FROM pg_locks AS done JOIN pg_locks AS next USING (database, pid)
               JOIN pg_database ON pg_database.oid = database
               WHERE datname = %s AND done.locktype = 'advisory' AND next.locktype = 'advisory'
                 AND (done.classid, done.objid, done.granted) = (%s, %s, true)
                 AND (next.classid, next.objid, next.granted) = (%s, %s, false))""",
            [self.database.name, DONE, number, GATE, number + 1],
        ).fetchone()
        return bool(found and found[0])

    def _told(self, number: int, finished: Finished) -> str:
        """What went wrong, in the words of the migration's own error."""
        step = f"`alembic {self.steps[number]}`"
        if finished.ok:
            return f"{step} ended the whole program before it was done. Which line exits?"
        if finished.ended_by != "exit":
            return f"{step} did not end well. {finished.why(Alembic.sandbox)}"
        if why := self._too_large():
            return f"{step} failed. {why}"
        said = " ".join(finished.stderr.split())[-500:] or f"exit status {finished.exit_code}"
        return f"{step} failed. {said}"
