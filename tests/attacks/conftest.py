"""`pytest -m attack tests/attacks --attacks FOLDER`: attacks of any folder, one run each, and a table of what came of them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROWS = pytest.StashKey[list[tuple[str, ...]]]()
HEAD = ("attack", "points", "honest", "seconds", "MB", "told")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--attacks`, and what they run on."""
    parser.addoption("--attacks", type=Path, metavar="FOLDER", help="try the attacks of this folder, one run each")
    parser.addoption("--attacks-on", default="embedded", metavar="BACKEND", help="docker or embedded")
    parser.addoption("--attacks-in", default="bubblewrap", metavar="SANDBOX", help="bubblewrap or container")


def pytest_configure(config: pytest.Config) -> None:
    """The table, which the tests fill."""
    config.stash[ROWS] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of what came of them."""
    rows = config.stash[ROWS]
    if not rows:
        return
    widths = [max(len(row[at]) for row in [HEAD, *rows]) for at in range(len(HEAD) - 1)]
    terminalreporter.section("attacks")
    for row in [HEAD, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        terminalreporter.write_line("  ".join([*cells, row[-1][:160]]))
