#!/usr/bin/env bash
# lightkube 1.0.1, `lightkube.utils.quantity.parse_quantity`.
# It reads the quantities of Kubernetes (0.5, 100m, 1.5Gi) into decimal numbers. The metrics API says how much processor time a container
# uses in nanocores, "11122600n", and some metrics servers in microcores: both suffixes are Kubernetes' own (apimachinery
# pkg/api/resource/suffix.go; github.com/kubernetes/kubernetes pull request 110468), and both are refused, as is an exponent with a
# capital E, which the grammar allows as well as the small one that is read.
# Why it matters: what is set (requests, limits) can be read and what is used cannot, so the two are not to be compared with it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile lightkube==1.0.1
venv/bin/python - >seen <<'PY'
from lightkube.utils.quantity import parse_quantity

for quantity in ("100m", "1e3", "1E3", "11122600n", "11122u"):
    try:
        print(quantity, "is", parse_quantity(quantity))
    except ValueError as error:
        print(quantity, "is refused:", error)
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
100m is 0.100
1e3 is 1000.000
1E3 is refused: Invalid unit suffix: E3
11122600n is refused: Invalid unit suffix: n
11122u is refused: Invalid unit suffix: u
EXPECTED
