# Fills the folders that it may write to.
# lab: alembic-expand-contract
# honest: 0
# says: No space left|File too large|was stopped|killed by a signal
# series: full
revision, down_revision = "expand", None

for number in range(40):
    for folder in ("/tmp", "/work"):
        with open(f"{folder}/{number}", "wb") as file:
            file.write(b"x" * (8 << 20))
