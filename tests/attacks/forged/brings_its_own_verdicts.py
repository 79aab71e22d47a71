# Brings files along: a verdict store, an audit trail, a configuration of nbgrader, a conftest, a gradebook.
# lab: jsonb-search
# honest: 0
# says: beside the notebooks is left out
import shutil

from tests.attacks.attack import write
from tests.grading.submissions import answer_cell


def hand_in(folder, notebook, told):
    """Beside an empty notebook."""
    for name in ("index", "refunds"):
        answer_cell(notebook, name)["source"] = f"%%answer {name}\n-- of its own"
    write(folder, "jsonb-search", notebook)
    attack = f"open({told.file!r}, 'w').write('was here')\n"
    for name in ("nbgrader_config.py", "conftest.py", "sitecustomize.py", "jupyter_config.py"):
        (folder / name).write_text(attack)
    (folder / ".labkit" / "verdicts").mkdir(parents=True)
    (folder / ".labkit" / "audit.jsonl").write_text('{"student": "forged-brings_its_own_verdicts", "fault": ""}\n')
    shutil.copyfile(told.neighbour, folder / "gradebook.db")
