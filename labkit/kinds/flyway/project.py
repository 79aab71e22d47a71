"""A lab's Flyway project: its configuration, its migrations, and what an answer adds to them.

`graders/<section>/<lab>/` holds `flyway.toml` and the migrations of the release that runs in production. A folder in it with
the name of an answer is that answer's branch: its files stand in the place of those with the same names.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.course import Lab, root
from labkit.kinds.migration_files import NotAProject, files_in
from labkit.services.flyway import Command

FILE = re.compile(r"(V\d+([._]\d+)*|R)__[\w-]{1,100}\.sql", re.ASCII)
NAMED = ("info", "validate", "migrate", "baseline", "repair")
COMMANDS = (*NAMED, "clean")  # which drops everything: taken, and offered to nobody
OPTIONS = (
    "environment",
    "baselineVersion",
    "baselineDescription",
    "baselineOnMigrate",
    "ignoreMigrationPatterns",
    "outOfOrder",
    "target",
    "validateOnMigrate",
)


@dataclass(frozen=True)
class Project:
    """`files` are the migrations by name; `schemas` maps each environment of flyway.toml to its schema."""

    files: Mapping[str, str]
    schemas: Mapping[str, str]
    default: str  # the environment that commands are for when they name none

    def schema(self, environment: str) -> str:
        """Where an environment's tables are. Raises NotAProject."""
        if environment not in self.schemas:
            known = ", ".join(self.schemas)
            raise NotAProject(f"flyway.toml has no environment {environment!r}. It has: {known}.")
        return self.schemas[environment]

    def with_files(self, files: Mapping[str, str]) -> Project:
        """The project after a commit that adds or replaces these files."""
        return Project({**self.files, **files}, self.schemas, self.default)


def project(lab: Lab, branch: str = "") -> Project:
    """The lab's project as it is deployed, or one of its branches, which may be the same."""
    folder = root() / "graders" / lab.section / lab.name
    settings = tomllib.loads((folder / "flyway.toml").read_text(encoding="utf-8"))
    schemas = {name: entry["schemas"][0] for name, entry in settings["environments"].items()}
    files = _migrations(folder) | (_migrations(folder / branch) if branch else {})
    return Project(files, schemas, settings["flyway"]["environment"])


def _migrations(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*__*.sql"))}


def commit(text: str) -> dict[str, str]:
    """The files of an answer by name: each is what follows a line `-- V4__name.sql`. Raises NotAProject."""
    rule = (
        "Flyway knows them by their names: V, a version, two underscores and words (V7__shelf.sql), or R, two underscores and "
        "words (R__shelf.sql). Here the words have letters a to z, digits, _ and - only."
    )
    return files_in(text, FILE, example="V7__shelf.sql", rule=rule)


def commands(text: str) -> list[tuple[str, Command]]:
    """The commands of an answer, one a line, with the environment that each names or "". Raises NotAProject."""
    found = [command for line in text.splitlines() if (command := _command(line.strip()))]
    if not found:
        raise NotAProject("There is no command yet. Write one a line, e.g. flyway -environment=production info.")
    return found


def _command(line: str) -> tuple[str, Command] | None:
    """The command of a line, or None where it is empty or a comment."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise NotAProject(f"{line!r} is no command: {error}. Write one command a line.") from error
    if not words:
        return None
    words = words[1:] if words[0] == "flyway" else words
    names = [word for word in words if not word.startswith("-")]
    if len(names) != 1 or names[0] not in COMMANDS:
        known = ", ".join(NAMED)
        raise NotAProject(f"{line!r} must have one command of Flyway. They are: {known}. Write one command a line.")
    options: dict[str, str] = {}
    for word in words:
        if word.startswith("-"):
            name, equals, value = word[1:].partition("=")
            if name not in OPTIONS or not equals or not value:
                known = ", ".join(f"-{option}=…" for option in OPTIONS)
                raise NotAProject(f"{word!r} in {line!r} is no option that can be used here. Those are: {known}.")
            options[name] = value
    return options.pop("environment", ""), Command(names[0], options)
