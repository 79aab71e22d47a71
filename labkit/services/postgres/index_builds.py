"""Which indexes a migration builds CONCURRENTLY: such a build waits for those who still read what was there before, and no other one does.

with IndexBuilds(database) as builds:
    run(database, files, [Migrate(("up",))])
builds.concurrent    # the indexes that were built while others could write
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Self

import psycopg

from labkit.services.postgres import Database

POLL = 0.002  # seconds between two looks at who waits for us: a server tells nobody

READ_ON = "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"  # with a snapshot that is kept
WAITING = """
SELECT CASE WHEN command = 'CREATE INDEX CONCURRENTLY' THEN index_relid END
FROM pg_stat_activity LEFT JOIN pg_stat_progress_create_index USING (pid)
WHERE wait_event_type = 'Lock' AND %s = ANY (pg_blocking_pids(pid))
"""  # REINDEX CONCURRENTLY waits, too, and says nothing of how the index was built that it replaces


class IndexBuilds:
    """A context manager that reads and reads, and begins anew as soon as somebody waits for it: nobody waits for longer than some
    milliseconds. Raises ServiceFault when the server is gone.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.concurrent: set[int] = set()  # their oids, which no command can choose, or keep for another index
        self._over = threading.Event()
        self._broken: psycopg.Error | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._reader = stack.enter_context(self.database.admin())
            self._onlooker = stack.enter_context(self.database.admin())
            self._reader.execute(READ_ON)
            self._stack = stack.pop_all()
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._stack.close()
        with self.database.server.fault_if_gone():
            if self._broken and kind is None:
                raise self._broken

    def _watch(self) -> None:
        try:
            while not self._over.wait(POLL):
                if waiting := self._onlooker.execute(WAITING, [self._reader.info.backend_pid]).fetchall():
                    self.concurrent.update(index for (index,) in waiting if index)
                    self._reader.execute(READ_ON)
        except psycopg.Error as error:
            self._broken = error
            self._reader.close()  # nobody must wait for who looks no more
