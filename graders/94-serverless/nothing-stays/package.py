"""What is deployed beside the handler of nothing-stays: the handler as it was in May."""

EXAMPLES = {
    "into a basket": {"do": "add", "basket": "example", "item": "mug"},
    "into the same basket": {"do": "add", "basket": "example", "item": "tray"},
    "a visit": {"do": "visit", "page": "/example"},
    "a price": {"do": "price", "item": "item-7"},
}

MAY = '''"""The market's baskets, visits and prices, as they were in May."""

import psycopg

connection = psycopg.connect(autocommit=True)
baskets = {}  # basket -> items
visits = []  # written ten at a time: one statement is cheaper than ten
prices = {}  # item -> cents, read once


def add(event):
    items = baskets.setdefault(event["basket"], [])
    items.append(event["item"])
    return {"items": items}


def visit(event):
    visits.append(event["page"])
    if len(visits) == 10:
        connection.cursor().executemany("INSERT INTO visits (page) VALUES (%s)", [[page] for page in visits])
        visits.clear()
    return {"counted": True}


def price(event):
    if not prices:
        prices.update(connection.execute("SELECT item, cents FROM prices"))
    return {"cents": prices[event["item"]]}


def handler(event, context):
    return {"add": add, "visit": visit, "price": price}[event["do"]](event)
'''


def files(seed):
    """Path -> text; the same for each seed."""
    return {"may.py": MAY}
