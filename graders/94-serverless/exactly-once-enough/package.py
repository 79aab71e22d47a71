"""What is deployed beside the handler of exactly-once-enough: the handler as it was in April."""

EXAMPLES = {
    "a payment": {"payment": "example-1", "account": 1, "cents": 250},
    "the same again": {"payment": "example-1", "account": 1, "cents": 250},
    "no such account": {"payment": "example-2", "account": 999, "cents": 100},
}

APRIL = '''"""Payments, as they were in April."""

import psycopg

connection = psycopg.connect(autocommit=True)


def handler(event, context):
    charge = "INSERT INTO charges (payment, account, cents) VALUES (%s, %s, %s)"
    connection.execute(charge, [event["payment"], event["account"], event["cents"]])
    take = "UPDATE accounts SET cents = cents - %s WHERE id = %s RETURNING cents"
    balance = connection.execute(take, [event["cents"], event["account"]]).fetchone()[0]
    return {"payment": event["payment"], "balance": balance}
'''


def files(seed):
    """Path -> text; the same for each seed."""
    return {"april.py": APRIL}
