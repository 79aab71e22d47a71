"""The course in a terminal: where one is, and one more hint."""

from __future__ import annotations

from click.testing import CliRunner

from labkit import cli
from labkit.notebook import progress


def run(*words: str) -> str:
    """What a command prints; it must succeed."""
    result = CliRunner().invoke(cli.main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_status_says_what_is_left(lab):
    """The map, and the minutes."""
    assert "Next: A tiny lab" in run("status")
    assert run("status").endswith("About 5 minutes of labs are left.\n")
    progress.record(lab, "dear", progress.earned(2, 3))
    assert run("status").endswith("About 2 minutes of labs are left.\n")


def test_hints_come_one_at_a_time(lab, server):
    """Each counts as seen; then the way to the solution is told."""
    first, second = run("hint", "tiny"), run("hint", "tiny")
    assert "Hint 1 of " in first
    assert second != first
    assert any(progress.read()[lab.key][answer]["hints"] for answer in progress.read()[lab.key])
