# Brings notebooks with names that are markup, formulas, and turn the direction of reading.
# lab: jsonb-search
# honest: 12
# says: is no lab of
# kind: 10
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """One good one, and the others."""
    write(folder, "jsonb-search", notebook)
    for name in ("=1+1", "[bold red]x", "a\u202eb", "x\ry", "%s%n{0}"):
        write(folder, name, notebook)
