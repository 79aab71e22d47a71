# Takes memory without end, in several processes.
# lab: alembic-expand-contract
# honest: 0
# says: MemoryError|of memory and was stopped|killed by a signal
# series: full
import os

revision, down_revision = "expand", None

os.fork()
held = []
for _ in range(200):
    held.append(b"x" * (8 << 20))
