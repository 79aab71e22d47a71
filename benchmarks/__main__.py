"""`python -m benchmarks [PART]…`: measures and prints one table; fails when a goal is missed.

Without a name it is what `PARTS` has. The others take longer: `images`, `models`, `clusters`, and `exam`, the long form of `grading`, half an hour.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Row
from labkit.course.home import run_folder

PARTS = ("services", "functions", "programs", "connections", "notebook", "labs", "grading")
ALONE = ("programs", "connections", "images", "models", "clusters", "notebook")  # they choose their backends themselves


def rows(part: str) -> Iterator[Row]:
    """The rows of one part."""
    from labkit.machine.backend import BACKENDS, docker_answers

    if part in ("services", "functions", "labs"):
        from benchmarks import functions, labs, services

        measured = {"services": services, "functions": functions, "labs": labs}[part]
        for backend in BACKENDS if docker_answers() else ("embedded",):
            yield from measured.rows(backend)
    elif part in ALONE:
        yield from import_module(f"benchmarks.{part}").rows()
    else:
        from benchmarks import grading

        yield from grading.exam_rows() if part == "exam" else grading.rows()


def main() -> int:
    """Measures in a home of its own, on the embedded backend where nothing else is said."""
    parts = sys.argv[1:] or PARTS
    home = tempfile.mkdtemp(prefix="lb-")
    os.chmod(home, 0o711)
    os.environ["LABKIT_HOME"] = home
    console, missed, summary = Console(width=140), 0, ""
    table = Table("what", "measured", "goal", "", title=f"make bench, {os.cpu_count()} cores", title_justify="left")
    try:
        for part in parts:
            backend = os.environ.get("LABKIT_BACKEND", "embedded")
            if part in ("notebook", "grading", "exam"):
                os.environ["LABKIT_BACKEND"] = backend
            for row in rows(part):
                verdict = {True: "met", False: "MISSED", None: ""}[row.met]
                table.add_row(row.what, row.measured, row.goal, verdict)
                console.print(f"{row.what}: {row.measured} {verdict}", style="dim", markup=False)
                missed += row.met is False
                summary = f"{row.what}: {row.measured}" if row.what == "grading" else summary
    finally:
        shutil.rmtree(run_folder(), ignore_errors=True)  # the sandbox's mount points stay in it from run to run
        shutil.rmtree(home, ignore_errors=True)
    console.print(table)
    if summary:
        print(summary)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
