"""What the server itself counts of a session's reading: no answer can be another one for it, as it can while it is explained.

The statistics are flushed by the session that is counted, and read by the superuser.
"""

from __future__ import annotations

import time

import psycopg
from psycopg.pq import TransactionStatus

PLANNING = 30  # blocks that planning a query may take besides: it looks at the ends of an index or two

# https://www.postgresql.org/docs/18/monitoring-stats.html#MONITORING-PG-STATIO-ALL-TABLES-VIEW
BLOCKS = b"""
    SELECT coalesce(sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0)
        + coalesce(toast_blks_read + toast_blks_hit, 0) + coalesce(tidx_blks_read + tidx_blks_hit, 0)), 0)::bigint
    FROM pg_statio_all_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') OR relname = 'pg_largeobject'
"""


OTHERS = b"""SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
    AND pid NOT IN (pg_backend_pid(), %s)"""
ENDING, POLL = 2.0, 0.002  # seconds for sessions that were closed to end, and between two looks: a server tells nobody


def blocks_before(catalog: psycopg.Connection, counted: psycopg.Connection) -> int:
    """As `blocks`, once sessions that are just ending have been counted; those that stay open count only what they read from now on."""
    until = time.monotonic() + ENDING
    while time.monotonic() < until:
        row = catalog.execute(OTHERS, [counted.info.backend_pid]).fetchone()
        if not row or not row[0]:
            break
        time.sleep(POLL)
    return blocks(catalog)


def blocks(catalog: psycopg.Connection) -> int:
    """The blocks of 8 kB that were read from tables and indexes of this database so far, in the cache or not."""
    row = catalog.execute(BLOCKS).fetchone()
    assert row
    return row[0]


def flush(connection: psycopg.Connection) -> None:
    """Lets the server count all that this session has read. What it left open is rolled back."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        connection.rollback()
    connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
