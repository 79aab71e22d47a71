"""Migrations that someone else wrote, run in a sandbox step by step, so that a check can look in between.

with Rollout(sandbox, database, answers, ["upgrade expand", "upgrade contract", "downgrade base"]) as rollout:
    rollout.step()      # upgrade expand
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Self

from labkit.grading.checks import AnswerError
from labkit.grading.sandbox import Finished, Limits, Relay, Sandbox
from labkit.services import alembic_project
from labkit.services.alembic_project import DONE, GATE
from labkit.services.postgres import Database

POLL = 0.01  # seconds between two looks at whether a step is done
LIMITS = Limits(seconds=60, cpu_seconds=30)


class Rollout:
    """One process of Alembic in the sandbox. Its steps begin when they are told to, by a lock that we hold till then."""

    def __init__(self, sandbox: Sandbox, database: Database, answers: Mapping[str, str], steps: Sequence[str]) -> None:
        self.sandbox, self.database, self.answers, self.steps = sandbox, database, answers, steps
        self.taken = 0
        self.first_error: AnswerError | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._gates = stack.enter_context(self.database.admin())
            for number in range(len(self.steps)):
                self._gates.execute("SELECT pg_advisory_lock(%s, %s)", [GATE, number])
            threads = stack.enter_context(ThreadPoolExecutor(1, "rollout"))
            stack.callback(self.database.end_sessions)  # also what is in the middle of a statement
            relay = stack.enter_context(Relay(self.database.host, self.database.port))  # the program ends with it
            self._running: Future[Finished] = threads.submit(self._run, relay)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def step(self, look: Callable[[], object] = lambda: None) -> None:
        """Runs the next step to its end, with a `look` every few milliseconds.

        Raises AnswerError when the step fails, now and at each further step.
        """
        if self.first_error:
            raise self.first_error
        number = self.taken
        self.taken += 1
        self._gates.execute("SELECT pg_advisory_unlock(%s, %s)", [GATE, number])
        while not self._is_done(number):
            look()
            wait([self._running], timeout=POLL)
            if self._running.done() and not self._is_done(number):
                self.first_error = AnswerError(self._told(number, self._running.result()))
                raise self.first_error

    def _run(self, relay: Relay) -> Finished:
        folder = self.sandbox.folder_of(relay.socket)
        return self.sandbox.run(
            alembic_project.command(self.steps, gates=True),
            files=alembic_project.files(self.answers, []),
            sockets=[relay.socket],
            limits=LIMITS,
            env=alembic_project.environment(self.database, host=folder, port=5432),
        )

    def _is_done(self, number: int) -> bool:
        """A lock says so; only the program itself can hold it."""
        found = self._gates.execute(
            """SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
               WHERE datname = %s AND locktype = 'advisory' AND classid = %s AND objid = %s AND granted)""",
            [self.database.name, DONE, number],
        ).fetchone()
        return bool(found and found[0]) or (self._running.done() and self._running.result().ok)

    def _told(self, number: int, finished: Finished) -> str:
        """What went wrong, in the words of the migration's own error."""
        step = f"`alembic {self.steps[number]}`"
        if finished.ended_by != "exit":
            return f"{step} did not end well. {finished.why(LIMITS)}"
        said = " ".join(finished.stderr.split())[-500:] or f"exit status {finished.exit_code}"
        return f"{step} failed. {said}"
