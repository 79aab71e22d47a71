# Prints without end.
# lab: alembic-expand-contract
# honest: 0
# says: printed more than 1024 kB and was stopped
# series: full
import sys

revision, down_revision = "expand", None

for _ in range(2000):
    sys.stderr.write("x" * 65536)
    sys.stdout.write("y" * 65536)
