"""Migrations in SQL files that ruin everything: by what stands in them, or by their names."""

from __future__ import annotations

import re

from labkit.kinds.migration_files import HEADER
from labkit.kinds.sql.wrecks import RUINS


def wrecks(solution: str) -> dict[str, str]:
    """Each file with a ruin at its end, with something else in it, or under another name."""
    names = [match["name"] for match in HEADER.finditer(solution)]
    ruined = {
        f"{'slow' if name == 'schema-dropped' else 'each'}-{name}": _each(
            solution, lambda body, ruin=ruin: f"{body}\n{ruin}\n"
        )
        for name, ruin in RUINS.items()
    }
    return {
        **ruined,
        "each-empty": _each(solution, lambda body: "\n"),
        "each-an-error": _each(solution, lambda body: "SELECT 1 / 0;\n"),
        "each-unfinished": _each(solution, lambda body: f"{body}\nSELECT 'wrecked\n"),
        "harmless-commits": _each(solution, lambda body: f"COMMIT;\n{body}\nBEGIN;\n"),
        "each-ends-its-session": _each(solution, lambda body: "SELECT pg_terminate_backend(pg_backend_pid());\n"),
        "harmless-placeholder": _each(solution, lambda body: f"{body}\nSELECT '${{wrecked}}';\n"),
        "no-names": HEADER.sub("-- nothing", solution),
        "names-twice": f"{solution}\n{solution}",
        "names-in-a-folder": re.sub(r"^-- (\S+\.sql)", r"-- ../../\1", solution, flags=re.MULTILINE),
        "names-odd": re.sub(r"^-- (\S+\.sql)", r"-- $(touch wrecked)'\1", solution, flags=re.MULTILINE),
        "names-long": re.sub(r"\.sql$", "x" * 300 + ".sql", solution, flags=re.MULTILINE),
        "names-only": "".join(f"-- {name}\n" for name in names),
        "many-files": "".join(f"-- V{n}__wrecked.sql\nSELECT {n};\n" for n in range(100, 3000)),
    }


def _each(solution: str, change) -> str:
    """The text with what stands in each file changed."""
    parts = re.split(rf"({HEADER.pattern})", solution, flags=HEADER.flags)
    # before the first, then for each file: its line, the name in it, its text
    return parts[0] + "".join(line + "\n" + change(body) for line, body in zip(parts[1::3], parts[3::3], strict=True))
