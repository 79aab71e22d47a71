"""Functions on tables, called one at a time with DataFrames; nothing leads out but the way back to the check."""

from __future__ import annotations

from labkit.kinds.kind import ProgramKind
from labkit.sandbox.limits import Limits, MiB

IMPORTS = ("pandas",)  # what takes long, once for all processes of a program; a lab may add to it


class Table(ProgramKind):
    """Functions on tables, called one at a time with DataFrames; nothing leads out but the way back to the check."""

    stub = "your functions here"
    fixtures = "labkit.kinds.table.fixtures"
    # Beside a learner's kernel a program waits for the next answer, as one of kind `model` does.
    sandbox = Limits(
        seconds=3600,
        cpu_seconds=240,
        memory=1024 * MiB,
        processes=64,
        file_size=16 * MiB,
        disk=64 * MiB,
        open_files=256,
        libraries=("pandas", "pandera", "scikit-learn", "fairlearn"),
    )
    seconds = 300.0  # libraries that take long to import, on a machine that is busy; `cpu_seconds` is what ends a loop


KIND = Table
