"""`python -m benchmarks [services] [notebook] [labs] [grading] [exam]`: measures and prints one table; fails when a goal is missed.

Without a name it is the first four; `exam` is the long form of `grading` and takes half an hour.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Generator

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Row
from labkit.home import run_folder

VERDICTS = {True: "met", False: "MISSED", None: ""}
PARTS = ("services", "notebook", "labs", "grading")


def rows(part: str) -> Generator[Row, None, str | None]:
    """The rows of one part. Returns its last line, if it has one."""
    from labkit.services.backend import BACKENDS, docker_answers

    if part in ("services", "labs"):
        from benchmarks import labs, services

        measured = services if part == "services" else labs
        for backend in BACKENDS if docker_answers() else ("embedded",):
            yield from measured.rows(backend)
    elif part == "notebook":
        from benchmarks import notebook

        yield from notebook.rows()
    else:
        from benchmarks import grading

        if part == "exam":
            return (yield from grading.exam_rows())
        yield from grading.rows()
    return None


def show(part: str, console: Console) -> tuple[list[Row], str]:
    """All rows of a part, each of them said as soon as it is there, and its last line."""
    found, more = [], rows(part)
    while True:
        try:
            row = next(more)
        except StopIteration as end:
            return found, end.value or ""
        console.print(f"{row.what}: {row.measured} {VERDICTS[row.met]}", style="dim", markup=False)
        found.append(row)


def main() -> int:
    """Measures in a home of its own, on the embedded backend where nothing else is said."""
    parts = sys.argv[1:] or PARTS
    home = tempfile.mkdtemp(prefix="lb-")
    os.chmod(home, 0o711)
    os.environ["LABKIT_HOME"] = home
    console, missed, last = Console(width=140), 0, ""
    table = Table("what", "measured", "goal", "", title=f"make bench, {os.cpu_count()} cores", title_justify="left")
    try:
        for part in parts:
            backend = os.environ.get("LABKIT_BACKEND", "embedded")
            if part in ("notebook", "grading", "exam"):
                os.environ["LABKIT_BACKEND"] = backend
            found, line = show(part, console)
            last = line or last
            for row in found:
                table.add_row(row.what, row.measured, row.goal, VERDICTS[row.met])
                missed += row.met is False
    finally:
        shutil.rmtree(run_folder(), ignore_errors=True)  # the sandbox's mount points stay in it from run to run
        shutil.rmtree(home, ignore_errors=True)
    console.print(table)
    if last:
        print(last)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
