"""What the role of one database may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the role of one database may use. Times are in seconds.

    A role may change its own time-outs (they are settings of its session), but not `connections` and
    `temp_mb`. So time-outs stop mistakes; against intent, keep a deadline from outside (`sql.execute`,
    `Database.deadline`).
    """

    statement: float
    lock: float
    idle_in_transaction: float
    connections: int
    temp_mb: int
    database_mb: int = 1024  # with its temporary files; kept by `Database.deadline`
    read: float = 60  # for one statement that is not an answer: a check's look at what an answer made

    def settings(self) -> dict[str, str]:
        """The limits as settings of a role."""
        return {
            "statement_timeout": f"{self.statement:g}s",
            "lock_timeout": f"{self.lock:g}s",
            "idle_in_transaction_session_timeout": f"{self.idle_in_transaction:g}s",
            "temp_file_limit": f"{self.temp_mb}MB",
        }


LEARNER = Limits(statement=60, lock=30, idle_in_transaction=600, connections=20, temp_mb=256, read=60)
GRADED = Limits(statement=60, lock=30, idle_in_transaction=60, connections=20, temp_mb=256, read=25)
