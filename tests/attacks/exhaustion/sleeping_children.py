# Leaves processes behind that have left its session and wait for the grading to be over.
# lab: alembic-expand-contract
# honest: 6
# says: upgrade backfill` failed
import os
import sys

for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 64)
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(300)", "left-by-@MARK@"])
        os._exit(0)
    os.wait()
# SOLUTION
