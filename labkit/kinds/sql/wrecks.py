"""Answers in SQL that ruin everything: what they give when they are a query, or what they leave when they are statements."""

from __future__ import annotations

# For each table of the role, and each column of one: what is done to it. The books of the tools that migrate are left: who ruins them
# while a tool holds them locked waits for itself. An error is passed over, so that as much as can be is ruined.
EACH_TABLE = """DO $wreck$ DECLARE t record; BEGIN
    FOR t IN SELECT c.oid::regclass::text AS name, c.relname AS short FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND c.relname !~ '(schema_history|schema_migrations|alembic_version)$' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    LOOP BEGIN {} EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;
END $wreck$;"""
EACH_COLUMN = """DO $wreck$ DECLARE t record; BEGIN
    FOR t IN SELECT c.oid::regclass::text AS name, quote_ident(a.attname) AS col, a.attnum AS number, format_type(a.atttypid, a.atttypmod) AS type
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p') AND c.relname !~ '(schema_history|schema_migrations|alembic_version)$' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND a.attnum > 0 AND NOT a.attisdropped
    LOOP BEGIN {} EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;
END $wreck$;"""
# Of what would stand in the way of the next statement.
EACH_CONSTRAINT = """DO $wreck$ DECLARE t record; BEGIN
    FOR t IN SELECT conrelid::regclass AS name, conname AS short FROM pg_constraint
        WHERE conrelid <> 0 AND contype <> 'n' AND conrelid::regclass::text !~ '(schema_history|schema_migrations|alembic_version)$'
            AND connamespace::regnamespace::text !~ '^(pg_|information_schema)'
    LOOP BEGIN EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', t.name, t.short); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;
    FOR t IN SELECT indexrelid::regclass AS name FROM pg_index
        WHERE indisunique AND indrelid::regclass::text !~ '(schema_history|schema_migrations|alembic_version)$' AND indexrelid::regclass::text !~ '^pg_' AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    LOOP BEGIN EXECUTE format('DROP INDEX %s CASCADE', t.name); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;
END $wreck$;"""
FREE = EACH_CONSTRAINT + EACH_COLUMN.format("EXECUTE format('ALTER TABLE %s ALTER %s DROP NOT NULL', t.name, t.col);")
RUINS = {
    "tables-dropped": EACH_TABLE.format("EXECUTE format('DROP TABLE %s CASCADE', t.name);"),
    "nothing-there": FREE + EACH_TABLE.format("EXECUTE format('TRUNCATE %s CASCADE', t.name);"),
    "all-null": FREE + EACH_COLUMN.format("EXECUTE format('UPDATE %s SET %s = NULL', t.name, t.col);"),
    "everything-twice": FREE
    + EACH_TABLE.format(
        "EXECUTE (SELECT format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM %1$s', t.name, string_agg(quote_ident(attname), ', ')) "
        "FROM pg_attribute WHERE attrelid = t.name::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');"
    ),
    "all-alike": FREE
    + EACH_COLUMN.format(
        "EXECUTE format('UPDATE %s SET %s = %L::%s', t.name, t.col, CASE WHEN t.type = 'boolean' THEN 'true' WHEN t.type ~ 'time|date' THEN "
        "'infinity' WHEN t.type ~ 'int|num|double|real' THEN '1' WHEN t.type ~ 'json' THEN '[null]' ELSE 'x' END, t.type);"
    ),
    "columns-renamed": EACH_COLUMN.format(
        "EXECUTE format('ALTER TABLE %s RENAME %s TO wrecked_%s', t.name, t.col, t.number);"
    ),
    "types-changed": FREE
    + EACH_COLUMN.format(
        "EXECUTE format('ALTER TABLE %s ALTER %s DROP DEFAULT, ALTER %s TYPE text USING %s::text || ''?''', t.name, t.col, t.col, t.col);"
    ),
    "tables-renamed": EACH_TABLE.format(
        "EXECUTE format('ALTER TABLE %s RENAME TO %I', t.name, 'wrecked_' || t.short);"
    ),
    "schema-dropped": "DROP SCHEMA public CASCADE;",
    "locked-out": EACH_TABLE.format("EXECUTE format('DELETE FROM %s', t.name);")
    + " ALTER ROLE CURRENT_USER PASSWORD 'wrecked';",
    "rights-given-up": EACH_TABLE.format("EXECUTE format('REVOKE ALL ON %s FROM %I', t.name, current_user);"),
    "nobody-may-write": EACH_TABLE.format(
        "EXECUTE format('CREATE RULE wrecked_i AS ON INSERT TO %s DO INSTEAD NOTHING; CREATE RULE wrecked_u AS ON UPDATE TO %s DO INSTEAD "
        "NOTHING; DELETE FROM %s', t.name, t.name, t.name);"
    ),
    "everything-raises": "CREATE FUNCTION wreck() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''wrecked''; END';"
    + EACH_TABLE.format(
        "EXECUTE format('DELETE FROM %s; CREATE TRIGGER wrecked BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION wreck()', t.name, t.name);"
    ),
    "no-time": EACH_TABLE.format("EXECUTE format('DELETE FROM %s', t.name);")
    + " ALTER ROLE CURRENT_USER SET statement_timeout = 1;",
    "read-only": EACH_TABLE.format("EXECUTE format('DELETE FROM %s', t.name);")
    + " ALTER ROLE CURRENT_USER SET default_transaction_read_only = on;",
}
GIVES = {  # of a query `q`
    "no-rows": "SELECT * FROM ({q}) AS q WHERE false",
    "all-null": "SELECT n.* FROM ({q}) AS q LEFT JOIN ({q}) AS n ON false",
    "one-row-of-nulls": "SELECT q.* FROM (SELECT 1) AS one LEFT JOIN ({q}) AS q ON false",
    "everything-twice": "SELECT * FROM ({q}) AS a UNION ALL SELECT * FROM ({q}) AS b",
    "columns-twice": "SELECT q.*, q.* FROM ({q}) AS q",
    "columns-renamed": "SELECT * FROM ({q}) AS q (wrecked)",
    "as-json": "SELECT to_jsonb(q) FROM ({q}) AS q",
    "as-a-record": "SELECT q FROM ({q}) AS q",
    "as-text": "SELECT q::text FROM ({q}) AS q",
    "a-million-times": "SELECT q.* FROM ({q}) AS q, generate_series(1, 1000000)",
}
ODD = {  # values that a driver cannot make anything of, or not what one thinks
    "no-columns": "SELECT",
    "beyond-dates": "SELECT 'infinity'::timestamptz, '-infinity'::date, '20000-01-01'::date, '4713-01-01 BC'::date",
    "beyond-numbers": "SELECT 'NaN'::numeric, 'Infinity'::float8, 1e300::numeric, -0.0::float8",
    "odd-types": "SELECT ARRAY[[1, NULL]], int4range(1, 2), '1 year'::interval, '\\x00ff'::bytea, point(1, 2), NULL::regclass, '{}'::jsonb",
    "one-value": "SELECT 1",
    "many-columns": "SELECT " + ", ".join(map(str, range(1000))),
    "an-error": "SELECT 1 / 0",
    "a-long-error": "DO $$ BEGIN RAISE EXCEPTION '%', repeat('wrecked ', 1000000); END $$",
    "left-open": "BEGIN; DELETE FROM pg_temp.nothing",
    "gives-up-its-session": "SELECT pg_terminate_backend(pg_backend_pid())",
    "copy": "COPY (SELECT 1) TO STDOUT",
    "slow-loop": "DO $$ BEGIN LOOP END LOOP; END $$",
}


def wrecks(solution: str) -> dict[str, str]:
    """Ruins after the solution, what a query may give instead, and odd values."""
    text = solution.strip().rstrip(";")
    ruined = {f"then-{name}": f"{text}\n;\n{ruin}" for name, ruin in RUINS.items()}
    if not _is_query(text):
        return {**ruined, **ODD, "tables-dropped": RUINS["tables-dropped"]}
    return {**{f"gives-{name}": query.format(q=f"\n{text}\n") for name, query in GIVES.items()}, **ODD}


def _is_query(text: str) -> bool:
    """Whether it is one query, which can stand in another one."""
    from labkit.services.postgres.sql import COMMENT

    bare = COMMENT.sub("", text).strip()
    return bare.lower().startswith(("select", "with", "values", "table")) and ";" not in bare
