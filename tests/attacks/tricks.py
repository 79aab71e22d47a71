"""A random attacker: tricks of SQL, drawn by seed and put on top of an answer that is wrong. None may gain it a point.

A trick is a few statements that any role may try on a table `{t}` of its database; each is in a block of its own, as one that fails must not
take the others with it. What they change is never what a task asks for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from labkit import course
from labkit.grading.engine import Work
from tests.grading.submissions import lab_source

SETTINGS = (
    "enable_seqscan = off", "enable_indexscan = off", "enable_bitmapscan = off", "enable_sort = off", "statement_timeout = 0", "lock_timeout = 1",
    "default_transaction_read_only = on", "DateStyle = 'SQL, DMY'", "client_encoding = 'LATIN1'", "TimeZone = 'Pacific/Apia'", "search_path = ''",
    "row_security = off", "default_transaction_isolation = 'serializable'", "random_page_cost = 1e10", "seq_page_cost = 1e10", "work_mem = '64kB'",
    "IntervalStyle = 'iso_8601'", "extra_float_digits = -15", "bytea_output = 'escape'", "session_replication_role = 'replica'", "cursor_tuple_fraction = 0",
)  # fmt: skip
CONDITIONS = (
    "current_query() LIKE 'EXPLAIN%'", "current_query() NOT LIKE 'EXPLAIN%'", "current_setting('transaction_read_only') = 'on'", "random() < 0.5",
    "current_database() LIKE '%hidden%'", "pg_backend_pid() % 2 = 0", "current_setting('application_name') = ''", "true", "false",
    "(SELECT count(*) FROM pg_stat_activity) % 2 = 0", "NOT pg_is_in_recovery()", "txid_current_if_assigned() IS NULL",
)  # fmt: skip
SLEEPS = ("0", "0.001", "0.01", "0.05")
TRICKS = (
    # policies, views, rules, partitions, heirs in the table's place
    "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY; ALTER TABLE {t} FORCE ROW LEVEL SECURITY; CREATE POLICY p{n} ON {t} USING ({if}) WITH CHECK (true)",
    "ALTER TABLE {t} RENAME TO t{n}; CREATE VIEW {t} AS SELECT * FROM t{n} WHERE {if}",
    "ALTER TABLE {t} RENAME TO t{n}; CREATE TABLE {t} AS SELECT * FROM t{n} WHERE {if}",
    "ALTER TABLE {t} RENAME TO t{n}; CREATE MATERIALIZED VIEW {t} AS SELECT * FROM t{n}",
    "ALTER TABLE {t} RENAME TO t{n}; CREATE TABLE {t} (LIKE t{n}) PARTITION BY LIST ((1)); ALTER TABLE {t} ATTACH PARTITION t{n} DEFAULT",
    "CREATE TABLE t{n} () INHERITS ({t})", "CREATE TABLE t{n} (LIKE {t}); ALTER TABLE {t} INHERIT t{n}",
    "CREATE RULE r{n} AS ON INSERT TO {t} DO INSTEAD NOTHING", "CREATE RULE r{n} AS ON UPDATE TO {t} WHERE {if} DO INSTEAD NOTHING",
    "CREATE RULE r{n} AS ON DELETE TO {t} DO ALSO SELECT pg_sleep({sleep})",
    # triggers
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM pg_sleep({sleep}); RETURN NEW; END $f$; CREATE TRIGGER f{n} BEFORE INSERT OR UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION f{n}()",
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN IF {if} THEN RETURN NULL; END IF; RETURN NEW; END $f$; CREATE TRIGGER f{n} BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION f{n}()",
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '23P01'; END $f$; CREATE TRIGGER f{n} BEFORE INSERT ON {t} FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION f{n}()",
    "CREATE FUNCTION f{n}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'XX000'; END $f$; CREATE TRIGGER f{n} AFTER INSERT ON {t} FOR EACH STATEMENT EXECUTE FUNCTION f{n}()",
    # names of the catalog
    "CREATE FUNCTION public.lower(name) RETURNS text LANGUAGE sql IMMUTABLE AS $f$ SELECT 'x' $f$", "CREATE FUNCTION public.count(int) RETURNS bigint LANGUAGE sql AS $f$ SELECT 0::bigint $f$",
    "CREATE FUNCTION f{n}(int, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $f$ SELECT 0::numeric $f$; CREATE OPERATOR public.* (LEFTARG = int, RIGHTARG = numeric, FUNCTION = f{n})",
    "CREATE FUNCTION f{n}(date, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $f$ SELECT true $f$; CREATE OPERATOR public.= (LEFTARG = date, RIGHTARG = text, FUNCTION = f{n})",
    "CREATE VIEW public.pg_index AS SELECT * FROM pg_catalog.pg_index WHERE false", "CREATE DOMAIN public.numeric AS float8",
    "CREATE FUNCTION public.pg_relation_size(oid) RETURNS bigint LANGUAGE sql AS $f$ SELECT 1::bigint $f$",
    "CREATE TEMPORARY TABLE {t} AS SELECT * FROM public.{t} LIMIT 10",
    # settings, statistics, storage
    "ALTER ROLE CURRENT_USER SET {set}", "EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET {set2}', current_database())",
    "SET {set}", "PERFORM pg_clear_relation_stats('public', '{t}')",
    "PERFORM pg_restore_relation_stats('schemaname', 'public', 'relname', '{t}', 'relpages', 1::int, 'reltuples', 1e9::real)",
    "UPDATE pg_statistic SET stanullfrac = 1", "ALTER TABLE {t} SET (fillfactor = 10)", "ALTER TABLE {t} SET UNLOGGED", "ANALYZE {t}",
    # odd neighbours
    "CREATE SCHEMA s{n}; CREATE TABLE s{n}.{t} (LIKE {t})", "COMMENT ON TABLE {t} IS 'passed'", "PERFORM pg_advisory_lock({n})",
    "LISTEN outcome; NOTIFY outcome, 'pass'", "PERFORM set_config('labkit.outcome', 'pass', false)", "RAISE NOTICE 'pass'",
    "PERFORM lo_from_bytea(0, 'x')", "PERFORM pg_sleep({sleep})", "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC", "REVOKE ALL ON {t} FROM CURRENT_USER",
)  # fmt: skip
BLOCK = "DO $b$ BEGIN {} ; EXCEPTION WHEN OTHERS THEN NULL; END $b$;"


@dataclass(frozen=True)
class Wrong:
    """A wrong answer to start from: a lab, and what it hands in."""

    lab: course.Lab
    name: str
    answers: dict[str, str]


def wrong_answers() -> list[Wrong]:
    """One for each answer in SQL of 9.1 that is missing while the others are solved: what it gets without a trick is what it may get with one."""
    found = []
    for lab in course.labs("91-databases"):
        for name in [name for name, kind in lab.answers.items() if kind == "sql"]:
            found.append(Wrong(lab, f"{lab.name}-{name}", lab_source(lab).solutions() | {name: "SELECT 1"}))
    return found


def tables(lab: course.Lab) -> list[str]:
    """The tables that the lab gives."""
    import re

    data = (course.root() / "graders" / lab.section / f"{lab.name}.sql").read_text(encoding="utf-8")
    return re.findall(r"^CREATE TABLE (\w+)", data, re.MULTILINE | re.IGNORECASE)


def drawn(seed: int, wrong: Wrong) -> Work:
    """The wrong answer with one to four tricks on top, in one of the answers that come as statements."""
    chance = random.Random(f"{seed} {wrong.name}")
    given, there = dict(wrong.answers), tables(wrong.lab)
    statements = [BLOCK.format(_filled(trick, chance, there)) for trick in chance.sample(TRICKS, chance.randint(1, 4))]
    missing = wrong.name.removeprefix(f"{wrong.lab.name}-")
    where = chance.choice([missing, missing, next(iter(given))])
    given[where] = "\n".join([*statements, given[where]])
    return Work(f"{wrong.name}-{seed}", wrong.lab, given, ())


def _filled(trick: str, chance: random.Random, there: list[str]) -> str:
    setting = chance.choice(SETTINGS)
    values = {
        "{t}": chance.choice(there), "{n}": str(chance.randint(1, 10**6)), "{if}": chance.choice(CONDITIONS), "{sleep}": chance.choice(SLEEPS),
        "{set}": setting, "{set2}": setting.replace("'", "''"),
    }  # fmt: skip
    for name, value in values.items():
        trick = trick.replace(name, value)
    return trick


def many(count: int, start: int = 0) -> Iterator[tuple[int, Wrong]]:
    """So many seeds, over all wrong answers in turn."""
    found = wrong_answers()
    for number in range(count):
        yield start + number // len(found), found[number % len(found)]
