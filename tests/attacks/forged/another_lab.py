# Says in its metadata that it is another lab, with other answers, each worth a hundred points.
# lab: jsonb-search
# honest: 12
# says: this is the notebook of 'no-double-booking'
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Solved; the gradebook knows what it is worth."""
    notebook["metadata"]["lab"] |= {
        "name": "no-double-booking",
        "answers": [{"name": "x", "kind": "sql", "points": 100, "visible": 100}],
    }
    write(folder, "jsonb-search", notebook)
