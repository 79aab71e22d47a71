"""What is deployed beside the handler of time-is-up: the tariff, and the handler as it was in June."""

import random

EXAMPLES = {
    "six customers": {"run": "example"},
    "the same again": {"run": "example"},
}

TARIFF = '''"""What a month costs. Stands for a program that goes through the 2,976 quarter hours of a meter: here, a pause does."""

import threading
import time

FACTORY = 5000  # kWh
one_at_a_time = threading.Lock()


def cents(kwh):
    """What so many kWh cost. It takes 20 ms, and 300 ms for a factory."""
    with one_at_a_time:
        time.sleep(0.3 if kwh >= FACTORY else 0.02)
    return {base} + {rate} * kwh
'''

JUNE = '''"""Monthly bills, as they were made in June."""

import psycopg
from tariff import cents


def handler(event, context):
    with psycopg.connect(autocommit=True) as connection:
        find = "SELECT customer, kwh FROM readings WHERE run = %s ORDER BY customer"
        for customer, kwh in connection.execute(find, [event["run"]]).fetchall():
            amount = cents(kwh)
            connection.execute("INSERT INTO bills VALUES (%s, %s, %s)", [event["run"], customer, amount])
            connection.execute("UPDATE accounts SET owes = owes + %s WHERE customer = %s", [amount, customer])
    return {"run": event["run"], "left": 0}
'''


def files(seed):
    """Path -> text; another seed has other prices."""
    draw = random.Random(seed)
    prices = {"base": draw.randint(700, 1500), "rate": draw.randint(21, 45)}
    return {"tariff.py": TARIFF.format(**prices), "june.py": JUNE}
