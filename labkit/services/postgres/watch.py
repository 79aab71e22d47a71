"""The Postgres of one grading worker, watched from beside its checker: it is alive before an answer, and after it has nothing of it."""

from __future__ import annotations

import contextlib
import time

import psycopg

from labkit.machine.fault import ServiceFault
from labkit.services.postgres.admin import CLONE, OWNER, TEMPLATE
from labkit.services.postgres.settings import SUPERUSER
from labkit.services.service import Service, Watch

FIRST_OID = 16384  # what a server makes of itself is numbered below
ENDING, POLL = (
    2.0,
    0.002,
)  # seconds for sessions that were closed to end, and between two looks at them: a server tells nobody
SESSION = "session of "
KEPT = 4  # clones that a checker may keep for the next check of the same text, of some 50 MB each

# All that may not outlive an answer. A checker keeps a few clones for the next check of the same text; each is its own role's.
LEFT = f"""
WITH clones AS (
  SELECT datname AS name, row_number() OVER () AS number FROM pg_database JOIN pg_roles ON rolname = datname
  WHERE starts_with(datname, '{CLONE}')
)
SELECT 'database ' || datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')
  AND (NOT starts_with(datname, '{TEMPLATE}') OR datallowconn) AND datname NOT IN (SELECT name FROM clones WHERE number <= {KEPT})
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE oid >= {FIRST_OID} AND (
  rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR rolname = '{OWNER}' AND rolcanlogin
  OR rolname <> '{OWNER}' AND rolname NOT IN (SELECT name FROM clones))
UNION ALL SELECT 'membership in ' || roleid::regrole FROM pg_auth_members WHERE oid >= {FIRST_OID}
UNION ALL SELECT '{SESSION}' || coalesce(usename, '?') FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND usename IS DISTINCT FROM '{SUPERUSER}'
UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
UNION ALL SELECT 'replication slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'tablespace ' || spcname FROM pg_tablespace WHERE oid >= {FIRST_OID}
UNION ALL SELECT 'setting ' || name FROM pg_file_settings WHERE sourcefile LIKE '%/postgresql.auto.conf'
UNION ALL SELECT 'setting ' || array_to_string(setconfig, ', ') FROM pg_db_role_setting
  WHERE setrole NOT IN (SELECT oid FROM pg_roles WHERE rolname IN (SELECT name FROM clones))
UNION ALL SELECT 'a queue of notifications' WHERE pg_notification_queue_usage() > 0.25
UNION ALL SELECT 'right to set ' || parname FROM pg_parameter_acl
UNION ALL SELECT 'event trigger ' || evtname || ' in template1' FROM pg_event_trigger
UNION ALL SELECT 'function ' || proname || ' in template1' FROM pg_proc WHERE oid >= {FIRST_OID}
ORDER BY 1 LIMIT 5
"""


class PostgresWatch(Watch):
    """It holds a session of its own: the end of any of the server's processes ends all sessions, this one too."""

    def __init__(self, service: Service, purpose: str, backend: str | None) -> None:
        super().__init__(service, purpose, backend)
        self._session: psycopg.Connection | None = None

    def revive(self) -> bool:
        """As `Watch.revive`, by whether the session lives."""
        if self.survived():
            return False
        before = self._running
        if before:
            before.restart()
        else:
            super().revive()
        self._look()
        return before is not None

    def survived(self) -> bool:
        """Whether the server has run on since `revive`."""
        with contextlib.suppress(psycopg.OperationalError):
            return self._session is not None and self._session.execute("SELECT true").fetchone() == (True,)
        return False

    def left(self) -> list[str]:
        """What is left, when sessions that our side has closed have had time to end: the server does so a moment later."""
        if self._running is None:
            return []
        until = time.monotonic() + ENDING
        while (left := self._look()) and all(what.startswith(SESSION) for what in left) and time.monotonic() < until:
            time.sleep(POLL)
        return left

    def close(self) -> None:
        """Gives the lease back, and ends the session."""
        if self._session:
            self._session.close()
        self._session = None
        super().close()

    def _look(self) -> list[str]:
        """What is left on the server. In template1, so that its event triggers and functions are seen as well."""
        try:
            session = self._session
            if session is None or not self.survived():
                self._session = session = self._running.superuser("template1")
            return [what for (what,) in session.execute(LEFT.encode()).fetchall()]
        except psycopg.Error as error:
            raise ServiceFault(f"The grading server cannot be looked at: {str(error).strip()} Grade again.") from error
