"""The till: takes orders on port 8000. On SIGTERM it takes no more, answers those that it has begun, and ends with status 0.

POST /orders      {"what": "coffee", "count": 2}: rung up one after the other, a quarter of a second each
GET  /healthz     asks whoever rings up, so it waits for the orders before it
GET  /            says who we are
"""

import argparse
import json
import queue
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--shop", default="Corner")
SHOP = parser.parse_args().shop
PRICES = json.loads(Path("/tmp/prices.json").read_text())
waiting, receipts = queue.Queue(), []


def ring_up():
    """One clerk does all the work."""
    while True:
        work, done = waiting.get()
        done.put(work())


def in_turn(work):
    """What `work` returns, when its turn has come."""
    done = queue.Queue()
    waiting.put((work, done))
    return done.get()


class Till(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            self.reply(in_turn(lambda: "ok"))
        else:
            self.reply(f"the till of {SHOP}")

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)  # the customer sees that we have begun
        self.end_headers()

        def work():
            cents = PRICES[order["what"]] * order["count"]
            time.sleep(0.25)
            receipts.append(cents)
            return f"{SHOP}: {cents} cents"

        self.wfile.write(in_turn(work).encode())

    def reply(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("0.0.0.0", 8000), Till)
server.daemon_threads = False  # so that closing waits for answers
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
threading.Thread(target=ring_up, daemon=True).start()
print("open", flush=True)
server.serve_forever(poll_interval=0.05)
server.server_close()
print(f"{len(receipts)} receipts, {sum(receipts)} cents", flush=True)
