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

from labkit import course, kinds
from labkit.checking.checks import AnswerError
from labkit.course import submission
from labkit.kinds.alembic.kind import Alembic
from labkit.kinds.alembic.rollout import Rollout
from labkit.kinds.answer import Answers
from labkit.kinds.python.calls import Callee
from labkit.kinds.sql import answers
from labkit.kinds.sql.kind import Sql
from labkit.sandbox import Limits, Sandbox, choose
from labkit.sandbox.limits import MiB
from labkit.services import flyway, golang_migrate
from labkit.services.flyway import Command
from labkit.services.golang_migrate import Migrate
from labkit.services.postgres import GRADED, Database
from labkit.services.postgres import settings as postgres_settings
from tests.backends import why_not_fetched

PAGE = Path(__file__).parents[2] / "docs" / "threat-model.md"
UNITS = {"": 1, "s": 1, "kB": 1024, "MB": MiB}


def entries() -> Iterator[tuple[str, str, float, str]]:
    """The table's entries: limit, kind of artifact, value in bytes, seconds or pieces, and the unit that it is written in."""
    text = PAGE.read_text(encoding="utf-8").split("## Limits")[1]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    head, *body = rows
    for limit, *cells in body:
        for kind, cell in zip(head[1:], cells, strict=True):
            if match := re.fullmatch(r"([\d,]+) ?(s|kB|MB|)", cell):
                yield limit, kind, float(match[1].replace(",", "")) * UNITS[match[2]], match[2]


KINDS = {name: kinds.named(name) for name in kinds.KINDS}
ENTRIES = [(limit, kind, value) for limit, kind, value, _ in entries()]
UNIT_OF = {limit: unit for limit, _, _, unit in entries()}
BOX = Alembic.sandbox
SET = {  # what the course is set to, by limit and, where kinds differ, by kind
    "characters of an answer": lambda kind: KINDS[kind].characters,
    "wall time": lambda kind: KINDS[kind].seconds,
    "processor time": lambda kind: KINDS[kind].sandbox.cpu_seconds,
    "memory of a server process": lambda _: postgres_settings.BACKEND_BYTES,
    "temporary files of a session": lambda kind: KINDS[kind].database.temp_mb * MiB,
    "file of a table": lambda _: postgres_settings.FILE_BYTES,
    "database in all": lambda kind: KINDS[kind].database.database_mb * MiB,
    "sessions at a time": lambda kind: getattr(KINDS[kind], "sessions", 0) or KINDS[kind].database.connections,
    "rows that are read": lambda _: Sql.rows,
    "memory of a program": lambda kind: KINDS[kind].sandbox.memory,
    "memory of all its processes": lambda kind: KINDS[kind].sandbox.memory,
    "processes and threads": lambda kind: KINDS[kind].sandbox.processes,
    "one file": lambda kind: KINDS[kind].sandbox.file_size,
    "each of /tmp and /work": lambda kind: KINDS[kind].sandbox.disk,
    "files in each of them": lambda kind: KINDS[kind].sandbox.files,
    "open files": lambda kind: KINDS[kind].sandbox.open_files,
    "output": lambda kind: KINDS[kind].sandbox.output,
    "memory of a build, or of a container": lambda kind: KINDS[kind].limits.memory_mb * MiB,
    "processes of it": lambda kind: KINDS[kind].limits.pids,
    "one file that a step writes": lambda kind: KINDS[kind].limits.file_mb * MiB,
    "disk that a build takes": lambda kind: KINDS[kind].limits.disk_mb * MiB,
    "image": lambda kind: KINDS[kind].limits.image_mb * MiB,
    "build context": lambda kind: KINDS[kind].limits.context_mb * MiB,
    "files in the context": lambda kind: KINDS[kind].limits.context_files,
    "size of the file": lambda _: submission.MAX_BYTES,
    "depth of its JSON": lambda _: submission.MAX_DEPTH,
    "values in its JSON": lambda _: submission.MAX_VALUES,
}


def missing(kind: str) -> Iterator[str]:
    """What belongs into a kind's column, as the table writes it; what its service keeps is not among it."""
    limits = ["characters of an answer", "wall time", *(in_the_sandbox(BOX) if KINDS[kind].sandbox else ())]
    for limit in filter(SET.__contains__, limits):
        value = SET[limit](kind)
        unit = UNIT_OF[limit]
        yield f"{kind} | {limit} | {value / UNITS[unit]:,g} {unit}".rstrip()


def test_the_table_is_complete_and_says_what_is_set():
    assert {limit for limit, _, _ in ENTRIES} == SET.keys()
    columns = {kind for _, kind, _ in ENTRIES}
    assert columns - {"notebook"} == KINDS.keys(), "\n".join(
        ["Each kind has a column in docs/threat-model.md, Limits, with – for a limit that it does not have. It lacks:"]
        + [line for kind in KINDS if kind not in columns for line in missing(kind)]
    )
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


def in_the_sandbox(limits: Limits) -> dict[str, tuple[str, str]]:
    """What exceeds a limit of a program in the sandbox, and what is said then."""
    return {
        "processor time": ("while True: pass", "of processor time|killed by a signal"),
        "memory of a program": (f"x = b'x' * {int(limits.memory)}", "MemoryError"),
        "memory of all its processes": (
            # In a container the kernel ends one of them: which one, it decides.
            f"import os, time\nchild = os.fork()\nx = b'x' * {int(limits.memory * 0.7)}\nif not child: time.sleep(9); os._exit(0)\n"
            "if os.WIFSIGNALED(os.wait()[1]): os.kill(os.getpid(), 9)",
            "of memory and was stopped|killed by a signal",
        ),
        "processes and threads": (
            f"import os, time\nfor _ in range({limits.processes} + 4):\n    if os.fork() == 0: time.sleep(9); os._exit(0)\nos.wait()",
            "processes and was stopped|BlockingIOError",
        ),
        "one file": (
            f"import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nwith open('large', 'wb') as file: file.write(b'x' * {limits.file_size + 1}); file.flush()",
            "File too large|short write|OSError",
        ),
        "each of /tmp and /work": (
            f"for folder in ('/tmp', '/work'):\n    try:\n        for n in range(9): open(f'{{folder}}/{{n}}', 'wb').write(b'x' * {limits.disk // 8})\n    except OSError as error: last = error\nraise last",
            "No space left",
        ),
        "files in each of them": (
            f"import os, time\nfor n in range({limits.files} + 99): os.close(os.open(f'/tmp/{{n}}', os.O_CREAT))\ntime.sleep(1)",
            "files and was stopped|No space left",
        ),
        "open files": (f"held = [open('/dev/null') for _ in range({limits.open_files})]", "Too many open files"),
        "output": (f"import sys\nsys.stderr.write('x' * {limits.output + 1}); sys.stderr.flush()", "and was stopped"),
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


def marked(chosen: Callable[[str], bool], service: str = "") -> list:
    """The entries whose limit is chosen; those that take long are marked so. With a service, only kinds that are given to it: others have
    their tests beside what they are given to.
    """
    marks = {True: [pytest.mark.full], False: []}
    return [
        pytest.param(limit, kind, id=f"{limit}-{kind}", marks=marks[limit in LONG])
        for limit, kind, _ in ENTRIES
        if chosen(limit) and service in ("", getattr(KINDS.get(kind), "service", ""))
    ]


@pytest.mark.parametrize(("limit", "kind"), marked(ON_THE_SERVER.__contains__, service="postgres"))
def test_what_an_answer_may_take_of_the_server(limit: str, kind: str, database: Database):
    statement, says = ON_THE_SERVER[limit]
    assert re.search(says, refusal(kind, database, statement)), kind


@pytest.mark.parametrize(("limit", "kind"), marked(in_the_sandbox(BOX).__contains__))
def test_what_a_program_may_take_of_the_machine(limit: str, kind: str, box: Sandbox):
    limits = KINDS[kind].sandbox or Limits()
    program, says = in_the_sandbox(limits)[limit]
    if limit == "processor time":  # on a busy machine the wall time, which has its own test, may be over before
        limits = replace(limits, seconds=10 * limits.seconds)
    done = box.run(["python", "-c", program], limits=limits)
    assert not done.ok
    assert re.search(says, f"{done.why(limits)} {done.stderr[-2000:]}")


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
            if reason := why_not_fetched(kind):
                pytest.skip(reason)
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
