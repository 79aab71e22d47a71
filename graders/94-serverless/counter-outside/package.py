"""What is deployed beside the handler of counter-outside: the handler as it was in July."""

POSTGRES_LIMIT = True

EXAMPLES = {
    "two berths": {"do": "take", "sailing": "sailing-1", "berths": 2},
    "more than there are": {"do": "take", "sailing": "sailing-1", "berths": 5000},
    "what is left": {"do": "left", "route": "route-7"},
    "the same again": {"do": "left", "route": "route-7"},
}

JULY = '''"""Berths of night ferries, as they were sold in July."""

import time

import psycopg

connection = psycopg.connect(autocommit=True)  # one for each instance, for all of its events
counted = {}  # route -> berths that are left


def take(sailing, berths):
    asked = "SELECT free FROM sailings WHERE sailing = %s"
    free = connection.execute(asked, [sailing]).fetchone()[0]
    if free < berths:
        return {"taken": False}
    time.sleep(0.1)  # stands for the port, which is asked whether it has the cabins
    connection.execute("UPDATE sailings SET free = %s WHERE sailing = %s", [free - berths, sailing])
    return {"taken": True, "free": free - berths}


def left(route):
    if route not in counted:  # it takes long: 500 sailings of a route
        asked = "SELECT sum(free) FROM sailings WHERE route = %s"
        counted[route] = connection.execute(asked, [route]).fetchone()[0]
    return {"left": counted[route]}


def handler(event, context):
    if event["do"] == "take":
        return take(event["sailing"], event["berths"])
    return left(event["route"])
'''


def files(seed):
    """Path -> text; the same for each seed."""
    return {"july.py": JULY}
