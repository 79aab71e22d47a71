# Has the ids of grade cells on cells of its own, attachments, and a format that is yet to come.
# lab: jsonb-search
# honest: 12
# says: ^$|.*
# kind: 8
from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """All of it is left where it is: only the texts count."""
    notebook["nbformat_minor"] = 99
    grades = [cell["metadata"]["nbgrader"] for cell in notebook["cells"] if "nbgrader" in cell.get("metadata", {})]
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = "same"
        cell["attachments"] = {"x.svg": {"image/svg+xml": "<svg onload=alert(1)>"}}
        if "nbgrader" not in cell["metadata"] and grades:
            cell["metadata"]["nbgrader"] = {**grades[number % len(grades)], "points": 1000, "grade": True}
    write(folder, "jsonb-search", notebook)
