# Has an expression as deep as its text is long, for whoever parses it to overflow.
# lab: alembic-expand-contract
# honest: 0
# says: not valid Python|too (complex|nested)|recursion|failed
# series: full
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """Three kinds of depth in three answers."""
    head = "revision = 'expand'\ndown_revision = None\nx = "
    for name, depth in (
        ("expand", "-" * 90_000 + "1"),
        ("backfill", "x" + ".a" * 60_000),
        ("contract", "(" * 150 + "lambda: " * 9_000 + "0"),
    ):
        answer_cell(notebook, name)["source"] = f"%%answer {name}\n{head}{depth}\n"
    write(folder, "alembic-expand-contract", notebook)
