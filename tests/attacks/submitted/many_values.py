# Has two million small values in its metadata: little to read, and much to keep in memory.
# lab: jsonb-search
# honest: 0
# says: values|large|deep
# kind: 8
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """It is no notebook that anybody would make."""
    notebook["metadata"]["many"] = [0] * 2_000_000
    write(folder, "jsonb-search", notebook)
