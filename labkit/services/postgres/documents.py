"""JSON from the database as Python has it. Postgres keeps numbers of any length; Python refuses to read one of over 4,300 digits."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg.types.json import set_json_loads

DIGITS = 1_000  # of a number; a longer one comes as text, which equals no number


def loads(data: str | bytes) -> Any:
    """As json.loads, but a document never breaks who reads it because of a number in it."""
    return json.loads(data, parse_int=_whole, parse_float=_broken)


def read_any(connection: psycopg.Connection) -> psycopg.Connection:
    """Lets a connection read documents so."""
    set_json_loads(loads, connection)
    return connection


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS else digits


def _broken(digits: str) -> float | str:
    return float(digits) if len(digits) <= DIGITS else digits
