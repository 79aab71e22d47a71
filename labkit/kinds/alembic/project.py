"""A minimal Alembic project around migrations that someone wrote: its files, and the command that runs steps of it.

The database is the one of the PG* environment variables. `run.py` runs steps such as "upgrade expand" in one process. A
migration's file joins the project with the first step that names it, so a mistake in a later one is met only there.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping, Sequence

GATE, DONE = 1_101, 1_102  # advisory locks: the step may begin (held by who runs it till then), the step is done
GO_ON = "go_on"  # a notification, sent while a gate is held: the steps begin anew on the database whose PG* variables it has

INI = "[alembic]\nscript_location = migrations\npath_separator = os\n"

ENV = '''"""Connects with the PG* variables, and runs each migration in a transaction of its own."""
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine("postgresql+psycopg://", poolclass=pool.NullPool, use_native_hstore=False)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
'''

RUN = '''"""Runs steps one after the other. With --gates, each waits until its gate is opened, and says when it is done."""
import gc, json, os, shutil, sys, time, traceback, warnings
from pathlib import Path

gc.disable()  # nothing that is imported goes away again, and looking for it is a fifth of the time that importing takes
sys.modules["mako.ext.pygmentplugin"] = None  # colours for pages with errors: a tenth of the time until Alembic is imported

import psycopg
from alembic import command
from alembic.config import Config

gc.enable()
STEPS = [step.split() for step in sys.argv[1:] if step != "--gates"]


def told(error):
    """The error with the line of the migration that it comes from."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "migrations/versions/" in f.filename]
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: " if frames else ""
    if isinstance(error, SyntaxError):
        place = f"{Path(error.filename or '').name}, line {error.lineno}: "
    if isinstance(error, KeyError) and not frames:
        return f"No migration is called {error}, and another one has it as its down_revision."
    error = getattr(error, "orig", None) or error
    return f"{place}{type(error).__name__}: {error}"


def run(verb, target):
    answer = Path("answers", target + ".py")
    if answer.exists() and not Path("migrations/versions", answer.name).exists():
        shutil.copy(answer, "migrations/versions")
    revision = REVISIONS.get(target, target)
    started = time.monotonic()
    getattr(command, verb)(Config("alembic.ini"), revision)
    print(f"alembic {verb} {revision}: {1000 * (time.monotonic() - started):.0f} ms", flush=True)


def run_or_exit(verb, target):
    try:
        run(verb, target)
    except BaseException as error:
        print(told(error), file=sys.stderr)
        sys.exit(1)


def run_at_gates():
    """Runs each step when its gate opens. Returns the PG* variables of the database to go on with, or None."""
    with psycopg.connect(autocommit=True) as gates:
        gates.execute(f"LISTEN {GO_ON}")
        for number in range(len(STEPS) + 1):
            gates.execute("SET statement_timeout = 0; SET lock_timeout = 0")
            gates.execute("SELECT pg_advisory_lock(%s, %s)", [GATE, number])
            for note in gates.notifies(timeout=0):
                return json.loads(note.payload)
            if number < len(STEPS):
                run_or_exit(*STEPS[number])
                gates.execute("SELECT pg_advisory_lock(%s, %s)", [DONE, number])


def main():
    warnings.simplefilter("ignore")  # what they warn of is an error in the next moment, and told then
    if "--gates" not in sys.argv:
        Path("migrations/versions").mkdir(parents=True, exist_ok=True)
        for step in STEPS:
            run_or_exit(*step)
        return
    status, there = 0, {}
    try:
        while there is not None:
            os.environ.update(there)
            shutil.rmtree("migrations/versions", ignore_errors=True)
            Path("migrations/versions").mkdir(parents=True)
            there = run_at_gates()
    except psycopg.Error as error:  # the session at the gates has been ended
        print(told(error), file=sys.stderr, flush=True)
        status = 1
    os._exit(status)  # Python would take 0.1 s to clear up after itself


if __name__ == "__main__":
    main()
'''


class NotAMigration(ValueError):
    """The text cannot be an Alembic migration: what is wrong, and what to write."""


def identifiers(text: str) -> tuple[str, tuple[str, ...]]:
    """The `revision` of a migration and those that it stands on, read without running it. Raises NotAMigration."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise NotAMigration(f"The migration is not valid Python: {error}{line}") from error
    found = dict(pair for node in body for pair in _assigned(node))
    if "revision" not in found:
        raise NotAMigration('The migration does not say its `revision`. Write it as in: revision = "some_name".')
    if "down_revision" not in found:
        raise NotAMigration(
            "The migration does not say its `down_revision`. In the first one write down_revision = None, in each other one the name of "
            'the one below: down_revision = "some_name".'
        )
    below = found["down_revision"]
    below = () if below is None else (below,) if isinstance(below, str) else below
    if not isinstance(found["revision"], str) or not isinstance(below, tuple | list):
        raise NotAMigration("`revision` is a string, and `down_revision` a string or None. Write them so.")
    return found["revision"], tuple(map(str, below))


def _assigned(node: ast.stmt) -> list[tuple[str, object]]:
    """The names that a statement gives a literal value."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    value = getattr(node, "value", None)
    if not targets or value is None:
        return []
    try:
        literal = ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError):  # e.g. {[]: 1}
        return []
    return [(target.id, literal) for target in targets if isinstance(target, ast.Name)]


def heads(texts: Sequence[str]) -> list[str]:
    """The revisions that no other one stands on. Raises NotAMigration."""
    known = [identifiers(text) for text in texts]
    below = {name for _, names in known for name in names}
    return sorted({revision for revision, _ in known} - below)


def line(answers: Mapping[str, str], name: str) -> dict[str, str]:
    """The answer and those that it stands on, the lowest first. Raises NotAMigration when one of them is missing."""
    revision_of: dict[str, str] = {}
    for answer, text in answers.items():
        with contextlib.suppress(NotAMigration):
            revision_of[identifiers(text)[0]] = answer
    found: dict[str, str] = {}
    waiting = [name]
    while waiting:
        above = waiting.pop()
        if above in found:
            continue
        found[above] = answers[above]
        for below in identifiers(answers[above])[1]:
            if below not in revision_of:
                raise NotAMigration(
                    f"{above} stands on the revision {below!r}, and no answer bears it. Run that answer's cell first, "
                    "or look at `down_revision`."
                )
            waiting.append(revision_of[below])
    return dict(reversed(found.items()))


def files(answers: Mapping[str, str], needed: Sequence[str], *, staged: bool = True) -> dict[str, str]:
    """The project's files by path; `needed` are the answers that must be migrations. Raises NotAMigration.

    Unless it is `staged`, all migrations are part of the project from the first step on.
    """
    revisions: dict[str, str] = {}
    for name, text in answers.items():
        try:
            revisions[name] = identifiers(text)[0]
        except NotAMigration:
            if name in needed:
                raise
    head = f"GATE, DONE, GO_ON, REVISIONS = {GATE}, {DONE}, {GO_ON!r}, {revisions!r}\n"
    project = {"alembic.ini": INI, "migrations/env.py": ENV, "run.py": RUN.replace("STEPS =", head + "STEPS =", 1)}
    folder = "answers" if staged else "migrations/versions"
    return project | {f"{folder}/{name}.py": text for name, text in answers.items()}


def command(steps: Sequence[str], *, gates: bool = False) -> list[str]:
    """Runs steps, e.g. `["upgrade expand", "downgrade base"]`: an answer's name stands for its revision."""
    return ["python", "run.py", *(["--gates"] if gates else []), *steps]
