"""The shop: the small program that the labs deploy. One file, nothing but Python's standard library.

    /             an order is taken: "shop 1.0 …"; 503 while the program is not ready, 500 where the version is a bad one
    /healthz      200 as long as the program works at all; it hangs when the program hangs
    /readyz       200 when it can take an order now; 503 while it starts, is busy, or has no database
    /metrics      numbers in Prometheus' format
    /terms        what customers are told, as JSON: {"delivery": "4.90", "notice": "…"}
    /pay?order=N  a receipt of order N, signed with the key of the payment provider; 503 without a key
    /report       adds up the orders that it has kept, for which it needs them twice; ?seconds=N: for so long
    /state        which faults it has now; it answers even when it hangs
    /fault/NAME   makes something go wrong, as the labs need it: deadlock, busy, database, memory; ?seconds=N ends it again,
                  ?after=/PATH&patience=N begins it when the next probe of that path has been answered, or N seconds from now

Settings come from the environment:

    SHOP_VERSION          the version in each answer
    SHOP_LISTEN           the port, 8000 (not SHOP_PORT: a Service that is called shop sets that one)
    SHOP_START_SECONDS    how long it takes until the port is open
    SHOP_WARM_SECONDS     how long after that it answers 503, as it reads its catalog
    SHOP_WORK_SECONDS     how long an order takes
    SHOP_CPU_MS           how much of a processor's time it takes, in milliseconds
    SHOP_STOP             "graceful": on SIGTERM it finishes what it has begun, then ends; "at-once": it just ends
    SHOP_CRASH_SECONDS    the program ends with an error that long after its start
    SHOP_FAIL_PERCENT     so many of a hundred orders get a 500
    SHOP_MEMORY_MB        so much memory is taken at the start, and SHOP_LEAK_KB more with each order
    SHOP_KEEP_ORDERS      so many of the latest orders are kept in memory, SHOP_ORDER_KB each
    SHOP_DATABASE         a URL that is asked for each order and for /readyz: the dependency; its log says why it does not answer
    SHOP_FEE              what a delivery costs, read at the start
    SHOP_NOTICE           a sentence for customers, read at the start; SHOP_NOTICE_FILE: a file that is read for each answer
    SHOP_PAYMENT_KEY      signs receipts, read at the start; SHOP_PAYMENT_KEY_FILE: a file that is read for each receipt

As many programs do, it begins its log with its settings.
"""

import collections
import hashlib
import hmac
import json
import mmap
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTED = time.monotonic()
SLOTS = 50  # orders at a time
MEGABYTE = b"x" * 2**20


def setting(name, default=0.0):
    """A number from the environment."""
    return float(os.environ.get(f"SHOP_{name}") or default)


def taken(size):
    """So many bytes of memory, which go back to the machine as soon as nobody has them any more (those of `bytearray` may stay)."""
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    while (left := size - block.tell()) > 0:
        block.write(MEGABYTE[:left])
    return block


def calculate(milliseconds):
    """Takes so much of a processor's time, however many others want it meanwhile."""
    end = time.thread_time() + milliseconds / 1000
    while time.thread_time() < end:
        hashlib.sha256(b"x" * 10_000).digest()


class Shop:
    """What the program is doing, and what is wrong with it."""

    def __init__(self):
        self.version = os.environ.get("SHOP_VERSION", "1.0")
        self.lock = threading.Lock()
        self.working = threading.Semaphore(SLOTS)
        self.orders = self.errors = self.open = 0
        self.seconds = 0.0
        self.faults = {}  # name -> from when, until when
        self.missed = ""  # why the dependency did not answer when it was asked last
        self.waiting = {}  # path -> faults that begin after its next probe
        self.kept = [bytearray(int(setting("MEMORY_MB") * 2**20))]
        self.latest = collections.deque(maxlen=int(setting("KEEP_ORDERS")))
        self.warm_at = time.monotonic() + setting("WARM_SECONDS")

    def has(self, fault):
        """Whether something is going wrong now."""
        begin, end = self.faults.get(fault, (0.0, 0.0))
        return begin <= time.monotonic() < end

    def probed(self, path):
        """A probe has been answered."""
        for name, seconds in self.waiting.pop(path, []):
            self.faults[name] = (time.monotonic(), time.monotonic() + seconds)

    def hang(self):
        """What a deadlock does to every request: it never comes back."""
        while self.has("deadlock"):
            time.sleep(0.05)

    def not_ready(self):
        """Why no order can be taken, or nothing."""
        if time.monotonic() < self.warm_at:
            return "starting: the catalog is being read"
        if self.has("busy"):
            return "busy: too many orders at a time"
        if self.has("database") or not self.database():
            return "the database does not answer"
        return ""

    def database(self):
        """Whether the dependency answers."""
        url = os.environ.get("SHOP_DATABASE")
        if not url:
            return True
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                missed = "" if answer.status < 400 else f"HTTP status {answer.status}"
        except OSError as error:
            missed = str(error)
        with self.lock:
            is_news, self.missed = missed != self.missed, missed
        if missed and is_news:
            say(event="no database", url=url, error=missed)
        return not missed

    def order(self):
        """Status and text of one order."""
        begun = time.monotonic()
        with self.lock:
            self.orders += 1
            number = self.orders
        if leak := int(setting("LEAK_KB") * 1024):
            self.kept.append(bytearray(leak))
        if size := int(setting("ORDER_KB") * 1024):
            self.latest.append(taken(size))
        if cpu := setting("CPU_MS"):
            calculate(cpu)
        if work := setting("WORK_SECONDS"):
            time.sleep(work)
        why = self.not_ready()
        if not why and random.random() * 100 < setting("FAIL_PERCENT"):
            why = "a bug of this version"
        with self.lock:
            self.seconds += time.monotonic() - begun
            self.errors += bool(why)
        if why:
            return (500 if "bug" in why else 503), f"shop {self.version} cannot take the order: {why}\n"
        words = notice()
        return 200, f"shop {self.version} took order {number}{': ' if words else ''}{words}\n"

    def report(self, seconds):
        """What one report says; meanwhile all kept orders are there twice."""
        size = sum(map(len, list(self.latest)))
        copy = taken(size) if size else b""
        time.sleep(seconds)
        return f"shop {self.version} has added up {len(copy)} bytes of orders\n"

    def metrics(self):
        """Numbers in Prometheus' text format."""
        with open("/proc/self/statm", encoding="ascii") as file:
            memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        label = f'{{version="{self.version}"}}'
        return "".join(
            f"# TYPE {name} {kind}\n{name}{label} {value}\n"
            for name, kind, value in (
                ("shop_orders_total", "counter", self.orders),
                ("shop_errors_total", "counter", self.errors),
                ("shop_order_seconds_total", "counter", round(self.seconds, 6)),
                ("shop_cpu_seconds_total", "counter", round(time.process_time(), 6)),
                ("shop_memory_bytes", "gauge", memory),
                ("shop_kept_orders", "gauge", len(self.latest)),
                ("shop_up_seconds", "gauge", round(time.monotonic() - STARTED, 3)),
            )
        )

    def cause(self, name, asked):
        """Makes something go wrong for some seconds."""
        seconds = float(asked.get("seconds", 1e9))
        if name == "memory":
            self.kept.append(bytearray(b"x" * int(float(asked.get("mb", 64)) * 2**20)))
        elif name in ("deadlock", "busy", "database"):
            begin = time.monotonic() + (float(asked.get("patience", 0)) if "after" in asked else 0.0)
            self.faults[name] = (begin, begin + seconds)
            if "after" in asked:
                self.waiting.setdefault(asked["after"], []).append((name, seconds))
        else:
            return False
        return True


def told(name):
    """What the setting says: the text of the file that it names, as it is now, or its own. Raises OSError."""
    if path := os.environ.get(f"SHOP_{name}_FILE"):
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    return os.environ.get(f"SHOP_{name}", "")


def notice():
    """What customers are told."""
    try:
        return told("NOTICE")
    except OSError as error:
        return f"(no notice: {error.strerror})"


def terms():
    """All that they are told, as JSON."""
    return json.dumps({"delivery": os.environ.get("SHOP_FEE", ""), "notice": notice()}) + "\n"


def receipt(order):
    """Status and text of a payment: the provider knows by the signature that it was us."""
    try:
        key = told("PAYMENT_KEY")
    except OSError as error:
        return 503, f"no receipt: the key cannot be read ({error.strerror})\n"
    if not key:
        return 503, "no receipt: there is no key\n"
    return 200, hmac.new(key.encode(), f"order {order}".encode(), hashlib.sha256).hexdigest() + "\n"


SHOP = Shop()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        """Every request is a GET."""
        with SHOP.lock:
            SHOP.open += 1
        try:
            self.answer(*self.route())
            if self.headers.get("User-Agent", "").startswith("kube-probe"):
                SHOP.probed(self.path)
        finally:
            with SHOP.lock:
                SHOP.open -= 1

    def route(self):
        """Status and text."""
        path, _, query = self.path.partition("?")
        if path.startswith("/fault/"):
            done = SHOP.cause(path.removeprefix("/fault/"), dict(urllib.parse.parse_qsl(query)))
            return (200, "as you like\n") if done else (404, "no such fault\n")
        if path == "/state":
            return 200, "".join(f"{name} {int(SHOP.has(name))}\n" for name in ("deadlock", "busy", "database"))
        SHOP.hang()
        if path == "/healthz":
            return 200, "alive\n"
        if path == "/readyz":
            why = SHOP.not_ready()
            return (503, f"{why}\n") if why else (200, "ready\n")
        if path == "/metrics":
            return 200, SHOP.metrics()
        if path == "/terms":
            return 200, terms()
        if path == "/pay":
            return receipt(dict(urllib.parse.parse_qsl(query)).get("order", ""))
        if path == "/report":
            return 200, SHOP.report(float(dict(urllib.parse.parse_qsl(query)).get("seconds", 1)))
        if path == "/":
            with SHOP.working:
                return SHOP.order()
        return 404, "there is nothing here\n"

    def answer(self, status, text):
        """Sends it, with the version and the pod's name in headers."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", SHOP.version)
        self.send_header("X-Pod", os.environ.get("HOSTNAME", ""))
        if stopping.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """A line for each request would be too many."""


class Server(ThreadingHTTPServer):
    """Threads that do not hold up the end of the program."""

    daemon_threads = True
    request_queue_size = 256
    address_family = socket.AF_INET

    def server_bind(self):
        """Without looking up the own name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request, client_address):
        """A client that goes away is no error of ours."""


stopping = threading.Event()


def say(**words):
    """One line of the log, as JSON."""
    print(json.dumps({"version": SHOP.version, **words}), flush=True)


def stop(server):
    """On SIGTERM: takes no more connections, finishes what has begun, and ends well."""
    stopping.set()
    say(event="stopping", open=SHOP.open)
    if os.environ.get("SHOP_STOP", "graceful") != "graceful":
        os._exit(0)
    if SHOP.has("deadlock"):  # what hangs is never finished
        os._exit(1)
    server.shutdown()
    server.server_close()
    deadline = time.monotonic() + 20
    while SHOP.open and time.monotonic() < deadline:
        time.sleep(0.01)
    say(event="stopped", orders=SHOP.orders)
    os._exit(0)


def crash(seconds):
    """The bug of a version that does not work."""
    time.sleep(seconds)
    say(event="crashed", error="KeyError: 'prices'")
    os._exit(1)


def main():
    """Starts as slowly as the settings say, and serves."""
    settings = {name: value for name, value in sorted(os.environ.items()) if name.startswith("SHOP_")}
    say(event="starting", python=sys.version.split()[0], settings=settings)
    if os.environ.get("SHOP_CRASH_SECONDS"):
        threading.Thread(target=crash, args=[setting("CRASH_SECONDS")], daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    time.sleep(setting("START_SECONDS"))
    server = Server(("0.0.0.0", int(setting("LISTEN", 8000))), Handler)
    SHOP.warm_at = time.monotonic() + setting("WARM_SECONDS")
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop, args=[server]).start())
    say(event="listening", port=server.server_port)
    server.serve_forever(poll_interval=0.05)
    stopping.wait()
    threading.Event().wait(30)  # `stop` ends the program


if __name__ == "__main__":
    main()
