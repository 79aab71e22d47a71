# Has a folder in the place of its timestamp.
# lab: jsonb-search
# honest: 12
# says: .*
# kind: 9
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Solved."""
    write(folder, "jsonb-search", notebook)
    (folder / "timestamp.txt" / "more").mkdir(parents=True)
