#!/usr/bin/env bash
# pyawscron 1.0.7, `AWSCron.get_next_n_schedule`.
# It says when a schedule of EventBridge runs next. What the documentation allows ends in an error from inside, on the ordinary day that
# comes first: the 31st, and 29 February, are constructed also in months that have none, where the real service skips to the next one that
# has; and the last day of the week (`L` as day of the week, without a number) is looked for until it gives up.
# Source: docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html (cron expressions, wildcards).
# Why it matters: the usual use is a test in CI that a schedule does what its author means.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile pyawscron==1.0.7
venv/bin/python - >seen <<'PY'
import datetime

from pyawscron import AWSCron

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
for expression in ("0 10 31 * ? *", "0 10 ? * 6L *", "0 10 29 2 ? *", "0 10 ? * L *"):
    try:
        found = AWSCron.get_next_n_schedule(3, START, expression)
    except Exception as error:
        print(expression, type(error).__name__, str(error).strip())
    else:
        print(expression, *(f"{day:%a %Y-%m-%d}" for day in found))
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
0 10 31 * ? * ValueError day is out of range for month
0 10 ? * 6L * Fri 2026-01-30 Fri 2026-02-27 Fri 2026-03-27
0 10 29 2 ? * ValueError day is out of range for month
0 10 ? * L * Exception AwsCronParser : this shouldn't happen, but iter 11 > 10
EXPECTED
