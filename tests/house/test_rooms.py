"""The house's rules: arrows one way, one table that names services and one that names kinds, and the names that each room shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit import course, kinds, services

LIBRARY = course.root() / "labkit"
# From the ground up: a room may import what stands left of it. `pages` and `sandbox` stand on the same floor.
FLOORS = (
    {"course"}, {"machine"}, {"pages", "sandbox"}, {"services"}, {"kinds"}, {"checking"}, {"grading", "notebook"},
    {"gradebook"}, {"examiner", "authoring"},
)  # fmt: skip
TABLES = {LIBRARY / "services" / "__init__.py", LIBRARY / "kinds" / "__init__.py"}


def floor(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imported(path: Path) -> Iterator[str]:
    """What a module imports of the library, but for what only type checkers read."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "labkit":
            yield from ([node.module] if "." in node.module else [f"labkit.{name.name}" for name in node.names])
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.startswith("labkit."))


def modules() -> list[Path]:
    return sorted(path for path in LIBRARY.glob("*/**/*.py"))


def test_arrows_go_one_way():
    wrong = []
    for path in modules():
        here = path.relative_to(LIBRARY).parts[0]
        for name in imported(path):
            there = name.split(".")[1]
            if there != here and (LIBRARY / there).is_dir() and floor(there) >= floor(here):
                wrong.append(f"{path.relative_to(LIBRARY)} looks up, or across, into {name}")
    assert not wrong


def test_the_notebooks_side_never_imports_the_grading_side():
    for path in (LIBRARY / "notebook").rglob("*.py"):
        assert not [
            name for name in imported(path) if name.split(".")[1] in ("grading", "gradebook", "examiner", "authoring")
        ]


def test_no_circle_within_a_room():
    """Modules of one room that import each other when they are imported."""
    edges = {_name(path): set(_at_the_top(path)) for path in modules()}
    for start in edges:
        seen, todo = set(), list(edges[start])
        while todo:
            name = todo.pop()
            assert name != start, f"{start} imports itself, through {sorted(seen)}"
            if name in edges and name not in seen:
                seen.add(name)
                todo += edges[name]


def _name(path: Path) -> str:
    parts = path.relative_to(LIBRARY.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _at_the_top(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labkit"):
            whole = [f"{node.module}.{name.name}" for name in node.names]
            yield from (
                name if (LIBRARY.parent / Path(*name.split("."))).with_suffix(".py").exists() else node.module
                for name in whole
            )


def test_no_pattern_gives_nothing_back_of_a_group():
    """Python 3.11.2, Debian's own, matches possessive quantifiers over a group, and atomic groups, otherwise than those after it."""
    possessive_group = re.compile(r"\)([*+?]|\{\d*,?\d*\})\+|\(\?>")
    for folder in ("labkit", "graders", "solutions"):
        for path in (course.root() / folder).rglob("*.py"):
            texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
            assert not [text for text in texts if isinstance(text, str) and possessive_group.search(text)], path


def test_only_the_table_names_services(capsys: pytest.CaptureFixture[str]):
    """Files outside `services/<name>/`, `kinds/` and the labs that name a service: none but the one table."""
    named = list(naming(services.SERVICES, {"services": services.SERVICES + services.TOOLS, "kinds": kinds.KINDS}))
    with capsys.disabled():
        print(f"\nfiles outside services/<name>/, kinds/ and the labs that name a service: {len(named)}")
    assert not named, (
        "a service's folder, a kind or a lab may name it; a common word as a name meets other words in quotes: choose another"
    )


def naming(names: tuple[str, ...], homes: dict[str, tuple[str, ...]]) -> Iterator[str]:
    words = re.compile(rf"""labkit\.services\.({"|".join(names)})\b|["']({"|".join(names)})["'-]""")
    for path in sorted(LIBRARY.rglob("*.py")):
        parts = path.relative_to(LIBRARY).parts
        at_home = parts[0] == "kinds" or (parts[0] in homes and len(parts) > 2 and parts[1] in homes[parts[0]])
        if path not in TABLES and not at_home and words.search(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(LIBRARY))


def test_only_the_table_names_kinds():
    words = re.compile(r"labkit\.kinds\.(" + "|".join(kinds.KINDS) + r")\b")
    for path in sorted(LIBRARY.rglob("*.py")):
        if "kinds" not in path.relative_to(LIBRARY).parts:
            assert not words.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", services.SERVICES)
def test_each_service_offers_what_a_service_offers(name: str):
    service = services.named(name)
    assert service.name == name
    assert name.isidentifier(), "a keeper is called NAME-PURPOSE, and the folder is a package"
    assert service.title
    assert service.place
    assert service.backends


@pytest.mark.parametrize("name", kinds.KINDS)
def test_each_kind_says_what_a_kind_says(name: str):
    kind = kinds.named(name)
    assert kind.stub
    assert kind.seconds > 0
    assert kind.characters > 0
    assert kind.service in ("", *services.SERVICES)
    assert callable(kinds.in_notebook(name).run)
