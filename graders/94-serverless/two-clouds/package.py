"""What is deployed beside the parts of two-clouds: September's function, the ledger on Postgres, and a process that has no cloud."""

from labkit.services.functions.cloudevents import CloudEvent, binary, structured

SEPTEMBER = '''"""Prints photos, as it was in September: all of it in one handler."""

import os

import ledger

PRICES = {"10x15": 19, "13x18": 29, "20x30": 149}  # cents a copy
ledger = ledger.Ledger()


def handler(event, context):
    order = event["detail"]
    if event["detail-type"] != "prints.ordered" or order["size"] not in PRICES:
        return {"error": "no such order", "region": os.environ["AWS_REGION"]}
    key = context.aws_request_id
    for photo in order["photos"]:
        if context.get_remaining_time_in_millis() < 1000 * photo["seconds"] + 1000:
            raise TimeoutError(f"{context.function_name} has too little time left")
        ledger.print(key, photo["photo"], photo["copies"])
    copies = sum(photo["copies"] for photo in order["photos"])
    cents = copies * PRICES[order["size"]]
    return {"order": order["order"], "copies": copies, "cents": cents * 9 // 10 if copies >= 100 else cents}
'''

LEDGER = '''"""What is printed, kept in Postgres. It belongs to no cloud: PGHOST and so on say where it is."""

import psycopg
from psycopg.types.json import Jsonb


class Ledger:
    """Each method is written, or read, at once. A key is any text; an event has one."""

    def __init__(self):
        self._connection = psycopg.connect(autocommit=True)

    def printed(self, key):
        """The photos that were printed under this key: a set of their names."""
        return {photo for (photo,) in self._do("SELECT photo FROM prints WHERE key = %s", key)}

    def print(self, key, photo, copies):
        """Prints a photo."""
        self._do("INSERT INTO prints (key, photo, copies) VALUES (%s, %s, %s)", key, photo, copies)

    def answer(self, key):
        """The answer that was remembered under this key; None if there is none."""
        rows = self._do("SELECT answer FROM answers WHERE key = %s", key)
        return rows[0][0] if rows else None

    def remember(self, key, answer):
        """Remembers an answer."""
        self._do("INSERT INTO answers VALUES (%s, %s) ON CONFLICT DO NOTHING", key, Jsonb(answer))

    def refuse(self, source, id, why):
        """Keeps an event that can never succeed, for somebody to look at."""
        self._do("INSERT INTO refused VALUES (%s, %s, %s)", source, id, why)

    def _do(self, statement, *values):
        if self._connection.closed:
            self._connection = psycopg.connect(autocommit=True)
        cursor = self._connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
'''

ALONE = '''"""A process that has no cloud: core.py gets plain dicts, and a ledger of dicts. It notes what the core asks a provider for."""

import http.server, json, os, sys, traceback

PORT = int(os.environ["PORT"])
PROVIDERS = ("AWS", "LAMBDA", "_HANDLER", "K_", "PORT", "CE_", "TIME_LIMIT", "FUNCTION", "GOOGLE", "AZURE", "PG")
ABSENT = {"awslambdaric", "boto3", "botocore", "psycopg", "ledger", "handler", "service", "cloudevents", "functions_framework"}
asked = {}  # a dict keeps their order


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            asked[f"import {name}"] = True
            raise ModuleNotFoundError(f"No module named {name!r}")


class Watched(os._Environ):
    def __getitem__(self, name):
        if str(name).startswith(PROVIDERS):
            asked[f"os.environ[{name!r}]"] = True
        return super().__getitem__(name)


class Ledger:
    def __init__(self):
        self.prints, self.answers, self.refused = [], {}, []

    def printed(self, key):
        return {photo for by, photo, copies in self.prints if by == key}

    def print(self, key, photo, copies):
        self.prints.append([key, photo, copies])
        clock.left -= clock.takes.get(photo, 0)

    def answer(self, key):
        return self.answers.get(key)

    def remember(self, key, answer):
        self.answers.setdefault(key, json.loads(json.dumps(answer)))

    def refuse(self, source, id, why):
        self.refused.append([source, id, why])


class Clock:
    def __init__(self, left, takes):
        self.left, self.takes = left, takes


def line(error):
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith("core.py")]
    where = f" (line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def play(told):
    global clock
    if broken:
        return {"broken": broken}
    clock, book = Clock(told["left"], told["takes"]), ledgers.setdefault(told["ledger"], Ledger())
    came = {}
    try:
        came["answer"] = json.loads(json.dumps(core.handle(told["event"], book, lambda: clock.left)))
    except core.Refused as error:
        came["refused"] = str(error)
    except Exception as error:
        came["error"] = line(error)
    return {**came, "prints": book.prints, "remembered": len(book.answers), "asked": list(asked)}


class Alone(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        event = {"specversion": "1.0", "id": "1", "source": "alone", "type": "played", "data": play(told)}
        body = json.dumps(event).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/cloudevents+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ledgers, broken = {}, ""
kept = {name: value for name, value in os.environ.items() if not name.startswith(PROVIDERS)}
os.environ.clear()
os.environ.update(kept)
os.environ.__class__ = Watched
sys.meta_path.insert(0, Absent())
for name in [name for name in sys.modules if name.partition(".")[0] in ABSENT]:
    del sys.modules[name]
try:
    import core
    if not callable(getattr(core, "handle", None)):
        broken = "The cell defines no function handle(event, ledger, seconds_left)."
    elif not (isinstance(getattr(core, "Refused", None), type) and issubclass(core.Refused, Exception)):
        broken = "The cell defines no exception Refused."
except Exception as error:
    broken = "The cell does not run where there is no cloud: " + line(error)
http.server.HTTPServer(("", PORT), Alone).serve_forever()
'''


def order(name, size="10x15", photos=(("sea", 2), ("dunes", 1)), seconds=1.0):
    """The data of an order."""
    listed = [{"photo": photo, "copies": copies, "seconds": seconds} for photo, copies in photos]
    return {"order": name, "size": size, "photos": listed}


def on_lambda(id, source, type, data):
    """An event as EventBridge gives it to a function."""
    about = {"version": "0", "account": "000000000000", "region": "eu-central-1", "resources": []}
    return {**about, "time": "2026-10-05T07:00:00Z", "id": id, "source": source, "detail-type": type, "detail": data}


def alone(event, left=100.0, takes=(), ledger="examples"):
    """A request that plays an event without any cloud."""
    import json

    told = {"event": event, "left": left, "takes": dict(takes), "ledger": ledger}
    return {"headers": {"Content-Type": "application/json"}, "body": json.dumps(told)}


EVENT = {"id": "example-1", "source": "shop.web", "type": "prints.ordered", "data": order("o-1")}
BAD = {"id": "example-2", "source": "shop.web", "type": "prints.ordered", "data": order("o-2", size="1x1")}
EXAMPLES = {
    "an order": on_lambda(**EVENT),
    "the same again": on_lambda(**EVENT),
    "a size that there is not": on_lambda(**BAD),
}
PARTS = {  # by answer: its file; and what is run, with which requests, where it is no handler
    "core": {
        "file": "core.py",
        "program": "alone",
        "examples": {
            "an order": alone(EVENT),
            "the same again": alone(EVENT),
            "a size that there is not": alone(BAD),
            "2 s are left, for photos of 1 s": alone({**EVENT, "id": "example-3"}, 2.5, {"sea": 1.0, "dunes": 1.0}),
        },
    },
    "on_lambda": {"file": "handler.py"},
    "on_http": {
        "file": "service.py",
        "program": "service",
        "examples": {
            "an order, binary mode": binary(CloudEvent(**EVENT)),
            "the same again, structured mode": structured(CloudEvent(**EVENT)),
            "a size that there is not": binary(CloudEvent(**BAD)),
        },
    },
}


def files(seed):
    """Path -> text; the same for each seed."""
    return {"september.py": SEPTEMBER, "ledger.py": LEDGER, "alone.py": ALONE}
