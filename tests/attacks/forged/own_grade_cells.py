# Adds grade cells of its own, one to be graded by hand, with points and outputs.
# lab: jsonb-search
# honest: 0
# says: The answer is empty
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """A bonus of fifty."""
    for name in ("index", "refunds"):
        answer_cell(notebook, name)["source"] = f"%%answer {name}\n"
    for name, solution in (("bonus", True), ("check-bonus", False)):
        about = {
            "grade": True,
            "solution": solution,
            "grade_id": name,
            "points": 50,
            "locked": False,
            "schema_version": 3,
        }
        notebook["cells"].append(
            {
                "cell_type": "code",
                "id": name,
                "source": "50",
                "execution_count": 1,
                "metadata": {"nbgrader": {**about, "task": False}},
                "outputs": [
                    {
                        "output_type": "execute_result",
                        "data": {"text/plain": "50"},
                        "metadata": {},
                        "execution_count": 1,
                    }
                ],
            }
        )
    write(folder, "jsonb-search", notebook)
