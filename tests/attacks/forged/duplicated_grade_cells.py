# Hands in the grade cell of the solved answer ten times, also under the name of the other one.
# lab: jsonb-search
# honest: 4
# says: 'check-refunds' was edited
import copy

from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """Ten times four points would be enough for everything."""
    answer_cell(notebook, "refunds")["source"] = "%%answer refunds\nSELECT 1"
    for number in range(10):
        second = copy.deepcopy(answer_cell(notebook, "check-index"))
        second["metadata"]["nbgrader"]["grade_id"] = "check-index" if number % 2 else "check-refunds"
        notebook["cells"].append(second)
    write(folder, "jsonb-search", notebook)
