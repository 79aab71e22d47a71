"""The same lab as stock nbgrader and otter would have it: the answers and the checks as Python, run in a kernel each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from labkit import course

SETUP = """\
import sys
sys.path.insert(0, {graders!r})
from labkit.services.postgres import GRADED, postgres
from labkit.services.postgres.lab_template import checks_template
from labkit.services.postgres.plan import explain as plan_of
from labkit.kinds.sql.answers import Reader, run
import test_jsonb_search as lab
server = postgres("learner")
databases = [server.database(checks_template({key!r}, hidden=hidden), limits=GRADED) for hidden in (False, True)]"""
EXPECTED = """\
expected = []
for database in databases:
    with database.connect() as connection:
        expected.append({row[0]: row[1:] for row in connection.execute(lab.REFUNDS)})
    run(database, index)
gins, blocks = [], []
for database in databases:
    with database.admin() as connection:
        gins.append(dict(connection.execute(lab.GIN_INDEXES).fetchall()))
        blocks.append(connection.execute("SELECT pg_relation_size('public.events') / 8192").fetchone()[0])"""
CHECKS = {
    "index": """\
assert gins[0] and sum(gins[0].values()) <= lab.BUDGET
with databases[1].connect() as connection:
    lab.read_through(plan_of(connection, "SELECT id FROM events WHERE doc @> '{\\"order\\": {\\"id\\": 111072}}'"), gins[1])""",
    "refunds": """\
readers = [Reader(database) for database in databases]
found = [reader.query(refunds) for reader in readers]
assert found[0].columns == ["event_id", "customer", "amount"] and found[0].types[2] == "numeric"
for reader, rows, right, gin, pages in zip(readers, found, expected, gins, blocks):
    lab.compare(rows, right)
    lab.reads_through(reader, refunds, gin, pages)""",
}
GOODBYE = "for database in databases: database.drop()\nserver.close()"


PYTHON_SETUP = """\
import sys
sys.path.insert(0, {root!r})
from benchmarks.stock_checks import earned"""
PYTHON_EXPECTED = "points = earned({key!r}, {{{answers}}})"


def checks(lab: course.Lab) -> dict[str, str]:
    """What is checked of each answer, as the last cell of a notebook has it. The SQL lab is written out; the other runs ours."""
    if lab.name == "jsonb-search":
        return CHECKS
    return {name: f"assert points[{name!r}] == {lab.points[name]!r}" for name in lab.answers}


def notebook(lab: course.Lab, answers: dict[str, str], *, graded: bool = True) -> dict[str, Any]:
    """A solved notebook with checks equal to those of the lab (visible and hidden): for nbgrader, or without its cells for otter."""
    graders = str(Path(course.root(), "graders", lab.section))
    written_out = lab.name == "jsonb-search"
    cells = [
        new_code_cell(
            SETUP.format(graders=graders, key=lab.key) if written_out else PYTHON_SETUP.format(root=str(course.root()))
        )
    ]
    for name, text in answers.items():
        cells.append(_cell(f"{name} = {text!r}", name, solution=True))
    given = ", ".join(f"{name!r}: {name}" for name in answers)
    cells.append(new_code_cell(EXPECTED if written_out else PYTHON_EXPECTED.format(key=lab.key, answers=given)))
    for name, check in checks(lab).items() if graded else ():
        cells.append(_cell(check, f"check-{name}", points=lab.points[name]))
    if written_out and graded:  # otter's tests come after the last cell
        cells.append(new_code_cell(GOODBYE))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(made)
    return made


def _cell(text: str, name: str, *, solution: bool = False, points: float | None = None) -> Any:
    graded = points is not None
    nbgrader = {
        "grade_id": name,
        "schema_version": 3,
        "task": False,
        "solution": solution,
        "grade": graded,
        "locked": graded,
    }
    return new_code_cell(text, metadata={"nbgrader": nbgrader | ({"points": points} if graded else {})})
