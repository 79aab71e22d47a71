#!/usr/bin/env bash
# nbgrader 0.9.6 meets NumPy 2.2.6 (ipykernel 6.30.1, ipython 8.37.0, setuptools 80.9.0).
# A test cell whose last value is a number gets that many points: nbgrader reads the number from the text that the kernel shows.
# A score computed with NumPy (a mean, a clipped ratio) is a number, and under NumPy 1 it was shown as one: 0.5. NumPy 2 shows
# np.float64(0.5), which is not a number as text, and nbgrader takes any other text as full marks, with no more than a warning.
# So the answer that is worth 0.5 of 2, and even 0.0 of 2, gets 2. A bare Python float is still read right.
# Why it matters: an upgrade of NumPy in the grading environment raises marks, and nothing fails.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile nbgrader==0.9.6 numpy==2.2.6 ipykernel==6.30.1 ipython==8.37.0 setuptools==80.9.0
export PATH="$place/venv/bin:$PATH" HOME="$place" IPYTHONDIR="$place/ipython" JUPYTER_CONFIG_DIR="$place/config" JUPYTER_RUNTIME_DIR="$place/runtime"
python - >seen 2>log <<'PY'
import nbformat.v4 as v4
from nbclient import NotebookClient
from nbgrader.utils import determine_grade

GRADED = {"grade": True, "solution": False, "locked": True, "points": 2, "grade_id": "t", "schema_version": 3, "cell_type": "code"}
SCORES = ("np.mean([0, 1])", "np.mean([0, 0])", "float(np.mean([0, 1]))")

cells = [v4.new_code_cell(score, metadata={"nbgrader": GRADED}) for score in SCORES]
book = v4.new_notebook(cells=[v4.new_code_cell("import numpy as np"), *cells])
NotebookClient(book, kernel_name="python3", timeout=120).execute()
for cell in cells:
    print(cell.source, "| shown:", cell.outputs[0].data["text/plain"], "| points: %s of %s" % determine_grade(cell))
PY
cat seen
diff - seen <<'EXPECTED' || { cat log; echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
np.mean([0, 1]) | shown: np.float64(0.5) | points: 2.0 of 2.0
np.mean([0, 0]) | shown: np.float64(0.0) | points: 2.0 of 2.0
float(np.mean([0, 1])) | shown: 0.5 | points: 0.5 of 2.0
EXPECTED
