"""Calls of functions that someone else wrote, in a sandbox: each is given a session on one database, and is judged by what it does there.

with Callee(sandbox, database, text) as callee:
    call = callee.call("transfer", 7, 8, 500)       # begins, and goes on beside us
    callee.waits_for(session)                       # until it needs what our own session holds
    session.commit()
    call.outcome().sqlstate                         # "" when it returned
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Self

import psycopg

from labkit.kinds.answer import AnswerError
from labkit.kinds.program import Program
from labkit.kinds.python.kind import Python
from labkit.sandbox import Finished, Sandbox
from labkit.services.postgres import Database

CALL, TOLD = "labkit_call", "labkit_told"  # notifications: to the program, and from it
GO_ON = "go_on"  # instead of a function's name: with another database
USELESS = 64  # the exit status of a program that no call can be made of
DEADLINE = 20.0  # seconds of a call: some hundred times what a right one takes, and time to wait between attempts
PATIENCE = 3  # calls that may not return, until no more are made
ALL_CALLS = 120.0  # seconds until all sessions end, also those of the check: an answer may let a table's trigger sleep
FLOOD = 2_000  # notifications of an answer, of which each call needs one
OWN = "-c lock_timeout=3s"  # of the check's sessions: nobody holds a lock for longer who is not at fault
STARTING = 30.0  # seconds until the program waits for its first call
ENDING = 5  # seconds for a session to end
POLL = 0.005  # seconds between two looks at who waits for whom: a server tells nobody
IDLE_INSIDE = "idle in transaction"  # also when it is aborted
LONGEST = 600  # characters of an error that are told

RUN = f'''"""Calls functions of answer.py with a session that is as good as new, as notifications say, and tells what came of it."""
import gc, inspect, json, os, sys, traceback

gc.disable()  # nothing that is imported goes away again
import psycopg

gc.enable()


def told(error):
    """The error with the answer's line that it comes from."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename.endswith("answer.py")]
    lines = [error.lineno] if isinstance(error, SyntaxError) else lines
    place = f"line {{lines[-1]}}: " if lines else ""
    try:
        said = str(error)
    except Exception:
        said = ""
    sqlstate = str(getattr(error, "sqlstate", None) or "")[:5]
    return {{"error": f"{{place}}{{type(error).__name__}}: {{said}}"[:{LONGEST}], "sqlstate": sqlstate}}


def as_new(connection):
    """The session of the last call, which is ten times as quick as another one."""
    if connection is None or connection.closed:
        return psycopg.connect(prepare_threshold=None)  # it would not know that what it prepared is discarded
    try:
        connection.rollback()
        connection.autocommit = True
        connection.execute("DISCARD ALL")
    except psycopg.Error:  # it was left in a transaction, and has been ended for that
        return as_new(None)
    connection.autocommit, connection.isolation_level, connection.read_only, connection.deferrable = False, None, None, None
    return connection


def call(connection, asked):
    function = getattr(answer, asked["function"], None)
    if not callable(function):
        print(f"The cell defines no function {{asked['function']}}.", file=sys.stderr, flush=True)
        os._exit({USELESS})
    result = function(connection, *asked["arguments"])
    if inspect.isawaitable(result) or inspect.isgenerator(result):
        raise TypeError(f"{{asked['function']}} is {{type(result).__name__}}, of which nothing has run: write it without async and yield")


def serve():
    """Answers calls until there is another database. Returns its PG* variables."""
    connection = None
    with psycopg.connect(autocommit=True) as control:
        control.execute("LISTEN {CALL}")
        control.execute("SELECT pg_notify('{TOLD}', %s)", [json.dumps({{"number": 0}})])
        while True:
            for note in list(control.notifies(stop_after=1)):
                asked = json.loads(note.payload)
                if asked["function"] == "{GO_ON}":
                    if connection is not None:
                        connection.close()
                    return asked["arguments"][0]
                outcome = {{"number": asked["number"]}}
                try:
                    if asked["anew"] and connection is not None:
                        connection.close()
                    connection = as_new(connection)
                    call(connection, asked)
                except BaseException as error:
                    outcome |= told(error)
                control.execute("SELECT pg_notify('{TOLD}', %s)", [json.dumps(outcome)])


try:
    while True:
        import answer  # anew for each database: what it remembers is of the last one

        os.environ.update(serve())
        del sys.modules["answer"]
except BaseException as error:
    print("The cell does not run:", told(error)["error"], file=sys.stderr, flush=True)
    os._exit({USELESS})  # Python would take 0.1 s to clear up after itself
'''


@dataclass(frozen=True)
class Outcome:
    """What a call came to: nothing when it returned, else its error, and the SQLSTATE when that is one of Postgres'; and whether it
    left a transaction open, which is ended then.
    """

    error: str = ""
    sqlstate: str = ""
    left_open: bool = False


class Call:
    """A call that has begun."""

    def __init__(self, callee: Callee, number: int) -> None:
        self._callee, self._number = callee, number

    def outcome(self, look: Callable[[], object] = lambda: None) -> Outcome:
        """Waits for its end, with a `look` every few milliseconds. Raises AnswerError when it does not come."""
        told = self._callee.told(self._number, DEADLINE, look)
        return replace(told, left_open=self._callee.end_sessions(IDLE_INSIDE))


class Callee:
    """The functions of an answer. A context manager; with `before`, that one's program goes on with this database where it can."""

    def __init__(self, sandbox: Sandbox, database: Database, text: str, *, before: Callee | None = None) -> None:
        self.database = database
        self._sandbox, self._text, self._before = sandbox, text, before
        self._program: Program | None = None
        self._own: list[int] = []  # the processes of the check's sessions
        self._useless = ""  # why no call can succeed
        self._notes = self._late = self._called = 0
        self._anew = False  # whether the next call is given a session that has just begun
        self._told: dict[int, Outcome] = {}  # by the call's number; 0 says that the program waits for calls

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._admin = stack.enter_context(self.database.admin())
            self._admin.execute(f"LISTEN {TOLD}")
            self._too_large = stack.enter_context(self.database.deadline(ALL_CALLS))
            stack.callback(self.end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def connect(self, **options: Any) -> psycopg.Connection:
        """A session of the check's own, as `Database.connect`: it is not ended with the program."""
        session = self.database.connect(options=OWN, **options)
        self._own.append(session.info.backend_pid)
        return session

    def call(self, function: str, *arguments: Any) -> Call:
        """Begins a call of `function(session, *arguments)`; JSON must have the arguments. Starts the program where there is none.

        Raises AnswerError when that cannot be.
        """
        if self._useless:
            raise AnswerError(self._useless)
        if self._program is None:
            self._told.clear()
            self._program = self._taken_over() or self._started()
            self.told(0, STARTING)
        self._called += 1
        self._ask(self._called, function, *arguments)
        return Call(self, self._called)

    def begin_session(self) -> None:
        """The next call is given a session that begins with it: one that was there before keeps settings from its own beginning."""
        self._anew = True

    def waits_for(self, session: psycopg.Connection) -> bool:
        """Waits until the call that goes on needs a lock of the session. Returns whether it does: it may end without."""
        asked = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = %s AND %s = ANY (pg_blocking_pids(pid)))"
        until = time.monotonic() + DEADLINE
        while self.goes_on() and time.monotonic() < until:
            found = self._admin.execute(asked, [self.database.name, session.info.backend_pid]).fetchone()
            if found and found[0]:
                return True
            self._take_notes()
        return False

    def goes_on(self) -> bool:
        """Whether the last call has not ended."""
        return self._called not in self._told and self._program is not None and not self._program.running.done()

    def told(self, number: int, seconds: float, look: Callable[[], object] = lambda: None) -> Outcome:
        """Waits for what the program tells of a call. Raises AnswerError when it tells nothing, and what `look` raises; then it is ended."""
        until = time.monotonic() + seconds
        try:
            while number not in self._told:
                look()
                self._take_notes()
                if number not in self._told and self._program and self._program.running.done():
                    raise AnswerError(self._why_it_ended(self._program.running.result()))
                if time.monotonic() > until:
                    self._late += 1
                    why = f"The function did not return within {seconds:g} s, and was stopped. What does it wait for?"
                    self._useless = why if self._late == PATIENCE else ""
                    raise AnswerError(why)
        except BaseException:
            self.end()
            raise
        return self._told[number]

    def end_sessions(self, state: str = "") -> bool:
        """Ends the program's sessions whose state begins so, which keep their locks else. Returns whether there were any."""
        ended = self._admin.execute(
            """SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity
               WHERE datname = %s AND usename = %s AND starts_with(coalesce(state, ''), %s) AND pid <> ALL (%s)""",
            [1000 * ENDING, self.database.name, self.database.role, state, self._own],
        )
        return bool(ended.fetchall())

    def end(self) -> None:
        """Ends the program and its sessions; the next call starts another one."""
        program, self._program = self._program, None
        if program:
            program.relay.close()
            self.end_sessions()  # also what is in the middle of a statement
            program.close()

    def hand_over(self, database: Database) -> Program | None:
        """The program, told to go on with another database, where it waits for its next call; else it is ended. No call comes here any more."""
        program = None
        if self._program and not self.goes_on() and self._program.is_young():
            program, self._program = self._program, None
            self._ask(0, GO_ON, program.environment(database))
        self.end()
        self._admin.execute("UNLISTEN *")  # a session that is told and not heard is stuck, and nobody hears it now
        return program

    def _started(self) -> Program:
        files = {"run.py": RUN, "answer.py": self._text}
        return Program(self._sandbox, self.database, Python, ["python", "run.py"], files).__enter__()

    def _taken_over(self) -> Program | None:
        """The program that worked on the database before."""
        before, self._before = self._before, None
        return before.hand_over(self.database) if before else None

    def _ask(self, number: int, function: str, *arguments: Any) -> None:
        self._told.pop(number, None)
        asked = {"number": number, "function": function, "arguments": arguments, "anew": self._anew}
        self._anew = False
        self._admin.execute("SELECT pg_notify(%s, %s)", [CALL, json.dumps(asked)])

    def _take_notes(self) -> None:
        """What the program, or whatever else the answer lets do it, told within the next moment; only what is waited for is kept."""
        for note in self._admin.notifies(timeout=POLL, stop_after=1):
            self._notes += 1
            try:
                told = json.loads(note.payload)
                number, outcome = told["number"], Outcome(_text(told, "error"), _text(told, "sqlstate"))
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
                continue
            if number in (0, self._called) and isinstance(number, int):
                self._told[number] = outcome
        if self._notes > FLOOD:
            self._useless = "The function sends notifications without end, beside the one that tells of its return."
            self.end()
            raise AnswerError(self._useless)

    def _why_it_ended(self, finished: Finished) -> str:
        """Why there is no program any more, in the words of its own error."""
        if finished.ended_by != "exit":
            return f"The function did not end well. {finished.why(Python.sandbox)}"
        if why := self._too_large():
            return why
        if finished.exit_code == USELESS and (said := finished.stderr.strip().splitlines()):
            self._useless = said[-1][:LONGEST]
        return self._useless or "The function ended the whole program. Which line exits?"


def _text(told: dict[str, Any], name: str) -> str:
    """A text in what the program told, such as any file can hold."""
    return str(told.get(name, "")).encode("utf-8", "replace").decode()[:LONGEST]
