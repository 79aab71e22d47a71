"""Each limit in the table of docs/threat-model.md is what the course is set to, and is kept when an answer tries to exceed it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from labkit import course, source
from labkit.grading import answers, submission
from labkit.grading.answers import Answers
from labkit.grading.calls import Callee
from labkit.grading.checks import AnswerError
from labkit.grading.kinds import KINDS, Alembic, Sql
from labkit.grading.rollout import Rollout
from labkit.grading.sandbox import Limits, Sandbox, choose
from labkit.grading.sandbox.limits import MiB
from labkit.services import flyway, golang_migrate, postgres_settings
from labkit.services.flyway import Command
from labkit.services.golang_migrate import Migrate
from labkit.services.postgres import GRADED, Database

PAGE = Path(__file__).parents[2] / "docs" / "threat-model.md"
UNITS = {"": 1, "s": 1, "kB": 1024, "MB": MiB}


def entries() -> Iterator[tuple[str, str, float]]:
    """The table's entries: limit, kind of artifact, value in bytes, seconds or pieces."""
    text = PAGE.read_text(encoding="utf-8").split("## Limits")[1]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    head, *body = rows
    for limit, *cells in body:
        for kind, cell in zip(head[1:], cells, strict=True):
            if match := re.fullmatch(r"([\d,]+) ?(s|kB|MB|)", cell):
                yield limit, kind, float(match[1].replace(",", "")) * UNITS[match[2]]


ENTRIES = list(entries())
BOX = Alembic.sandbox
SET = {  # what the course is set to, by limit and, where kinds differ, by kind
    "characters of an answer": lambda kind: KINDS[kind].characters,
    "wall time": lambda kind: KINDS[kind].seconds,
    "processor time": lambda _: BOX.cpu_seconds,
    "memory of a server process": lambda _: postgres_settings.BACKEND_BYTES,
    "temporary files of a session": lambda kind: KINDS[kind].database.temp_mb * MiB,
    "file of a table": lambda _: postgres_settings.FILE_BYTES,
    "database in all": lambda kind: KINDS[kind].database.database_mb * MiB,
    "sessions at a time": lambda kind: getattr(KINDS[kind], "sessions", KINDS[kind].database.connections),
    "rows that are read": lambda _: Sql.rows,
    "memory of a program": lambda _: BOX.memory,
    "memory of all its processes": lambda _: BOX.memory,
    "processes and threads": lambda _: BOX.processes,
    "one file": lambda _: BOX.file_size,
    "each of /tmp and /work": lambda _: BOX.disk,
    "files in each of them": lambda _: BOX.files,
    "open files": lambda _: BOX.open_files,
    "output": lambda _: BOX.output,
    "size of the file": lambda _: submission.MAX_BYTES,
    "depth of its JSON": lambda _: submission.MAX_DEPTH,
}


def test_the_table_is_complete_and_says_what_is_set():
    assert {limit for limit, _, _ in ENTRIES} == SET.keys()
    assert {kind for _, kind, _ in ENTRIES} == {*KINDS, "notebook"}
    assert {(limit, kind): value for limit, kind, value in ENTRIES} == {
        (limit, kind): SET[limit](kind) for limit, kind, _ in ENTRIES
    }


# What exceeds a limit on the server, and what is said then.
ON_THE_SERVER = {
    "memory of a server process": (
        "SELECT count(*) FROM unnest(ARRAY(SELECT repeat('x', 1000) FROM generate_series(1, 600000)))",
        "out of memory|memory alloc",
    ),
    "temporary files of a session": (
        "SET work_mem = '64kB'; CREATE TABLE t AS SELECT g FROM (SELECT g, repeat(g::text, 50) AS x FROM generate_series(1, 3000000) AS g ORDER BY 2) AS s",
        "temporary file size exceeds",
    ),
    "file of a table": (
        "CREATE UNLOGGED TABLE large AS SELECT repeat(md5(g::text), 60) AS x FROM generate_series(1, 400000) AS g",
        "File too large|could not extend|could not write",
    ),
    "database in all": (
        "CREATE TABLE l1 AS SELECT repeat(md5(g::text), 60) AS x FROM generate_series(1, 230000) AS g; CREATE TABLE l2 AS TABLE l1; CREATE TABLE l3 AS TABLE l1; SELECT pg_sleep(10)",
        "larger than 1,024 MB",
    ),
    "wall time": ("SET statement_timeout = 0; SELECT pg_sleep(600)", "ran for over|still running|stopped"),
}
# Of a program in the sandbox.
IN_THE_SANDBOX = {
    "processor time": ("while True: pass", "of processor time|killed by a signal"),
    "memory of a program": (f"x = b'x' * {int(BOX.memory)}", "MemoryError"),
    "memory of all its processes": (
        # In a container the kernel ends one of them: which one, it decides.
        f"import os, time\nchild = os.fork()\nx = b'x' * {int(BOX.memory * 0.7)}\nif not child: time.sleep(9); os._exit(0)\n"
        "if os.WIFSIGNALED(os.wait()[1]): os.kill(os.getpid(), 9)",
        "of memory and was stopped|killed by a signal",
    ),
    "processes and threads": (
        f"import os, time\nfor _ in range({BOX.processes} + 4):\n    if os.fork() == 0: time.sleep(9); os._exit(0)\nos.wait()",
        "processes and was stopped|BlockingIOError",
    ),
    "one file": (
        f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nwith open('large', 'wb') as file: file.write(b'x' * {BOX.file_size + 1}); file.flush()",
        "File too large|short write|OSError",
    ),
    "each of /tmp and /work": (
        f"for folder in ('/tmp', '/work'):\n    try:\n        for n in range(9): open(f'{{folder}}/{{n}}', 'wb').write(b'x' * {BOX.disk // 8})\n    except OSError as error: last = error\nraise last",
        "No space left",
    ),
    "files in each of them": (
        f"import os, time\nfor n in range({BOX.files} + 99): os.close(os.open(f'/tmp/{{n}}', os.O_CREAT))\ntime.sleep(1)",
        "files and was stopped|No space left",
    ),
    "open files": (f"held = [open('/dev/null') for _ in range({BOX.open_files})]", "Too many open files"),
    "output": (f"import sys\nsys.stderr.write('x' * {BOX.output + 1}); sys.stderr.flush()", "and was stopped"),
}
AT_0 = Command("migrate", {"baselineOnMigrate": "true", "baselineVersion": "0"})  # there is a table already
LONG = {"wall time", "processor time", "database in all"}


@pytest.fixture(
    scope="module", params=["bubblewrap", pytest.param("container", marks=[pytest.mark.docker, pytest.mark.full])]
)
def box(request: pytest.FixtureRequest) -> Sandbox:
    """Each sandbox."""
    found = choose(request.param)
    if found is None:
        pytest.skip(f"no {request.param} on this machine")
    return found


def marked(chosen: Callable[[str], bool]) -> list:
    """The entries whose limit is chosen; those that take long are marked so."""
    marks = {True: [pytest.mark.full], False: []}
    return [
        pytest.param(limit, kind, id=f"{limit}-{kind}", marks=marks[limit in LONG])
        for limit, kind, _ in ENTRIES
        if chosen(limit)
    ]


@pytest.mark.parametrize(("limit", "kind"), marked(ON_THE_SERVER.__contains__))
def test_what_an_answer_may_take_of_the_server(limit: str, kind: str, database: Database):
    statement, says = ON_THE_SERVER[limit]
    assert re.search(says, refusal(kind, database, statement)), kind


@pytest.mark.parametrize(("limit", "kind"), marked(IN_THE_SANDBOX.__contains__))
def test_what_a_program_may_take_of_the_machine(limit: str, kind: str, box: Sandbox):
    program, says = IN_THE_SANDBOX[limit]
    limits = KINDS[kind].sandbox or Limits()
    if limit == "processor time":  # on a busy machine the wall time, which has its own test, may be over before
        limits = replace(limits, seconds=10 * limits.seconds)
    done = box.run(["python", "-c", program], limits=limits)
    assert not done.ok
    assert re.search(says, f"{done.why(BOX)} {done.stderr[-2000:]}")


def refusal(kind: str, database: Database, statement: str) -> str:
    """What is said about an answer of this kind that runs a statement. Fails when nothing is."""
    try:
        if kind == "sql":
            answers.run(database, statement)
        elif kind == "alembic":
            text = f"from alembic import op\nrevision, down_revision = 'x', None\ndef upgrade(): op.execute({statement!r})\ndef downgrade(): pass\n"
            with Rollout(choose() or pytest.skip("no sandbox"), database, {"x": text}, ["upgrade x"]) as rollout:
                rollout.step()
        elif kind == "python":
            text = f"def run(connection): connection.execute({statement!r}.encode())\n"
            with Callee(choose() or pytest.skip("no sandbox"), database, text) as callee:
                return callee.call("run").outcome().error or pytest.fail("nothing was said")
        elif kind.startswith("flyway"):
            report = flyway.flyway().run(database, "public", {"V1__x.sql": statement}, [AT_0])
            return report.error or pytest.fail("Flyway said nothing")
        else:
            steps = golang_migrate.run(database, {"000001_x.up.sql": statement}, [Migrate(("up",))])
            return steps[-1].error or pytest.fail("golang-migrate said nothing")
    except AnswerError as error:
        return str(error)
    pytest.fail("nothing was said")


def limited(limit: str) -> list[str]:
    """The kinds that have this limit."""
    return [kind for found, kind, _ in ENTRIES if found == limit]


def test_characters_of_an_answer():
    for kind in limited("characters of an answer"):
        with pytest.raises(AnswerError, match="at most 200,000 are read"):
            Answers({"x": "x" * (KINDS[kind].characters + 1)})["x"]


def test_sessions_at_a_time(database: Database):
    with ExitStack() as sessions:
        for _ in range(GRADED.connections):
            sessions.enter_context(database.connect())
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            database.connect()


def test_sessions_at_a_time_through_the_socket(database: Database, box: Sandbox):
    held = "\n".join(["import psycopg", f"held = [psycopg.connect() for _ in range({Alembic.sessions})]"])
    text = f"revision, down_revision = 'x', None\n{held}\n"
    with (
        Rollout(box, database, {"x": text}, ["upgrade x"]) as rollout,
        pytest.raises(AnswerError, match="OperationalError"),
    ):
        rollout.step()


def test_rows_that_are_read(database: Database):
    with pytest.raises(AnswerError, match="more than is read"):
        answers.query(database, f"SELECT generate_series(0, {Sql.rows})")


@pytest.mark.parametrize("deep", [False, True])
def test_a_notebook_file(deep: bool, tmp_path: Path):
    lab = course.find("jsonb-search")
    path = tmp_path / "student" / "section" / f"{lab.name}.ipynb"
    path.parent.mkdir(parents=True)
    if deep:
        inner = "[" * submission.MAX_DEPTH + "]" * submission.MAX_DEPTH
        path.write_text(json.dumps({"nbformat": 4, "cells": []})[:-1] + f', "metadata": {{"x": {inner}}}}}')
    else:
        with path.open("wb") as file:
            file.truncate(submission.MAX_BYTES + 1)
    with pytest.raises(submission.BadSubmission, match="too deep" if deep else "is over 200 MB"):
        submission.load(path)


def test_each_kind_has_a_stub_and_a_page():
    """A kind is told in three places, which must agree."""
    pages = {path.stem for path in (course.root() / "labkit" / "notebook" / "kinds").glob("[a-z]*.py")}
    assert KINDS.keys() == source.STUBS.keys() == pages
