# Has a pipe in the place of its timestamp: whoever reads it waits for ever.
# lab: jsonb-search
# honest: 12
# says: .*
# kind: 9
import os

from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Solved."""
    write(folder, "jsonb-search", notebook)
    os.mkfifo(folder / "timestamp.txt")
