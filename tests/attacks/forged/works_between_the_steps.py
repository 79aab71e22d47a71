# Fills the columns in a process of its own between expand and backfill, when nobody else writes and nothing is measured.
# lab: alembic-expand-contract
# honest: 11
# says: One transaction wrote too many rows
# series: full
from tests.attacks.attack import write
from tests.grading.submissions import answer_cell

CHILD = '''
import os
import time

import psycopg

UPDATE = """UPDATE customers SET given_name = split_part(full_name, ' ', 1),
    family_name = substr(full_name, length(split_part(full_name, ' ', 1)) + 2) WHERE given_name IS NULL"""
if os.fork() == 0:
    seen = False
    while True:
        try:
            with psycopg.connect() as session:
                session.execute(UPDATE if seen else "SELECT given_name FROM customers LIMIT 1")
                if seen:
                    break
            seen = True
            time.sleep(0.3)  # until expand is through
        except psycopg.Error:
            time.sleep(0.01)
    os._exit(0)
'''
NOTHING = """import time

revision, down_revision = "backfill", "expand"


def upgrade():
    time.sleep(1)  # nothing but waiting for the child, which gets nowhere before


def downgrade():
    pass
"""


def hand_in(folder, notebook, told):
    """A backfill that does nothing finds everything done."""
    expand = answer_cell(notebook, "expand")
    expand["source"] = expand["source"].replace("%%answer expand\n", f"%%answer expand\n{CHILD}")
    answer_cell(notebook, "backfill")["source"] = f"%%answer backfill\n{NOTHING}"
    answer_cell(notebook, "contract")["source"] = "%%answer contract\n# nothing"
    write(folder, "alembic-expand-contract", notebook)
