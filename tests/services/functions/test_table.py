"""Each row of the table of behaviours has a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "functions.md"


def test_each_row_of_the_table_names_a_test_that_there_is():
    table = PAGE.read_text(encoding="utf-8").split("## What is otherwise")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith("| behaviour")]
    assert len(rows) >= 25
    for row in rows:
        named = re.findall(r"`(test_\w+)\.(test_\w+)`", row)
        assert named, row
        for module, test in named:
            assert f"def {test}(" in (HERE / f"{module}.py").read_text(encoding="utf-8"), f"{module}.{test}"
