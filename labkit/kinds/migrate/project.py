"""A lab's golang-migrate project: its files, the incident that it starts from, and what an answer adds.

`graders/<section>/<lab>/` holds the pairs of files that are deployed, and `meanwhile.sql`: what the application did after the
deployment had died.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from labkit.course import Lab, root
from labkit.kinds.migration_files import NotAProject, files_in
from labkit.services.golang_migrate import Migrate, Psql, Step, run
from labkit.services.postgres import Database

FILE = re.compile(r"\d{1,18}_[\w.-]{1,100}\.(up|down)\.sql", re.ASCII)
# What a line is made of; a piece that is not whole (a quote that nobody closes) is none.
PIECE = re.compile(r"""[^"'\\\n#]+|\\.|"[^"\\]*(?:\\.[^"\\]*)*"|'[^']*'|\#[^\n]*""", re.DOTALL)
COMMANDS = {
    "up": r"up( \d+)?",
    "down": r"down (\d+|-all)",
    "goto": r"goto \d+",
    "force": r"force \d+",
    "version": r"version",
}


def deployed(lab: Lab) -> dict[str, str]:
    """The files that are deployed, by name."""
    folder = _folder(lab)
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*_*.sql"))}


def incident(lab: Lab, database: Database) -> Step:
    """Deploys the files as on the day of the incident, and does what the application did afterwards. The step that failed."""
    steps = run(database, deployed(lab), [Migrate(("up",))], multi_statement=True)
    with database.connect() as connection:
        connection.execute((_folder(lab) / "meanwhile.sql").read_bytes())
    return steps[-1]


def commit(text: str) -> dict[str, str]:
    """The files of an answer by name: each is what follows a line `-- 000004_name.up.sql`. Raises NotAProject."""
    rule = "golang-migrate knows them by their names: a number, words, and up or down, as in 000007_shelf.up.sql."
    return files_in(text, FILE, example="000007_shelf.up.sql", rule=rule)


def runbook(text: str) -> list[Migrate | Psql]:
    """The commands of an answer: `migrate …` or `psql -c "…"`, one a line; SQL between quotes may go on. Raises NotAProject."""
    found = [_command(words) for words in _lines(text)]
    if not found:
        raise NotAProject("There is no command yet. Write one a line: migrate version, for example.")
    return found


def _lines(text: str) -> list[list[str]]:
    """The words of each command. A line that ends inside of quotes goes on in the next one."""
    lines, at = [], 0
    while at < len(text):
        end = _end_of_line(text, at)
        words = shlex.split(text[at:end], comments=True)
        lines += [words] if words else []
        at = end + 1
    return lines


def _end_of_line(text: str, at: int) -> int:
    """Where the command that begins there ends: at a newline outside of quotes, or with the text. Raises NotAProject."""
    begins = at
    while piece := PIECE.match(text, at):
        at = piece.end()
    if text[at : at + 1] in ("", "\n"):
        return at
    line = text[begins:].strip().splitlines()[0]
    if text[at] == "\\":
        raise NotAProject(f"A backslash stands at the very end, with nothing to escape, after: {line}")
    raise NotAProject(f"A quote is opened and never closed, after: {line}")


def _command(words: list[str]) -> Migrate | Psql:
    if words[0] == "psql":
        if len(words) == 3 and words[1] == "-c":
            if words[2].lstrip().startswith("\\"):
                raise NotAProject(
                    f"{words[2].strip()!r} is psql's own command, and here -c takes SQL. Look with %%sql, in a cell of its own."
                )
            return Psql(words[2])
        raise NotAProject('psql takes its SQL in one pair of quotes here: psql -c "SELECT 1".')
    words = words[1:] if words[0] == "migrate" else words
    line = " ".join(words)
    if any(re.fullmatch(form, line) for form in COMMANDS.values()):
        return Migrate(tuple(words))
    raise NotAProject(
        f'{line!r} is no command that can be used here. Those are: migrate up [N], down N, goto V, force V, version; and psql -c "…".'
    )


def _folder(lab: Lab) -> Path:
    return root() / "graders" / lab.section / lab.name
