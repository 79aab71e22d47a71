# Brings links along beside a solved notebook: to the file outside, to the hidden checks, to what has no end.
# lab: jsonb-search
# honest: 12
# says: beside the notebooks is left out
import os

from tests.attacks.attack import write


def hand_in(folder, notebook, told):
    """Whoever copies the submission with its files copies what they lead to."""
    write(folder, "jsonb-search", notebook)
    os.symlink(told.file, folder / "notes.txt")
    os.symlink(told.hidden, folder / "hidden")
    os.symlink(f"{told.hidden}/jsonb-search/test_jsonb_search_hidden.py", folder / "check.txt")
    os.mkfifo(folder / "pipe")
    os.symlink("/dev/zero", folder / "zero.bin")
