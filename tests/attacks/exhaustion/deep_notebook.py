# Is a notebook whose JSON is as deep as a reader just bears, for those after it to overflow.
# lab: jsonb-search
# honest: 0
# says: too deep|is not JSON
import json

from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """In a cell's metadata, where it hurts no format."""
    deep = "deep"
    notebook["cells"][0]["metadata"]["x"] = deep
    path = write(folder, "jsonb-search", notebook)
    text = path.read_text().replace(json.dumps(deep), '{"a": [' * 240 + "1" + "]}" * 240)
    path.write_text(text)
