"""What a learner's server weighs while it runs: the memory that it has in RAM, and the processor time that it has used, from /proc."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from labkit.sandbox.process import descendants, resident
from labkit.services.functions.usage import usage


class Weight(NamedTuple):
    """Bytes in RAM now, and seconds of processor time since the start."""

    memory: int
    seconds: float

    @property
    def megabytes(self) -> float:
        """The memory in MB."""
        return self.memory / 1e6


def can_weigh(process: int) -> bool:
    """Whether this machine shows us that process: not where it runs in another machine's container, or there is no /proc."""
    return process > 0 and Path(f"/proc/{process}/statm").is_file()


def weigh(process: int) -> Weight:
    """Of a process and all that it has started; zeros once it is gone."""
    memory = 0
    for each in descendants(process):
        with suppress(OSError, ValueError, IndexError):
            memory += resident(each)
    return Weight(memory, usage(process).cpu_ms / 1000)
