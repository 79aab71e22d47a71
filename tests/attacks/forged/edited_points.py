# Changes the points, the names and the locks in the notebook's own metadata.
# lab: jsonb-search
# honest: 4
# says: 'check-refunds' was edited
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """The index is solved, the refunds are not; both claim a thousand points."""
    answer_cell(notebook, "refunds")["source"] = "%%answer refunds\nSELECT 1"
    for name in ("check-index", "check-refunds"):
        cell = answer_cell(notebook, name)
        cell["metadata"]["nbgrader"] |= {"points": 1000, "locked": False, "solution": True}
        cell["source"] = "1000"
    for answer in notebook["metadata"]["lab"]["answers"]:
        answer |= {"points": 1000, "visible": 1000}
    write(folder, "jsonb-search", notebook)
