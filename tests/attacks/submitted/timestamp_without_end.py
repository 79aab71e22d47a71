# Has a timestamp of 200 MB, that begins like a time and is in the year 999999.
# lab: jsonb-search
# honest: 12
# says: .*
# kind: 9
# series: full
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Solved."""
    write(folder, "jsonb-search", notebook)
    (folder / "timestamp.txt").write_text("999999-01-01 00:00:00 UTC" + "0" * 200_000_000)
