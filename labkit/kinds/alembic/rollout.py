"""Migrations that someone else wrote, run in a sandbox step by step, so that a check can look in between.

with Rollout(sandbox, database, answers, ["upgrade expand", "upgrade contract", "downgrade base"]) as rollout:
    rollout.step()      # upgrade expand
    with Rollout(…, another_database, …, before=rollout) as again:      # where nothing failed, the same process goes on
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import wait
from contextlib import ExitStack
from typing import Self

from labkit.kinds.alembic import project as alembic_project
from labkit.kinds.alembic.kind import Alembic
from labkit.kinds.alembic.project import DONE, GATE, GO_ON
from labkit.kinds.answer import AnswerError
from labkit.kinds.program import Program
from labkit.sandbox import Finished, Sandbox
from labkit.services.postgres import Database

POLL = 0.01  # seconds between two looks at whether a step is done
# Sessions in the middle of a statement, but for the one that waits at its gate: it has nothing of the step's left to do.
GOING_ON = """
    SELECT pid FROM pg_stat_activity WHERE usename = %s AND state = 'active'
      AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)
"""
PATIENCE = 5.0  # seconds in which a session's end must have come through


class Rollout:
    """The steps of one database. Each begins when it is told to, by a lock that we hold till then."""

    def __init__(
        self,
        sandbox: Sandbox,
        database: Database,
        answers: Mapping[str, str],
        steps: Sequence[str],
        *,
        before: Rollout | None = None,
    ) -> None:
        self.database, self.steps = database, steps
        self.taken = 0
        self.first_error: AnswerError | None = None
        command, files = alembic_project.command(steps, gates=True), alembic_project.files(answers, [])
        self._new = Program(sandbox, database, Alembic, command, files)
        self._before = before

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._gates = stack.enter_context(self.database.admin())
            for number in range(len(self.steps) + 1):
                self._gates.execute("SELECT pg_advisory_lock(%s, %s)", [GATE, number])
            self._too_large = stack.enter_context(self.database.deadline())
            if self._before and not self._before.can_go_on():
                self._before.end_program()
                self._before = None
            self._program = self._before._program if self._before else stack.enter_context(self._new)
            stack.callback(self.end_program)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def can_go_on(self) -> bool:
        """Whether the program may go on with another database: it is young, and waits for what comes next."""
        return not self.first_error and self._program.is_young() and self._is_at_gate(self.taken)

    def end_program(self) -> None:
        """Ends the program and its sessions."""
        self._program.relay.close()
        self.database.end_sessions()  # also what is in the middle of a statement
        self._program.close()

    def get_ready(self) -> None:
        """Waits until a new program stands at its first gate, or has ended: what begins after that does not slow its start down.

        At the gates of further steps it stands when the one before is done.
        """
        while not self._before and not self.taken and not self._program.running.done() and not self._is_at_gate(0):
            wait([self._program.running], timeout=POLL)

    def step(self, look: Callable[[], object] = lambda: None, ours: Callable[[], Collection[int]] = tuple) -> None:
        """Runs the next step to its end, with a `look` every few milliseconds. `ours` are the server's processes that work for us meanwhile.

        Raises AnswerError when the step fails, now and at each further step.
        """
        if self.first_error:
            raise self.first_error
        number = self.taken
        self.taken += 1
        self._program.relay.let_flow()
        self._gates.execute("SELECT pg_advisory_unlock(%s, %s)", [GATE, number])
        if self._before and number == 0:
            self._before._hand_over(self.database)
        try:
            try:
                self._wait_for(number, look)
            finally:
                self._program.relay.hold()  # between two steps nobody looks, so nothing is done
            self._end_what_goes_on(number, ours())
        except AnswerError as error:
            self.first_error = error
            raise

    def _end_what_goes_on(self, number: int, ours: Collection[int]) -> None:
        """Ends statements that the step sent and then hung up on: the server would go on with them between the steps.

        Raises AnswerError where there is one: what it did may be anywhere in what follows.
        """
        left = [pid for (pid,) in self._gates.execute(GOING_ON, [self.database.role]) if pid not in ours]
        for pid in left:
            self._gates.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        if left:
            raise AnswerError(
                f"`alembic {self.steps[number]}` was done, and a statement of it still ran on the server. Wait for each one's end."
            )

    def _wait_for(self, number: int, look: Callable[[], object]) -> None:
        until = 0.0
        while not (is_done := self._is_done(number)) or self._program.relay.open_connections > 1:
            look()
            wait([self._program.running], timeout=POLL)
            if self._program.running.done():
                raise AnswerError(self._told(number, self._program.running.result()))
            until = until or (time.monotonic() + PATIENCE if is_done else 0.0)
            if until and time.monotonic() > until:
                raise AnswerError(
                    f"`alembic {self.steps[number]}` left a session open when it was done. Which program still uses it?"
                )

    def _hand_over(self, database: Database) -> None:
        """Tells the program of the next database, not before the first step there: else what ran here could work on it unseen.

        And what it has said of this one, which its author will read, has nothing of the other one in it.
        """
        there = json.dumps(self._program.environment(database))
        self._gates.execute("SELECT pg_notify(%s, %s)", [GO_ON, there])
        self._gates.execute("SELECT pg_advisory_unlock(%s, %s)", [GATE, self.taken])

    def _is_at_gate(self, number: int) -> bool:
        found = self._gates.execute(
            """SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database
               WHERE datname = %s AND locktype = 'advisory' AND (classid, objid, granted) = (%s, %s, false))""",
            [self.database.name, GATE, number],
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
