# Leaves dead children whom nobody waits for.
# lab: alembic-expand-contract
# honest: 0
# says: processes and was stopped|Resource temporarily unavailable|BlockingIOError
# series: full
import os
import time

revision, down_revision = "expand", None

for _ in range(200):
    if os.fork() == 0:
        os._exit(0)
time.sleep(5)
raise SystemExit("two hundred zombies")
