# Hands in grade cells with outputs of full marks, and no answers.
# lab: jsonb-search
# honest: 0
# says: The answer is empty
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """What our own preprocessor would have written."""
    for name in ("index", "refunds"):
        answer_cell(notebook, name)["source"] = f"%%answer {name}\n-- nothing"
        answer_cell(notebook, f"check-{name}")["outputs"] = [
            {"output_type": "execute_result", "data": {"text/plain": "8"}, "metadata": {}, "execution_count": 1}
        ]
    write(folder, "jsonb-search", notebook)
