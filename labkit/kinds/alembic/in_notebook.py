"""A migration: it is run with Alembic on the learner's database, after the ones above it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.kinds.alembic import project as alembic_project
from labkit.kinds.alembic.project import NotAMigration
from labkit.kinds.sql import sql_run
from labkit.pages import waiting
from labkit.pages.page import EMPTY, Page, failed, quiet

if TYPE_CHECKING:
    from labkit.kinds.open_lab import OpenLab

DEADLINE = 60.0  # seconds; an answer that is graded has less
TABLES = """
    SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
           CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE '' END AS "null?"
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
      AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum
"""


def run(text: str, session: OpenLab, name: str) -> Page:
    """Upgrades the learner's database to the answer, and shows what Alembic says and the columns that there are.

    A database that has been upgraded to it before would be upgraded no more: it is reset first. The answers that
    it stands on are run before it, where they have not been.
    """
    try:
        chain = alembic_project.line(session.known_answers() | {name: text}, name)
    except NotAMigration as error:
        return failed(str(error))
    note = EMPTY
    if name in session.changed:
        session.reset()
        note = quiet("The database was upgraded to this one before, so it was reset first.")
    said, ok = upgrade(session, chain)
    session.changed.update(chain)
    if not ok:
        return note + failed(said)
    return (
        note + sql_run.page(sql_run.run(session.place("postgres"), TABLES, plan=False), with_plan=False) + quiet(said)
    )


def upgrade(session: OpenLab, answers: dict[str, str]) -> tuple[str, bool]:
    """Upgrades to the last of the answers, as the learner's own program. What is said, and whether it went well."""
    steps = [f"upgrade {list(answers)[-1]}"]
    with tempfile.TemporaryDirectory(prefix="labkit-alembic-") as folder:
        for path, text in alembic_project.files(answers, list(answers), staged=False).items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        environment = {**os.environ, **session.place("postgres").environment()}
        process = subprocess.Popen(
            [sys.executable, *alembic_project.command(steps)[1:]],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            out, errors = waiting.run(lambda: process.communicate(timeout=DEADLINE), "Alembic is at work", process.kill)
        except subprocess.TimeoutExpired:
            return f"It ran for over {DEADLINE:g} s and was stopped.", False
        finally:
            process.kill()
            process.wait()
    return (out.strip() if process.returncode == 0 else errors.strip()), process.returncode == 0


def migrate(*names: str) -> None:
    """Runs these answers of the open lab on its database, as they were last run or saved, and prints what Alembic says."""
    from labkit.kinds.open_lab import current

    session = current()
    said, _ = upgrade(session, {name: session.answer(name) for name in names})
    session.changed.update(names)
    print(said)
