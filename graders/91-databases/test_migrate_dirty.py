"""Checks of migrate-dirty: the files go up, down and up on a copy from before the incident, the runbook mends one from after it."""

import contextlib

import psycopg
import pytest

from labkit.checking.checks import AnswerError, Wrong, answer, hint, keeps, points
from labkit.checking.fixtures import bench_of
from labkit.course import find
from labkit.kinds.migrate import project as projects
from labkit.kinds.migration_files import NotAProject
from labkit.services.golang_migrate import Migrate, run
from labkit.services.postgres.index_builds import IndexBuilds

LAB = "91-databases/migrate-dirty"
UP = Migrate(("up",))
BEFORE = 2  # the version before the incident
MEANINGS = {
    "cannot run inside a transaction block": "CONCURRENTLY cannot run in a transaction, and a file that is sent as a whole is one.",
    "duplicate migration file": "two files have the same version and direction.",
    "Dirty database": "golang-migrate does not touch a dirty database. Somebody has to look at it first, and say which version it is at.",
    "could not create unique index": "there are rows that the unique index forbids.",
    "already exists": "a file makes what is there already.",
    "It ran for over": "a statement did not end. Does it compare each customer with every other one? Make one list of the addresses, and join with that.",
    "does not exist": "a statement, or golang-migrate itself, looks for something that is not there.",
}
LATER = {"900000000001_note.up.sql": "ALTER TABLE orders ADD COLUMN note text;"}  # a migration that comes one day


def must(step, where):
    """The command went well. Raises Wrong in the words that fit what it says."""
    if step.error:
        means = next((means for words, means in MEANINGS.items() if words in step.error), "the command fails.")
        raise Wrong(f"{where}, `{step.command}`: {means}", expected="no error", got=step.error)


def fetch(database, text, *params):
    """Rows, as the database's own role."""
    with database.connect() as connection:
        return connection.execute(text, params).fetchall()


def catalog(database, text):
    """Rows of the catalog."""
    with database.admin() as connection:
        return connection.execute(text).fetchall()


def shape(database):
    """The columns of all tables, and the definitions of all indexes: what a migration makes, and its reverse takes away."""
    found = catalog(
        database,
        """SELECT relname, attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' ELSE '' END
           FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
           WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm') AND attnum > 0 AND NOT attisdropped
           UNION ALL
           SELECT 'index', pg_get_indexdef(oid), '', '' FROM pg_class
           WHERE relnamespace = 'public'::regnamespace AND relkind = 'i'""",
    )
    return set(found)


def rows(database, columns="id, name, email"):
    """All customers by number, and all orders."""
    with database.connect() as connection:
        customers = connection.execute(f"SELECT {columns} FROM customers").fetchall()
        orders = connection.execute("SELECT count(*), sum(total), sum(customer_id) FROM orders").fetchone()
    return {number: tuple(rest) for number, *rest in customers}, orders


def same_rows(found, expected, when):
    """Nobody is missing, and nobody has changed."""
    if missing := len(expected[0].keys() - found[0].keys()):
        raise Wrong(
            f"{missing:,} customers are gone {when}.", expected=f"{len(expected[0]):,}", got=f"{len(found[0]):,}"
        )
    for number, row in expected[0].items():
        if found[0][number] != row:
            changed = sum(found[0][n] != r for n, r in expected[0].items())
            at = next(place for place, value in enumerate(row) if found[0][number][place] != value)
            column = ("name", "email", "points")[at]
            why = f"{changed:,} customers have other values {when}, e.g. the {column} of number {number}."
            raise Wrong(why, expected=f"{column}: {as_sql(row[at])}", got=f"{column}: {as_sql(found[0][number][at])}")
    if found[1] != expected[1]:
        raise Wrong(f"The orders are not the same {when}.")


def as_sql(value):
    """A value as SQL writes it."""
    return "NULL" if value is None else value


def duplicates_are_marked(database):
    """Each customer's `duplicate_of` is the first one with the same address."""
    try:
        found = fetch(database, "SELECT id, lower(email), duplicate_of FROM customers ORDER BY id")
    except psycopg.errors.UndefinedColumn as error:
        raise Wrong("`customers` has no column `duplicate_of`.", got=str(error).splitlines()[0]) from error
    first = {}
    for number, address, marked in found:
        wanted = first.setdefault(address, number) if address is not None else number
        wanted = None if wanted == number else wanted
        if marked != wanted:
            same = [n for n, other, _ in found if address is not None and other == address]
            why = f"Customer {number} is not marked as it should be. The customers with that address: {same or 'it has none'}."
            raise Wrong(why, expected=f"duplicate_of = {as_sql(wanted)}", got=f"duplicate_of = {as_sql(marked)}")


def points_are_given(database):
    """Everybody has a point for each 10 EUR."""
    wanted = dict(
        fetch(
            database,
            "SELECT c.id, coalesce(floor(sum(total) / 10), 0) FROM customers AS c LEFT JOIN orders ON customer_id = c.id GROUP BY 1",
        )
    )
    try:
        found = dict(fetch(database, "SELECT id, points FROM customers"))
    except psycopg.errors.UndefinedColumn as error:
        raise Wrong("`customers` has no column `points`.", got=str(error).splitlines()[0]) from error
    wrong = [number for number, value in wanted.items() if found.get(number) != value]
    if wrong:
        why = f"{len(wrong):,} customers do not have the points for their orders, e.g. number {wrong[0]}."
        raise Wrong(why, expected=f"{wanted[wrong[0]]} points", got=f"{as_sql(found.get(wrong[0]))} points")


def points_are_a_column_as_asked(database):
    """Somebody who registers has 0 points, of type integer, and nobody can have none."""
    insert = "INSERT INTO customers (name, email) VALUES ('A check', NULL) RETURNING id, points, pg_catalog.pg_typeof(points)::text"
    with database.connect() as connection, connection.transaction(force_rollback=True):
        try:
            number, points, kind = connection.execute(insert).fetchone()
        except psycopg.errors.NotNullViolation as error:
            why = "Nobody can register any more: the application's INSERT does not name `points`, which has no default."
            raise Wrong(why, expected="points integer NOT NULL DEFAULT 0", got=str(error).splitlines()[0]) from error
        if (points, kind) != (0, "integer"):
            got = f"{as_sql(points)}, of type {kind}"
            raise Wrong("A new customer has other `points` than asked for.", expected="0, of type integer", got=got)
        with contextlib.suppress(psycopg.errors.NotNullViolation), connection.transaction():
            connection.execute("UPDATE customers SET points = NULL WHERE id = %s", [number])
            raise Wrong("`points` may be NULL.", expected="points integer NOT NULL DEFAULT 0", got="NULL is accepted")


def index_holds(database, built_beside_writers):
    """A valid unique index lets no second customer have an address, and its number is among those built without locking the table."""
    found = catalog(
        database,
        """SELECT i.indexrelid::regclass::text, i.indisvalid, i.indisunique, i.indexrelid
           FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
           WHERE c.relname = 'customers' AND c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary""",
    )
    if invalid := [name for name, valid, _, _ in found if not valid]:
        why = f"The index {invalid[0]} is invalid: its building failed once, no query uses it, and each write may have to care for it."
        raise Wrong(why, expected="valid indexes only", got=f"{invalid[0]}: INVALID")
    unique = {name: number for name, _, is_unique, number in found if is_unique}
    if not unique:
        raise Wrong(
            "`customers` has no unique index on the address.",
            expected="a unique index",
            got=", ".join(name for name, *_ in found) or "no index",
        )
    refuses_second_address(database)
    if alone := [name for name, number in unique.items() if number not in built_beside_writers]:
        why = "The index is there, but nobody could write to `customers` while it was built."
        got = f"{alone[0]} waited until nobody wrote, and let nobody begin"
        raise Wrong(why, expected="an index that is built CONCURRENTLY", got=got)


def refuses_second_address(database):
    """What the unique index must refuse, and what not; nothing of it stays."""
    real = "SELECT email, id FROM customers WHERE email IS NOT NULL AND duplicate_of IS NULL ORDER BY id LIMIT 1"
    address = next(iter(fetch(database, real)), None)
    if not address:
        why = "Everybody who has an address has a `duplicate_of`, the real ones too: the index looks at nobody."
        raise Wrong(why, expected="the first of each address has NULL there", got="all of them are marked")
    with database.connect(autocommit=False) as connection:
        for email, original, allowed in (
            (address[0], None, False),
            (address[0].upper(), None, False),
            ("nobody.yet@example.org", None, True),
            (None, None, True),
            (address[0].title(), address[1], True),
        ):
            error = refusal(connection, email, original)
            if bool(error) == allowed:
                of = f", duplicate_of = {original}" if original else ""
                why = f"A new customer with the address {email}{of} is {'refused' if error else 'accepted'}."
                expected = "it is accepted" if allowed else "it is refused"
                raise Wrong(why, expected=expected, got=error or "it is accepted")


def refusal(connection, email, original):
    """Why such a customer is refused, or "" when it is not; nothing of it stays."""
    try:
        insert = "INSERT INTO customers (name, email, duplicate_of) VALUES ('A check', %s, %s)"
        connection.execute(insert, [email, original])
    except psycopg.errors.UniqueViolation as violation:
        return str(violation).splitlines()[0]
    finally:
        connection.rollback()
    return ""


def commit(answers):
    """All files after the learner's commit. Raises AnswerError."""
    try:
        return projects.deployed(find(LAB)) | projects.commit(answers["files"])
    except NotAProject as mistake:
        raise AnswerError(str(mistake)) from mistake


def newest(files):
    """The highest version."""
    return max(int(name.split("_")[0]) for name in files)


class Pilot:
    """A copy from before the incident, on which the files go up, down to where it was, and up again."""

    def __init__(self, database, files):
        self.database, self.files = database, files
        self.shape, self.rows = shape(database), rows(database)
        with IndexBuilds(database) as builds:
            self.up = run(database, files, [UP])[0]
        self.built_beside_writers = builds.concurrent
        self.shape_up = shape(database)

    def goes_up(self):
        """The files bring what they must."""
        must(self.up, "On a copy from before the incident")
        same_rows(rows(self.database), self.rows, "after `migrate up`")
        points_are_given(self.database)
        points_are_a_column_as_asked(self.database)
        duplicates_are_marked(self.database)

    def there_and_back(self):
        """Down and up once more."""
        must(self.up, "On a copy from before the incident")
        down = run(self.database, self.files, [Migrate(("goto", str(BEFORE)))])[0]
        must(down, "On the way down")
        left, gone = shape(self.database) - self.shape, self.shape - shape(self.database)
        if left or gone:
            what = f"is left: {told(left)}" if left else f"is missing: {told(gone)}"
            raise Wrong(
                "After the way down, the database is not as it was.",
                expected=f"as it was at version {BEFORE}",
                got=what,
            )
        same_rows(rows(self.database), self.rows, "after the way down")
        must(run(self.database, self.files, [UP])[0], "On the second way up")
        if shape(self.database) != self.shape_up:
            raise Wrong("The second way up leads somewhere else.", got=told(shape(self.database) ^ self.shape_up))
        points_are_given(self.database)
        duplicates_are_marked(self.database)


def told(things):
    """Columns and indexes, to read."""
    return "; ".join(" ".join(filter(None, thing)) for thing in sorted(things))


class Recovery:
    """A copy from after the incident, and the commands that are to bring it back."""

    def __init__(self, database, answers):
        self.database, self.files = database, commit(answers)
        try:
            commands = projects.runbook(answers["recovery"])
        except NotAProject as mistake:
            raise AnswerError(str(mistake)) from mistake
        died = projects.incident(find(LAB), database)
        self.rows = rows(database, "id, name, email, points")
        with IndexBuilds(database) as builds:
            self.steps = run(database, self.files, commands)
        self.built_beside_writers = builds.concurrent
        self.path = [[step.command, step.version, step.dirty] for step in [died, *self.steps]]

    def is_clean(self):
        """Every command went well, and nothing is left to do."""
        for step in self.steps:
            must(step, "In production")
        last = self.steps[-1]
        if last.dirty or last.version != newest(self.files):
            state = f"version {last.version}{', dirty' if last.dirty else ''}"
            raise Wrong(
                "Production is not where it should be.", expected=f"version {newest(self.files)}, not dirty", got=state
            )
        duplicates_are_marked(self.database)

    def lost_nothing(self):
        """Everybody has what they had when the deployment had died."""
        try:
            same_rows(rows(self.database, "id, name, email, points"), self.rows, "after the recovery")
        except psycopg.errors.UndefinedColumn as error:
            raise Wrong("The column `points` is gone, and all points with it.") from error

    def points_left(self):
        """The points of all customers now."""
        with self.database.connect() as connection:
            try:
                return connection.execute("SELECT coalesce(sum(points), 0)::bigint FROM customers").fetchone()[0]
            except psycopg.errors.UndefinedColumn:
                return 0

    def takes_the_next(self):
        """A migration that comes later reaches it."""
        must(run(self.database, self.files | LATER, [UP])[0], "In production, the next migration")


@pytest.fixture(scope="module")
def pilot(request, template, answers):
    """The answer `files`, tried."""
    files = commit(answers)
    with bench_of(request).service("postgres").database(template) as database:
        yield Pilot(database, files)


@pytest.fixture(scope="module")
def recovery(request, template, answers):
    """The answer `recovery`, done with the answer `files`."""
    with bench_of(request).service("postgres").database(template) as database:
        yield Recovery(database, answers)


@answer("files")
@points(2)
@keeps("points", "duplicates", "rows-stay")
@hint(
    "Which statement failed: because of how the file is sent, or because of rows? See «One file, one transaction» for the first, and ask for the rows for the second.",
    "One file, one transaction: all of it or nothing. Which of the three statements of 000003 cannot be in one, and where can it be?",
    "If the index refuses rows: who has to be marked before it is built, and does it look at those who are marked?",
)
def test_goes_up(pilot):
    """On a copy from before the incident, `migrate up` succeeds: everybody has the points for their orders, and who registered again is marked."""
    pilot.goes_up()


@answer("files")
@points(2)
@keeps("one-address", "built-beside-writers")
@hint(
    "`\\d customers` would list the index. Of which customers does it speak, and does it tell Ada@example.org from ada@example.org?",
    "An index can be on an expression, and it can leave rows out.",
    "While an index is built, everybody who writes waits, unless it is told otherwise. What does that cost you in the file?",
)
def test_index(pilot):
    """A valid unique index, built while others could write, refuses a second customer with the same address in any spelling, unless marked."""
    must(pilot.up, "On a copy from before the incident")
    index_holds(pilot.database, pilot.built_beside_writers)


@answer("files")
@points(2)
@keeps("there-and-back")
@hint(
    "A way down takes away what its way up brought, and nothing else. Which file brings what, now?",
    "000003 down was written for the old 000003 up. Does each of its statements still find what it takes away?",
)
def test_up_down_up(pilot):
    """From there down to version 2 the database is as it was, with every row, and up again it is as after the first time."""
    pilot.there_and_back()


@answer("recovery")
@points(2)
@keeps("clean")
@hint(
    "Which of the three statements of that evening are done, which one is half done, and which version of your files is that?",
    "`force` runs nothing: it writes a number. It has to be the number that is true, after what you have put right by hand.",
    "If something is there already: either it goes away before the file runs that makes it, or that file need not run.",
)
def test_clean(recovery, note):
    """Every command succeeds, and at the end production is at the newest version, not dirty, with everybody marked who registered again."""
    note("path", recovery.path)
    recovery.is_clean()


@answer("recovery")
@points(2)
@keeps("points-kept")
@hint(
    "Since 21:31 the application has given points and taken some. Which of your commands writes the column `points`?",
    "A way down that drops a column drops what is in it. Which version does the column `points` belong to?",
)
def test_nothing_lost(recovery, note):
    """Everybody is still there, with the points that they had before the recovery began."""
    note("points", [sum(row[-1] for row in recovery.rows[0].values()), recovery.points_left()])
    recovery.lost_nothing()


@answer("recovery")
@points(1)
@keeps("valid-index")
@hint(
    "SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'customers'::regclass",
    "IF NOT EXISTS asks for the name only. What stands there under that name since that evening?",
)
def test_index_in_production(recovery, note):
    """In production, too, the index is valid and refuses a second customer with the same address; no invalid index is left."""
    recovery.is_clean()
    note("index", "not valid, or not there")
    index_holds(recovery.database, recovery.built_beside_writers)
    note("index", "valid")
