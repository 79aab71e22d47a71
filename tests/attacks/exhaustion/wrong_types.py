# Is a notebook whose every field is of another type than it should be, for whoever trusts one to stumble over it.
# lab: jsonb-search
# honest: 0
# says: is no cell of a notebook|has no metadata of a notebook
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """The answers are there, in what no program has saved."""
    for cell in [answer_cell(notebook, name) for name in ("index", "refunds")]:
        cell["metadata"] = ["nbgrader"]
    for wrong in (None, 7, "x", [], {}):
        notebook["cells"] += [
            {"cell_type": "markdown", "id": wrong, "metadata": wrong, "source": wrong, "attachments": wrong},
            {
                "cell_type": "code",
                "metadata": {"nbgrader": wrong},
                "source": [wrong],
                "outputs": wrong,
                "execution_count": "x",
            },
            {"cell_type": wrong, "source": "x"},
        ]
    notebook["cells"].append({})
    notebook["metadata"] = ["lab"]
    notebook["nbformat_minor"] = "x"
    write(folder, "jsonb-search", notebook)
