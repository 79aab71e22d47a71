# Opens a hundred thousand comments that never end, for whoever strips them to look for the end of each.
# lab: jsonb-search
# honest: 0
# says: unterminated /\* comment|is empty
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """As long as an answer may be."""
    answer_cell(notebook, "index")["source"] = "%%answer index\n" + "/* " * 60_000
    answer_cell(notebook, "refunds")["source"] = "%%answer refunds\n" + "/* " * 60_000
    write(folder, "jsonb-search", notebook)
