"""Functions on tables, called one at a time with DataFrames; nothing leads out but the way back to the check."""

from __future__ import annotations

from labkit.kinds.kind import ProgramKind
from labkit.sandbox.limits import Limits, MiB


class Table(ProgramKind):
    """Functions on tables, called one at a time with DataFrames; nothing leads out but the way back to the check."""

    stub = "your functions here"
    fixtures = "labkit.kinds.table.fixtures"
    imports = ("pandas",)  # a lab may add to it
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
