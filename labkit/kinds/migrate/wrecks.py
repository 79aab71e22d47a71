"""Migrations in SQL files that ruin everything, up and down."""

from __future__ import annotations

from labkit.kinds.flyway import wrecks as files


def wrecks(solution: str) -> dict[str, str]:
    """As any tool's, and with the two directions mixed up."""
    return files.wrecks(solution) | {
        "directions-exchanged": solution.replace(".up.sql", ".?.sql")
        .replace(".down.sql", ".up.sql")
        .replace(".?.sql", ".down.sql"),
        "all-up": solution.replace(".down.sql", ".up.sql"),
        "one-number": "".join(f"-- 000003_{name}.up.sql\nSELECT 1;\n" for name in ("a", "b", "c")),
        "huge-number": "-- 99999999999999999999_wrecked.up.sql\nSELECT 1;\n",
    }
