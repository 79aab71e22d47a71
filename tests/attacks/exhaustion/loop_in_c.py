# Loops in C, where no signal handler of Python's runs, and ignores every signal that it can.
# lab: alembic-expand-contract
# honest: 0
# says: of processor time and was stopped|killed by a signal|still running after
# series: full
import contextlib
import itertools
import signal

revision, down_revision = "expand", None

for number in range(1, 65):
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_IGN)
sum(itertools.repeat(0, 3 * 10**10))  # ten minutes
