"""What a database starts as: built once on a server, kept between runs, and cloned from then on."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from dataclasses import dataclass

import psycopg

from labkit.machine.fault import ServiceFault
from labkit.services.postgres.admin import CLONE, OWNER, TEMPLATE, UNFINISHED, drop_database, execute

EXTENSIONS = ("btree_gist", "pg_trgm")  # made by the superuser, as no role of a lab may make any
KEPT = 8  # of one name, a lab's visible and hidden data: an author's older ones are dropped, and made again where they are wanted


@dataclass(frozen=True)
class Template:
    """What a database starts as: `scripts` (SQL texts) run as `lab_owner`, with `seed` in `labkit.seed`."""

    name: str
    scripts: tuple[str, ...]
    seed: int | str

    def database(self, version: str) -> str:
        """The template's database on a server of this version: another content is another name."""
        content = repr((list(self.scripts), str(self.seed), version, EXTENSIONS))
        return f"{TEMPLATE}{_plain(self.name)}_{hashlib.sha256(content.encode()).hexdigest()[:16]}"

    def clone(self) -> str:
        """A new name for a clone and its role."""
        return f"{CLONE}{_plain(self.name)}_{secrets.token_hex(4)}"

    def build(self, admin: psycopg.Connection, inside: psycopg.Connection, unfinished: str) -> None:
        """Fills the unfinished database, to which `inside` is connected as superuser. Raises ServiceFault."""
        try:
            execute(
                admin, "GRANT CREATE ON DATABASE {} TO {}", unfinished, OWNER
            )  # a lab may have schemas; clones do not inherit it
            self._fill(inside)
        except psycopg.OperationalError:  # of the server, not of the scripts
            raise
        except psycopg.Error as error:
            raise ServiceFault(
                f"The data of {self.name} cannot be made: {str(error).strip()} "
                "This is a fault of the course's own SQL, not of an answer: report it."
            ) from error
        finally:
            inside.close()
        name = unfinished.removeprefix(UNFINISHED)
        execute(admin, "ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true", unfinished)
        execute(admin, "ALTER DATABASE {} RENAME TO {}", unfinished, name)
        _drop_older(admin, name)

    def _fill(self, connection: psycopg.Connection) -> None:
        # Otherwise VACUUM marks no page all-visible, as the last commits are not flushed: no clean index-only scan in any clone.
        connection.execute("SET synchronous_commit = on")
        for extension in EXTENSIONS:
            execute(connection, "CREATE EXTENSION {} SCHEMA public", extension)
        execute(connection, "ALTER SCHEMA public OWNER TO {}", OWNER)
        connection.execute("SELECT set_config('search_path', 'public', false)")
        connection.execute("SELECT set_config('labkit.seed', %s, false)", [str(self.seed)])
        execute(connection, "SET SESSION AUTHORIZATION {}", OWNER)
        for script in self.scripts:
            connection.execute(script.encode())
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.execute("VACUUM (ANALYZE)")


def _plain(name: str) -> str:
    """A name of at most 32 letters, digits and underscores, so that it needs no quotes anywhere."""
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name.lower())[:32]


def _drop_older(admin: psycopg.Connection, name: str) -> None:
    """Keeps the newest of the same name. One that is just being cloned cannot be dropped, and stays."""
    older = (
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND length(datname) = %s "
        "ORDER BY oid DESC OFFSET %s"
    )
    for (old,) in admin.execute(older, [name[: name.rindex("_") + 1], len(name), KEPT]).fetchall():
        with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject):
            execute(admin, "ALTER DATABASE {} IS_TEMPLATE false", old)
            drop_database(admin, old)
