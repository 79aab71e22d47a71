# Opens a quote in its runbook and never closes it, over a hundred thousand lines.
# lab: migrate-dirty
# honest: 9
# says: A quote is opened and never closed
# series: full
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """Only the runbook. Whoever tries again after each line never ends."""
    answer_cell(notebook, "recovery")["source"] = '%%answer recovery\npsql -c "' + "'\n" * 60_000
    write(folder, "migrate-dirty", notebook)
