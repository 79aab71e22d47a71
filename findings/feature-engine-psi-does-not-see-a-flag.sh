#!/usr/bin/env bash
# feature-engine 1.9.4 (pandas 3.1.1, NumPy 2.4.6, scikit-learn 1.9.1).
# DropHighPSIFeatures measures how far a feature has moved between two periods (population stability index, PSI). By default its bins hold
# equally many of the first period's rows. Of a flag that 5 % of the rows have, all quantiles but the last are 0: one bin is left, all rows
# of both periods are in it, and PSI is 0.0 when 50 % or 100 % of the rows have the flag. No warning; a feature that is kept as stable.
# With strategy="equal_width" the same shifts are 1.3 and 11.5, where 0.25 is called a large one.
# Why it matters: rare flags are common features, and a jump in one of them is what a drift alarm is for.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile feature-engine==1.9.4 pandas==3.1.1 numpy==2.4.6 scikit-learn==1.9.1
venv/bin/python -W ignore - >seen <<'PY'
import pandas as pd
from feature_engine.selection import DropHighPSIFeatures


def psi(share, strategy):
    """Of a flag that 5 % of 1,000 rows have in January, and this share in February."""
    flags = [0.0] * 950 + [1.0] * 50 + [0.0] * (1000 - share) + [1.0] * share
    frame = pd.DataFrame({"month": [1] * 1000 + [2] * 1000, "flag": flags})
    found = DropHighPSIFeatures(split_col="month", cut_off=1, variables=["flag"], threshold=0.25, strategy=strategy).fit(frame)
    return f"{found.psi_values_['flag']:.1f}", found.features_to_drop_


for strategy in ("equal_frequency", "equal_width"):
    for share in (50, 500, 1000):
        print(strategy, f"5 % -> {share // 10} %", *psi(share, strategy))
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
equal_frequency 5 % -> 5 % 0.0 []
equal_frequency 5 % -> 50 % 0.0 []
equal_frequency 5 % -> 100 % 0.0 []
equal_width 5 % -> 5 % 0.0 []
equal_width 5 % -> 50 % 1.3 ['flag']
equal_width 5 % -> 100 % 11.5 ['flag']
EXPECTED
