"""A fingerprint tells what of a lab's data an answer changed, whatever the answer does to hide it, and nothing else."""

from __future__ import annotations

import pytest

from labkit.checking.fixtures import check_untouched
from labkit.kinds.answer import Wrong
from labkit.services.postgres import GRADED, Postgres, Template, fingerprint
from labkit.services.postgres.fingerprint import _digests, _where_they_differ

SHOP = Template(
    "shop",
    (
        "CREATE TABLE orders (id int PRIMARY KEY, at timestamptz, cents int, note text);"
        "INSERT INTO orders SELECT g, '2026-01-01'::timestamptz + g * interval '1 hour', g * 10, NULL FROM generate_series(1, 1000) g;"
        "CREATE TABLE log (said text); INSERT INTO log VALUES ('a'), ('b'), ('b');"
        "CREATE SCHEMA old; CREATE TABLE old.orders (id int, line int, sku text, PRIMARY KEY (id, line));"
        "INSERT INTO old.orders SELECT g, g % 3, 'sku-' || g FROM generate_series(1, 10) g;"
        "CREATE TYPE old.state AS ENUM ('open', 'paid'); CREATE TABLE old.seen (state old.state); INSERT INTO old.seen VALUES ('open');"
        "CREATE TABLE old.prices (net int PRIMARY KEY, gross int GENERATED ALWAYS AS (net * 2)); INSERT INTO old.prices VALUES (7)",
    ),
    seed=1,
)
LIES = """
    CREATE FUNCTION public.count() RETURNS bigint LANGUAGE sql AS 'SELECT 1000::bigint';
    CREATE FUNCTION public.hashtextextended(text, int) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
    CREATE FUNCTION public.hashtextextended(text, bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
    CREATE TABLE public.pg_class AS SELECT * FROM pg_catalog.pg_class;
    ALTER ROLE CURRENT_USER SET search_path = public, pg_catalog;
"""
ADDS = "ALTER TABLE orders ADD euro numeric; UPDATE orders SET euro = cents / 100.0; CREATE INDEX ON orders (euro); CREATE TABLE more ()"


def changed(server: Postgres, *statements: str) -> dict[str, tuple[str, str]]:
    """What is other than it was after these statements."""
    with server.database(SHOP, limits=GRADED) as database:
        with database.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())
        now, given = database.fingerprint(), database.given()
        assert set(now) == set(given)
        return {name: database.difference(name) for name in given if now[name] != given[name]}


@pytest.mark.parametrize(
    "harmless",
    [
        "SELECT 1",
        ADDS,
        LIES,
        "VACUUM FULL orders",
        "ALTER TABLE orders ALTER cents TYPE bigint",
        "UPDATE orders SET cents = cents",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey",
        "ALTER ROLE CURRENT_USER SET DateStyle = 'German'; ALTER ROLE CURRENT_USER SET TimeZone = 'Asia/Tokyo'",
        "ALTER TABLE orders RENAME TO o; CREATE VIEW orders AS SELECT * FROM o",
    ],
)
def test_what_leaves_the_data_alone_leaves_the_fingerprint_alone(server, harmless):
    assert changed(server, *harmless.split("; ")) == {}


def test_of_long_values_the_difference_is_told():
    """Nobody compares two documents by eye."""
    was, now = (f"'{'x' * 300}{end}'" for end in ("", ', "kept": 1'))
    assert _where_they_differ(was, now) == (f"'…{'x' * 20}'", f"'…{'x' * 20}" + ', "kept": 1\'')
    assert _where_they_differ(was, "NULL") == (f"'{'x' * 119}…'", "NULL")
    assert _where_they_differ("'30'", "'0'") == ("'30'", "'0'")


@pytest.mark.parametrize("before", ["SELECT 1", LIES, ADDS])
def test_each_change_is_told_where_it_is(server, before):
    """With the row that shows it."""
    one = changed(server, before, "UPDATE orders SET note = '' WHERE id = 17")
    assert one == {"orders.note": ("note NULL where id = 17", "note '' there")}
    assert changed(server, before, "UPDATE old.orders SET sku = 'x' WHERE id = 4") == {
        "old.orders.sku": ("sku 'sku-4' where id, line = 4,1", "sku 'x' there")
    }
    swapped = "UPDATE orders SET cents = CASE id WHEN 1 THEN 20 ELSE 10 END WHERE id IN (1, 2)"
    assert list(changed(server, before, swapped)) == ["orders.cents"]
    gone = changed(server, before, "DELETE FROM orders WHERE id = 1000")
    assert gone["orders"] == ("1,000 rows", "999 rows")
    assert gone["orders.cents"] == ("cents '10000' where id = 1000", "cents in no row there")
    assert list(changed(server, before, "UPDATE log SET said = 'a' WHERE said = 'b'")) == ["log.said"]
    assert changed(server, before, "INSERT INTO log VALUES ('b')")["log"] == ("3 rows", "4 rows")


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("ALTER TYPE old.state RENAME VALUE 'open' TO 'new'", ["old.seen.state"]),
        ("ALTER TABLE old.prices ALTER gross SET EXPRESSION AS (net * 3)", ["old.prices.gross"]),
        ("ALTER TABLE log DROP said, ADD said text DEFAULT 'a'", ["log.said"]),
        (
            "ALTER TABLE orders RENAME at TO was; ALTER TABLE orders ADD at timestamptz DEFAULT '2026-01-01'",
            ["orders.at"],
        ),
        ("CREATE TABLE more () INHERITS (log); INSERT INTO more VALUES ('c')", ["log", "log.said"]),
        ("CREATE TABLE l (LIKE log); DROP TABLE log; ALTER TABLE l RENAME TO log", ["log", "log.said"]),
        ("ALTER TABLE log ALTER said TYPE text USING upper(said)", ["log.said"]),
        ("TRUNCATE log; INSERT INTO log VALUES ('a'), ('b'), ('c')", ["log.said"]),
        ("DELETE FROM log WHERE ctid = '(0,3)'; INSERT INTO log VALUES ('c')", ["log.said"]),
        ("ALTER TABLE log ENABLE ROW LEVEL SECURITY; ALTER TABLE log FORCE ROW LEVEL SECURITY", ["log", "log.said"]),
    ],
)
def test_what_changes_without_a_row_being_written_is_seen(server, statement, names):
    """Values may come from the catalog, or from rows of other tables; and as many rows may be there as before."""
    assert list(changed(server, *statement.split("; "))) == names


def test_of_what_nobody_wrote_to_nothing_is_digested(server, monkeypatch):
    """It is as it was given, and that costs a look at each row's transaction."""
    digested = []
    monkeypatch.setattr(fingerprint, "_digests", lambda *given: digested.append(given[2].name) or _digests(*given))
    with server.database(SHOP, limits=GRADED) as database:
        database.given()
        digested.clear()
        with database.connect() as connection:
            connection.execute("UPDATE orders SET cents = cents WHERE id = 1; ALTER TABLE log ADD more int DEFAULT 1")
        assert database.fingerprint() == database.given()
    assert digested == ["old.prices", "old.seen", "orders"]


def test_what_is_gone_or_cannot_be_read_is_told(server):
    assert changed(server, "DROP TABLE log") == {
        "log": ("3 rows", "not there"),
        "log.said": ("the values that were there", "not there"),
    }
    assert changed(server, "ALTER TABLE orders RENAME note TO notes") == {
        "orders.note": ("the values that were there", "not there")
    }
    assert changed(server, "ALTER TABLE orders RENAME id TO number")["orders"] == ("1,000 rows", "without id")
    broken = changed(
        server,
        "ALTER TABLE log RENAME TO l",
        "CREATE VIEW log AS SELECT (1 / (random() * 0)::int)::text AS said FROM l",
    )
    assert broken["log"] == ("3 rows", "cannot be read: division by zero")


def test_a_check_says_it_in_one_call(server):
    """Of all that the lab gave, of parts of it, or of all but some."""
    with server.database(SHOP, limits=GRADED) as database:
        check_untouched(database)
        with database.connect() as connection:
            connection.execute("UPDATE orders SET cents = 0 WHERE id = 3")
        check_untouched(database, "log", "orders.note")
        check_untouched(database, but=("orders.cents",))
        check_untouched(database, but=("orders",))
        with pytest.raises(Wrong, match=r"changed `orders\.cents`, which the task leaves as it is") as wrong:
            check_untouched(database, "orders", "log")
        assert (wrong.value.expected, wrong.value.got) == ("cents '30' where id = 3", "cents '0' there")
        with pytest.raises(ValueError, match="the lab gave no 'order'"):
            check_untouched(database, "order")
