#!/usr/bin/env bash
# cloudevents 1.12.0 and 2.2.0 (Python SDK of CloudEvents).
# In binary mode over HTTP an event's attributes are headers, and their values are percent-encoded: `für` is sent as f%C3%BCr. cloudevents 1.12
# does not decode them: what 2.2 sends, it reads as one id in structured mode, and as another in binary mode. No warning. functions-framework 3.10.2 pins cloudevents to 1.12 at most.
# Why it matters: source and id together are what duplicates are known by. A receiver that gets one event in both modes does its work twice.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
for version in 1.12.0 2.2.0; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --no-compile "cloudevents==$version"
done
cat >send.py <<'PY'
import json
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

event = CloudEvent({"id": "für 100%20", "source": "shop", "type": "said", "specversion": "1.0"}, {"a": 1})
for send in (to_binary_event, to_structured_event):
    message = send(event)
    print(json.dumps([dict(message.headers), message.body.decode()]))
PY
cat >read_1.py <<'PY'
import json, sys
from cloudevents.http import from_http

for line in sys.stdin:
    print("1.12.0 reads", from_http(*json.loads(line))["id"])
PY
cat >read_2.py <<'PY'
import json, sys
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

for line in sys.stdin:
    headers, body = json.loads(line)
    print("2.2.0 reads", from_http_event(HTTPMessage(headers, body.encode())).get_id())
PY
venv-2.2.0/bin/python send.py >sent
{ venv-1.12.0/bin/python read_1.py <sent; venv-2.2.0/bin/python read_2.py <sent; } >seen
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
1.12.0 reads f%C3%BCr%20100%2520
1.12.0 reads für 100%20
2.2.0 reads für 100%20
2.2.0 reads für 100%20
EXPECTED
