# Has an object where the text of its answer should be.
# lab: jsonb-search
# honest: 0
# says: .*
# kind: 8
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Whoever joins its lines stumbles."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"] = {"%%answer refunds": ["SELECT 1"]}
    write(folder, "jsonb-search", notebook)
