"""Runbooks that ruin everything: the lines of any tool, what golang-migrate has to destroy, and SQL by hand."""

from __future__ import annotations

from labkit.kinds.flyway_commands.wrecks import lines


def wrecks(solution: str) -> dict[str, str]:
    """Commands that leave the books wrong, or nothing at all."""
    by_hand = {
        "schema-dropped": "DROP SCHEMA public CASCADE",
        "books-dropped": "DROP TABLE schema_migrations",
        "books-odd": "DELETE FROM schema_migrations; INSERT INTO schema_migrations VALUES (-7, true)",
        "session-ended": "SELECT pg_terminate_backend(pg_backend_pid())",
        "error": "SELECT 1 / 0",
    }
    return {
        **lines(solution),
        **{
            f"then-{name}": f'{solution}\npsql -c "{statement}"'
            for name, statement in by_hand.items()
            if name != "error"
        },
        "error-by-hand": f'psql -c "{by_hand["error"]}"',
        "everything-down": f"{solution}\nmigrate down -all",
        "drops": f"{solution}\nmigrate drop -f",
        "forces": f"{solution}\nmigrate force 99",
        "forces-none": f"{solution}\nmigrate force -1",
        "another-folder": "migrate -path / up",
    }
