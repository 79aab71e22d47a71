"""Checks of flyway-versioned: each commit is deployed with the real Flyway, to production and to an empty database."""

import random
from decimal import Decimal
from itertools import groupby

import psycopg
import pytest

from labkit.checking.checks import AnswerError, Wrong, answer, hint, keeps, points
from labkit.checking.fixtures import bench_of, check_untouched
from labkit.course import find
from labkit.kinds.flyway import project as flyway_project
from labkit.kinds.migration_files import NotAProject
from labkit.services.flyway import Command, flyway

LAB = "91-databases/flyway-versioned"
LIMIT = Decimal(50)
MIGRATE = [Command("migrate")]
DONE = (
    "Success",
    "Baseline",
    "Below Baseline",
    "Ignored (Baseline)",
    "Superseded",
)  # Flyway has nothing to do about these
# A release that comes one day: above any version that is a date, with or without a time.
LATER = {"V99991231235959999__note.sql": "ALTER TABLE orders ADD COLUMN note text;"}


@pytest.fixture(scope="module", autouse=True)
def java():
    """Java takes a second to start: meanwhile the data is made."""
    flyway().start()


def committed(name, answers):
    """The project of an answer's branch after its commit. Raises AnswerError."""
    try:
        files = flyway_project.commit(answers[name])
        return flyway_project.project(find(LAB), name).with_files(files), files
    except NotAProject as mistake:
        raise AnswerError(str(mistake)) from mistake


def must(report, where):
    """Nothing failed, and nothing is left to do. Raises Wrong in the words that fit what Flyway says."""
    if report.error:
        raise Wrong(f"{where}: {meaning(report.error)}", expected="Flyway succeeds", got=report.error)
    for migration in report.info:
        if migration.state not in DONE:
            name = f"{migration.version or 'R'} ({migration.description})"
            raise Wrong(f"{where}: migration {name} is left.", expected="Success", got=migration.state)


def meaning(error):
    """What an error of Flyway means here."""
    for words, means in MEANINGS.items():
        if words in error:
            return means
    return "Flyway stops."


MEANINGS = {
    "checksum mismatch": "Flyway refuses: the text of a migration that was applied here is not the text that was applied. "
    "Every character of a line counts, in comments too.",
    "resolved migration not applied": "Flyway refuses: a new migration has a version below one that is applied already, so Flyway will not run it any more.",
    "more than one migration with version": "Flyway refuses: two files have the same version.",
    "more than one repeatable": "Flyway refuses: two repeatable migrations have the same description.",
    "Found non-empty schema": "Flyway refuses to begin in a schema that has tables already, and no history of them.",
    "Unable to baseline": "a schema whose history has begun cannot get a baseline. Is it the environment that you meant?",
    "already exists": "a migration makes what is there already.",
    "is violated by some row": "a migration forbids what is still in the table.",
    "cannot change name of view column": "the view is there already, with other columns, and CREATE OR REPLACE cannot rename or move any.",
}


def fetch(database, text, *params):
    """Rows, as the database's own role."""
    with database.connect() as connection:
        return connection.execute(text, params).fetchall()


def columns(database, schema, table="orders"):
    """Name, type and NOT NULL of each column, in the order of their names."""
    with database.admin() as connection:
        return connection.execute(
            """SELECT attname, replace(format_type(atttypid, atttypmod), relnamespace::regnamespace || '.', ''), attnotnull
               FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
               WHERE relnamespace = to_regnamespace(%s) AND relname = %s AND attnum > 0 AND NOT attisdropped ORDER BY 1""",
            [schema, table],
        ).fetchall()


def history(database):
    """What production's history says of the migrations of release 41."""
    return fetch(
        database,
        """SELECT version, script, checksum, installed_on, success FROM shop.flyway_schema_history
           WHERE installed_rank <= 3 ORDER BY installed_rank""",
    )


def orders(database, schema):
    """All orders by number: the day, the state, the total and the discount."""
    rows = fetch(database, f"SELECT id, placed_on, state, total, discount FROM {schema}.orders")
    return {number: tuple(rest) for number, *rest in rows}


class Released:
    """Production before and after a release, and a database that the same files made from nothing."""

    def __init__(self, database, project):
        self.database = database
        self.history, self.orders = history(database), orders(database, "shop")
        self.production = flyway().run(database, "shop", project.files, MIGRATE)
        self.test = flyway().run(database, "test", project.files, MIGRATE)

    def takes_it(self):
        """Production took the release, and its past is what it was."""
        must(self.production, "Production")
        if history(self.database) != self.history:
            raise Wrong("The history of what was deployed before has changed. It has to stay as it is.")

    def has_the_limit(self):
        """Every order in production has the discount that it must have, and no other one can be written."""
        must(self.production, "Production")
        wanted = {
            n: (*rest, discount / 10 if discount > LIMIT else discount) for n, (*rest, discount) in self.orders.items()
        }
        found = orders(self.database, "shop")
        wrong = [number for number, order in wanted.items() if found.get(number) != order]
        if wrong:
            one = wrong[0]
            why = f"{len(wrong):,} orders are not as they should be, for example number {one}."
            expected = f"a discount of {wanted[one][-1]} (it was {self.orders[one][-1]}), and the rest as it was"
            raise Wrong(why, expected=expected, got=f"a discount of {found[one][-1]}" if one in found else "it is gone")
        has_limit(self.database, "shop", "production")

    def comes_out_the_same(self):
        """The database from nothing is as production is."""
        must(self.test, "An empty database")
        expected, got = columns(self.database, "shop"), columns(self.database, "test")
        if expected != got:
            differ = [column for column in (*expected, *got) if (column in expected) != (column in got)]
            name = differ[0][0]
            why = f"The column {name} of `orders` is not the same in production and in an empty database."
            raise Wrong(why, expected=in_words(expected, name), got=in_words(got, name))
        has_limit(self.database, "test", "a new database")


def in_words(found, name):
    """A column of these, as SQL writes it."""
    kinds = [f"{column} {kind}{' NOT NULL' if needed else ''}" for column, kind, needed in found if column == name]
    return next(iter(kinds), f"no {name}")


def has_limit(database, schema, where):
    """Orders with a discount outside of 0 to 50 cannot be written, all others can."""
    insert = f"INSERT INTO {schema}.orders (placed_on, total, discount) VALUES ('2026-05-01', 10, %s)"
    update = f"UPDATE {schema}.orders SET discount = %s WHERE id = 1"
    with database.connect(autocommit=False) as connection:
        for value, allowed in discounts(database.template.seed):
            if is_accepted(connection, insert, value) != allowed:
                said = ("it is refused", "it is accepted")
                why = (
                    f"In {where}, an order with a discount of {value} % is {said[not allowed].removeprefix('it is ')}."
                )
                if schema == "test" and is_accepted(connection, insert.replace("test.", "shop."), value) == allowed:
                    why += " Does a file name the schema `shop`? Then it changed production, and not the new database."
                raise Wrong(why, expected=said[allowed], got=said[not allowed])
        for value, allowed in discounts(f"changed {database.template.seed}") if schema == "shop" else ():
            if not allowed and is_accepted(connection, update, value):
                why = f"In production, an order's discount can be changed to {value} %."
                raise Wrong(why, expected="it is refused", got="it is accepted")


def discounts(seed):
    """Discounts on both sides of each limit, near and far, and whether they are allowed: others for each data."""
    draw = random.Random(str(seed))
    inside = [draw.randrange(1, 5_000) / 100 for _ in range(4)]
    outside = [draw.randrange(5_001, 99_999) / 100 for _ in range(3)] + [
        -draw.randrange(1, 99_999) / 100 for _ in range(3)
    ]
    return [(value, True) for value in (50, 0, *inside)] + [(value, False) for value in (50.01, -0.01, *outside)]


def is_accepted(connection, statement, value):
    """Whether the database takes it; nothing of it stays."""
    try:
        connection.execute(statement, [value])
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as error:
        if isinstance(error, psycopg.errors.UndefinedTable) and "orders" in str(error).splitlines()[0]:
            raise Wrong("There is no table `orders`.", got=str(error).splitlines()[0]) from error
        return False
    finally:
        connection.rollback()
    return True


@pytest.fixture(scope="module")
def released(database, answers):
    """The answer `release`, deployed."""
    return Released(database, committed("release", answers)[0])


@answer("release")
@points(2)
@keeps("production-takes-it")
@hint(
    "Who refuses, and what? Flyway: then it names a version; of which text is each of its two checksums? Postgres: then look for the rows that it means.",
    "What has been deployed cannot be edited any more, only followed. Where is the text that production knows?",
    "When the checksum fits: which versions come after the last one that is applied? And does every row of production bear the new rule?",
)
def test_production_takes_it(released, note):
    """Production takes the release: `flyway migrate` succeeds, nothing is left to do, and the history of what was deployed before stays as it was."""
    released.takes_it()
    note("production", released.production.states())


@answer("release")
@points(2)
@keeps("limit", "divided")
@hint(
    "SELECT discount, count(*) FROM shop.orders WHERE discount > 50 GROUP BY 1 shows what the rule has to change first. Is exactly 50 one of them?",
    "A file that only restores the past changes nothing in production. Which file brings the limit there?",
    "Two statements: one that mends the rows, and one that makes Postgres refuse such rows from now on.",
)
def test_limit_in_production(released, note):
    """In production, discounts over 50 were divided by ten, all others are as they were, and Postgres refuses what is not between 0 and 50."""
    note("limit in production", "accepted")
    released.has_the_limit()
    note("limit in production", "refused")


@answer("release")
@points(1)
@keeps("from-nothing")
@hint(
    "The tests run every file in the schema `test`, from the first one on. Which of your statements fails there, or goes elsewhere?",
    "Flyway decides in which schema a migration runs. Do your files name one?",
)
def test_release_from_nothing(released, note):
    """An empty database that is made with the same files has the same table `orders`, with the same limit."""
    note("test", released.test.states())
    note("limit from nothing", "accepted")
    released.comes_out_the_same()
    note("limit from nothing", "refused")


class Viewed:
    """Production and an empty database after the commit with the view, and what happens when that commit is changed."""

    def __init__(self, database, project, files):
        self.database, self.files = database, files
        self.expected = fetch(database, EXPECTED)
        self.production = flyway().run(database, "shop", project.files, MIGRATE)
        self.test = flyway().run(database, "test", project.files, MIGRATE)
        self.project = project

    def shows_sales(self):
        """The view in production shows what it should."""
        must(self.production, "Production")
        self._has_columns("shop")
        got = fetch(self.database, "SELECT * FROM shop.daily_sales ORDER BY 1")
        if len(got) != len(self.expected):
            raise Wrong(
                "The view does not have one row for each day with an order.",
                expected=f"{len(self.expected)}",
                got=f"{len(got)}",
            )
        for row, wanted in zip(got, self.expected, strict=True):
            if row != wanted:
                name = next(name for name, one, other in zip(VIEW, wanted, row, strict=True) if one != other)
                raise Wrong(
                    f"The view has another value of `{name}` on {wanted[0]}.", expected=told(wanted), got=told(row)
                )
        self._shows_zero()
        check_untouched(self.database, but=("shop.flyway_schema_history",))

    def _shows_zero(self):
        """A day on which every order was cancelled: the data need not have one."""
        with self.database.connect(autocommit=False) as connection:
            connection.execute(
                "INSERT INTO shop.orders (placed_on, state, total) VALUES ('2031-01-01', 'cancelled', 5), ('2031-01-01', 'cancelled', 7)"
            )
            found = connection.execute(
                "SELECT orders, cancelled, revenue FROM shop.daily_sales WHERE day = '2031-01-01'"
            ).fetchall()
            connection.rollback()
        if found != [(2, 2, 0)]:
            why = "On a day on which every order was cancelled, the view is wrong: there, the revenue is 0."
            raise Wrong(why, expected="2 orders, 2 cancelled, revenue 0", got=told(found[0]) if found else "no row")

    def runs_again(self):
        """Flyway replaces the view when its text has changed."""
        must(self.production, "Production")
        self._has_columns("shop")
        repeatable = [name for name in self.files if name.startswith("R")]
        touched = {name: self.files[name] + "\n-- changed\n" for name in repeatable or self.files}
        report = flyway().run(self.database, "shop", self.project.with_files(touched).files, MIGRATE)
        if report.error and not repeatable:
            why = "Next month the text of the view changes, and Flyway refuses it: a version, once applied, cannot change."
            raise Wrong(why, expected="the changed file is applied", got=report.error)
        if report.error:
            why = "Next month the text of the view changes. Flyway runs the file once more, over what is there then, and that fails."
            raise Wrong(why, expected="the changed file is applied", got=report.error)
        self._has_columns("shop")

    def is_there_from_nothing(self):
        """The view is in the empty database, too."""
        must(self.test, "An empty database")
        self._has_columns("test")

    def _has_columns(self, schema):
        found = fetch(
            self.database,
            """SELECT attname FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = attrelid
               WHERE relnamespace = to_regnamespace(%s) AND relname = 'daily_sales' AND attnum > 0 AND NOT attisdropped ORDER BY attnum""",
            schema,
        )
        wanted = ["day", "orders", "cancelled", "revenue"]
        if (got := [name for (name,) in found]) != wanted:
            why = f"The columns of `daily_sales` are not those that were asked for, in schema {schema}."
            raise Wrong(why, expected=", ".join(wanted), got=", ".join(got) or "no view daily_sales")


VIEW = ("day", "orders", "cancelled", "revenue")
EXPECTED = """
    SELECT placed_on, count(*), count(*) FILTER (WHERE state = 'cancelled'), coalesce(sum(total) FILTER (WHERE state <> 'cancelled'), 0)
    FROM shop.orders GROUP BY placed_on ORDER BY placed_on
"""


def told(row):
    """A row of the view, to read."""
    return ", ".join("NULL" if value is None else str(value) for value in row)


@pytest.fixture(scope="module")
def viewed(request, template, answers):
    """The answer `view`, deployed to a clone of its own: it has nothing to do with `release`."""
    with bench_of(request).service("postgres").database(template) as database:
        yield Viewed(database, *committed("view", answers))


@answer("view")
@points(2)
@keeps("view-columns", "zero", "view-alone")
@hint(
    "The view is in production already, from V3. What does Postgres say when another one takes its place? Look at the order of its columns.",
    "CREATE OR REPLACE VIEW may only add columns at the end. What else brings a view with other columns?",
    "If a number is wrong: an order that was cancelled is counted in `orders` and in `cancelled`, and not in `revenue`.",
)
def test_view_shows_sales(viewed, note):
    """In production, `daily_sales` shows for each day the orders, how many of them were cancelled, and the revenue without those; no table is changed."""
    viewed.shows_sales()
    note("view", viewed.production.states())


@answer("view")
@points(2)
@keeps("runs-again")
@hint(
    "Next month accounting wants another column. Which files may you edit after they were deployed, and which not?",
    "Flyway knows by a file's name whether it is run once, or each time its text has changed.",
    "A repeatable migration meets what its last run left behind. Does yours work a second time?",
)
def test_view_can_change(viewed):
    """When the text of the view changes one day, `flyway migrate` replaces the view that is there."""
    viewed.runs_again()


@answer("view")
@points(1)
@keeps("view-from-nothing")
@hint(
    "In the schema `test`, V1, V2 and V3 run first, and then what you wrote. What does it meet there?",
    "Flyway decides in which schema a migration runs. Do your files name one?",
)
def test_view_from_nothing(viewed):
    """An empty database that is made with the same files has the view, too."""
    viewed.is_there_from_nothing()


class Joined:
    """The outlet before and after the commands."""

    def __init__(self, database, text):
        self.database = database
        self.project = flyway_project.project(find(LAB), "outlet")
        self.rows, self.columns = self._rows(), columns(database, "outlet")
        self.report = None
        self.all_went_well = False  # all commands of the answer: what is wrong then, our own `validate` says
        try:
            commands = flyway_project.commands(text)
            for schema, group in groupby(commands, lambda found: self.project.schema(found[0] or self.project.default)):
                self.report = flyway().run(database, schema, self.project.files, [command for _, command in group])
                if self.report.error:
                    break
            else:
                self.all_went_well = True
                if schema != "outlet":
                    self.report = flyway().run(database, "outlet", self.project.files, [Command("validate")])
        except NotAProject as mistake:
            raise AnswerError(str(mistake)) from mistake

    def joined(self, note=lambda name, value: None):
        """The outlet has everything that V1 to V3 make, and everything that it had."""
        if self.report.error and self.all_went_well:
            left = [f"V{m.version}" for m in self.report.info if m.state not in DONE]
            why = "No command failed, but in the outlet something is left to do. Which environment did each of your commands name?"
            raise Wrong(
                why, expected="nothing left to do in the outlet", got=f"{', '.join(left) or 'a migration'}: pending"
            )
        if self.report.error:
            raise Wrong(
                f"A command fails: {meaning(self.report.error)}", expected="Flyway succeeds", got=self.report.error
            )
        if self._rows() != self.rows or columns(self.database, "outlet") != self.columns:
            raise Wrong("The outlet's tables are not what they were: its orders and vouchers have to stay as they are.")
        missing = [name for name in ("view daily_sales", "index on placed_on") if name not in self._things()]
        if missing:
            why = f"Flyway is content, but the outlet has no {' and no '.join(missing)}: a migration was not run that it needs."
            raise Wrong(why, expected="everything that V1, V2 and V3 make", got=f"no {', no '.join(missing)}")
        note("outlet", self.report.states())
        must(self.report, "The outlet")

    def takes_the_next(self):
        """A later release reaches it by `flyway migrate` alone."""
        files = self.project.with_files(LATER).files
        must(flyway().run(self.database, "outlet", files, MIGRATE), "The outlet, at the next release")
        if "note" not in [column[0] for column in columns(self.database, "outlet")]:
            raise Wrong("The next release does not reach the outlet.")

    def _rows(self):
        return orders(self.database, "outlet"), fetch(self.database, "SELECT * FROM outlet.vouchers ORDER BY 1")

    def _things(self):
        with self.database.admin() as connection:
            kinds = connection.execute(
                """SELECT relkind, relname, pg_get_indexdef(oid) FROM pg_class WHERE relnamespace = to_regnamespace('outlet')
                   AND relkind IN ('v', 'i')"""
            ).fetchall()
        views = [f"view {name}" for kind, name, _ in kinds if kind == "v"]
        return views + ["index on placed_on" for kind, _, text in kinds if kind == "i" and "(placed_on)" in text]


@pytest.fixture(scope="module")
def outlet(request, template, answers):
    """The answer `outlet`, its commands run. They may name production, too, and find it as it was on Tuesday."""
    with bench_of(request).service("postgres").database(template) as database:
        yield Joined(database, answers["outlet"])


@answer("outlet")
@points(2)
@keeps("outlet-joins", "outlet-rows")
@hint(
    "Flyway does not know what was done there by hand. Which of V1, V2 and V3 does the outlet have already? Look at its tables.",
    "A baseline says: up to this version, all is done. Which version is it when you do not name one?",
    "After the baseline, the rest is still to be run. And each command needs to know which environment it is for.",
)
def test_outlet_joins(outlet, note):
    """The outlet has everything that V1 to V3 make, once, Flyway has nothing to do there, and its own rows are all as they were."""
    outlet.joined(note)


@answer("outlet")
@points(1)
@keeps("outlet-next")
@hint(
    "One day there is a V4. Where does Flyway look up which versions the outlet has?",
    "`flyway info` shows what Flyway knows of the outlet. Which versions does it believe to be done?",
)
def test_outlet_takes_the_next_release(outlet):
    """The release after this one reaches the outlet by `flyway migrate` alone, as it reaches production."""
    outlet.takes_the_next()
