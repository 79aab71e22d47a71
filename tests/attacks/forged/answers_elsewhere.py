# Hides the answers in metadata, attachments and outputs, for the notebook to be empty to whoever looks at it.
# lab: jsonb-search
# honest: 0
# says: The answer is empty
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """Everything is there, and nothing where an answer stands."""
    for name in ("index", "refunds"):
        cell = answer_cell(notebook, name)
        text = cell["source"]
        cell["source"] = f"%%answer {name}\n"
        cell["metadata"] |= {"source": text, "answer": text}
        cell["attachments"] = {"answer.sql": {"text/plain": text}}
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]
        notebook["metadata"][name] = text
    write(folder, "jsonb-search", notebook)
