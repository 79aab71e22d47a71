"""Migrations that ruin everything: as any program does, or the database, or Alembic's own books."""

from __future__ import annotations

from labkit.kinds.python import wrecks as python
from labkit.kinds.sql.wrecks import RUINS

DOES = "from alembic import op\nop.execute({!r})"
OWN = {
    "other-revision": ("revision = ", "revision = 'wrecked' # "),
    "other-parent": ("down_revision = ", "down_revision = 'nowhere' # "),
    "its-own-parent": ("down_revision = ", "down_revision = revision # "),
    "no-revision": ("revision = ", "# revision = "),
}
BOOKS = {
    "books-dropped": "DROP TABLE alembic_version",
    "books-emptied": "DELETE FROM alembic_version",
    "books-locked": "LOCK TABLE alembic_version",
    "commits": "COMMIT",
    "rolls-back": "ROLLBACK",
}


def wrecks(solution: str) -> dict[str, str]:
    """What ruins any program, and each step of which is a ruin."""
    steps = {f"each-{name}": DOES.format(ruin.replace(":", "\\:")) for name, ruin in {**RUINS, **BOOKS}.items()}
    return {
        **python.wrecks(solution),
        **{name: python.with_bodies(solution, body) for name, body in steps.items()},
        **{name: solution.replace(old, new) for name, (old, new) in OWN.items()},
    }
