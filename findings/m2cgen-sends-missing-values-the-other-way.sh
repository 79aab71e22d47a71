#!/usr/bin/env bash
# m2cgen 0.10.0 meets scikit-learn 1.9.1.
# m2cgen writes a trained tree as plain code, to serve it without scikit-learn. Since 1.3 scikit-learn's trees take missing values, and learn
# for each split on which side they belong. The code that is written has only "if value <= threshold", which is false for a missing value: so
# all of them go right, whatever was learned. Nothing is said when the code is written, and rows without missing values agree.
# scikit-learn also compares as 32-bit floats, the code as 64-bit ones: a value that lies just at a threshold can fall on the other side.
# Why it matters: a service without scikit-learn gives other answers for just those rows that were hard to get right.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile m2cgen==0.10.0 scikit-learn==1.9.1 numpy==2.4.6
venv/bin/python - >seen <<'PY'
import math

import m2cgen
from sklearn.tree import DecisionTreeRegressor


def both(rows, targets, asked):
    """What the tree says of a value, and what its code says."""
    tree = DecisionTreeRegressor(random_state=0).fit([[row] for row in rows], targets)
    names = {}
    exec(m2cgen.export_to_python(tree), names)
    for value in asked:
        print(f"{value}: scikit-learn {tree.predict([[value]])[0]}, m2cgen {names['score']([value])}")


print("missing values belong left")
both([1.0, 2.0, 3.0, 4.0, math.nan, math.nan], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 4.0, math.nan])
print("a threshold between 0.1 and 0.5")
both([0.1, 0.5], [0.0, 1.0], [0.29, 0.3, 0.31])
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
missing values belong left
1.0: scikit-learn 0.0, m2cgen 0.0
4.0: scikit-learn 1.0, m2cgen 1.0
nan: scikit-learn 0.0, m2cgen 1.0
a threshold between 0.1 and 0.5
0.29: scikit-learn 0.0, m2cgen 0.0
0.3: scikit-learn 1.0, m2cgen 0.0
0.31: scikit-learn 1.0, m2cgen 1.0
EXPECTED
