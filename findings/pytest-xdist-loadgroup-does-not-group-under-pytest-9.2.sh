#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0; pytest 8.4.2 for comparison.
# With `--dist loadgroup`, tests of one `xdist_group` are promised to one worker. Course graders use it for tests that share a database,
# a cluster or a port. Under pytest 9.2 the group is lost: xdist writes it into each test's name (`…@group`) by assigning to the item,
# and the name that goes to the scheduler is the old one. The tests of one group run on two workers at once; all pass, nothing is said.
# Why it matters: what was serialised is now a race, found only by tests that fail now and then.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
cat >test_group.py <<'PY'
import os
import pathlib

import pytest


@pytest.mark.xdist_group("one database")
@pytest.mark.parametrize("number", range(8))
def test_shares_a_database(number):
    pathlib.Path(os.environ["WORKERS"], os.environ["PYTEST_XDIST_WORKER"]).touch()
PY
workers() { # workers PYTEST_VERSION: how many processes ran tests of the one group
    python3 -m venv "venv-$1"
    "venv-$1/bin/pip" install --quiet --no-compile "pytest==$1" pytest-xdist==3.8.0
    mkdir "workers-$1"
    WORKERS="$place/workers-$1" "venv-$1/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup >log 2>&1 || { cat log; exit 1; }
    find "workers-$1" -type f | wc -l | tr -d ' '
}
old=$(workers 8.4.2)
new=$(workers 9.2.0)
echo "workers that ran the one group: pytest 8.4.2: $old, pytest 9.2.0: $new; all tests passed in both"
[ "$old $new" = "1 2" ] || { echo "CHANGED: expected 1 and 2."; exit 1; }
