# Has half a character in its prose, its metadata and the names of its tags, which no file in UTF-8 can hold.
# lab: jsonb-search
# honest: 12
# says: .*
# kind: 8
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """JSON can say it, and so can a notebook."""
    notebook["metadata"]["\ud800"] = "\udfff"
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = "\ud83d half"
        cell["metadata"]["tags"] = ["\ude00"]
    write(folder, "jsonb-search", notebook)
