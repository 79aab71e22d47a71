#!/usr/bin/env bash
# awslambdaric 4.2.2, `awslambdaric.lambda_runtime_client.LambdaRuntimeClient(address)`.
# Its argument is the address of the Runtime API. What the client reports (`init/error`) goes there; but events are asked for by a native part, which took
# `AWS_LAMBDA_RUNTIME_API` from the environment when the module was imported, and keeps to that: an address that is given, and a variable that
# is set later, are both left aside. The error then names neither.
# Source: the class' own parameter, and github.com/aws/aws-lambda-python-runtime-interface-client (README, "Local testing").
# Why it matters: who forks functions from a process that has the runtime imported, or tests a handler against two Runtime APIs in one process,
# gets events from the first one only, or none.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile awslambdaric==4.2.2
venv/bin/python - >seen 2>/dev/null <<'PY'
import http.server
import os
import threading


def runtime_api(name):
    class Requests(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            for header, value in {
                "Content-Type": "application/json",
                "Content-Length": "2",
                "Lambda-Runtime-Aws-Request-Id": f"an-event-of-{name}",
                "Lambda-Runtime-Deadline-Ms": "4000000000000",
            }.items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def do_POST(self):
            print(name, "hears of", self.path.rpartition("/2018-06-01/runtime/")[2])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_address[1]}"


first, second = runtime_api("first"), runtime_api("second")
os.environ["AWS_LAMBDA_RUNTIME_API"] = first
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

os.environ["AWS_LAMBDA_RUNTIME_API"] = second
client = LambdaRuntimeClient(second)
print("asked for an event, it gets", client.wait_next_invocation().invoke_id)
client.post_init_error({"errorType": "Tried", "errorMessage": "tried", "stackTrace": []})
PY
cat seen
diff - seen <<'EXPECTED' || { echo "CHANGED: above, < is what was recorded, > is what is seen now."; exit 1; }
asked for an event, it gets an-event-of-first
second hears of init/error
EXPECTED
