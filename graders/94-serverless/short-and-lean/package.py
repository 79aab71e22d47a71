"""What is deployed beside the handler of short-and-lean: the locks' seal, the mailer, July's handler, and what the locks sent in a minute."""

import hashlib
import json
import random

ROUNDS = 2000  # about a millisecond of processor
BROKEN = (13, 37)  # of a minute's messages, whose locks stood in the rain

SEAL = '''"""The seal with which a lock signs the ride that it tells of."""

import hashlib

KEY = b"{key}"
ROUNDS = {rounds}


def good(message):
    """Whether a lock wrote this ride. It takes about a millisecond of processor."""
    told = f"{{message['ride']}} {{message['zone']}} {{message['seconds']}}"
    return hashlib.pbkdf2_hmac("sha256", told.encode(), KEY, ROUNDS).hex() == message["seal"]
'''

MAILER = '''"""Mails receipts. Its handler is a function of its own: it comes each minute, and mails what stands in `to_mail`."""

import time

import psycopg


def send(connection, ride):
    """One mail. The mail server takes its time, and the function waits: here, a pause does."""
    time.sleep(0.05)
    connection.execute("INSERT INTO mails (ride) VALUES (%s)", [ride])


def handler(event, context):
    with psycopg.connect() as connection:
        for (ride,) in connection.execute("DELETE FROM to_mail RETURNING ride").fetchall():
            send(connection, ride)
'''

JULY = '''"""Bills rides, as it was done in July."""

import json

import mailer
import psycopg
import seal


def bill(connection, message):
    if not seal.good(message):
        raise ValueError(f"the seal of {message['ride']} is broken")
    prices = {zone: (base, rate) for zone, base, rate in connection.execute("SELECT zone, base, rate FROM zones")}
    base, rate = prices[message["zone"]]
    minutes = -(-message["seconds"] // 60)  # a minute that has begun counts in full
    put = "INSERT INTO rides VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
    if connection.execute(put, [message["ride"], message["zone"], minutes, base + rate * minutes]).rowcount:
        mailer.send(connection, message["ride"])


def handler(event, context):
    for record in event["Records"]:
        with psycopg.connect() as connection:
            bill(connection, json.loads(record["body"]))
'''


def key(seed):
    """With it the locks sign."""
    return f"key-{random.Random(seed).randrange(10**9):09}"


def sealed(key, ride, zone, seconds):
    """A ride as its lock tells it."""
    seal = hashlib.pbkdf2_hmac("sha256", f"{ride} {zone} {seconds}".encode(), key.encode(), ROUNDS).hex()
    return {"ride": ride, "zone": zone, "seconds": seconds, "seal": seal}


def minute(seed, number=40):
    """What locks sent in a minute."""
    draw = random.Random(seed)
    told = [
        sealed(key(seed), f"july-{n}", f"zone-{draw.randint(1, 2000)}", draw.randint(60, 3600)) for n in range(number)
    ]
    for n in BROKEN:
        told[n]["seconds"] = 0
    return told


def files(seed):
    """Path -> text; another seed has another key, and so other seals."""
    seal = SEAL.format(key=key(seed), rounds=ROUNDS)
    return {"seal.py": seal, "mailer.py": MAILER, "july.py": JULY, "minute.json": json.dumps(minute(seed))}


def _batch(*messages):
    records = [{"messageId": f"m-{n}", "body": json.dumps(message)} for n, message in enumerate(messages, 1)]
    return {"Records": records}


def _example(ride, seconds):
    return sealed(key(7), ride, "zone-7", seconds)


EXAMPLES = {
    "three rides": _batch(_example("example-1", 600), _example("example-2", 601), _example("example-3", 59)),
    "a new one between two that were there": _batch(
        _example("example-1", 600), _example("example-4", 90), _example("example-2", 601)
    ),
    "a broken seal between two rides": _batch(
        _example("example-5", 60), {**_example("example-6", 60), "seconds": 0}, _example("example-7", 61)
    ),
}
