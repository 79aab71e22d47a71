# Has a link to another file in the place of its timestamp, which would be told.
# lab: jsonb-search
# honest: 12
# says: .*
# kind: 9
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Solved."""
    write(folder, "jsonb-search", notebook)
    (folder / "timestamp.txt").symlink_to(told.file)
