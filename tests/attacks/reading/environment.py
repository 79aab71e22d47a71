# Says all that stands in its environment and on its command line.
# lab: alembic-expand-contract
# honest: 0
# says: PGDATABASE
# series: full
import os
import sys

revision, down_revision = "expand", None
raise SystemExit(
    " ".join([*sys.argv, *(f"{name}={value}" for name, value in sorted(os.environ.items()) if "PASS" not in name)])
)
