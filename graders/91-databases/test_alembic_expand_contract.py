"""Checks of alembic-expand-contract: two versions of the application go on while a column is split under them."""

import contextlib
import json
import random
import threading
from collections import Counter

import psycopg
import pytest

from labkit.checking.checks import AnswerError, Wrong, after, answer, hint, keeps, points
from labkit.kinds.alembic.project import NotAMigration, heads
from labkit.kinds.alembic.rollout import Rollout
from labkit.services.postgres import sql
from labkit.services.postgres.traffic import Traffic

ANSWERS = ("expand", "backfill", "contract")
STEPS = (
    *("upgrade expand", "upgrade backfill", "upgrade contract"),
    *("downgrade backfill", "upgrade contract"),  # one step down, and up again
    *("downgrade base", "upgrade contract"),
)
BATCH = 5_000  # rows that one transaction of a migration may write
FEW = 2_000  # customers for the second upgrade
MOMENT = "SELECT pg_catalog.sum(n) FROM pg_catalog.generate_series(1, 12000) AS n"  # 2 ms of an idle machine's work
PATIENCE = 100  # moments, each after 1 ms of waiting, that a request has for a lock: 200 ms, and half as much again
REQUESTS = 200  # after which nobody expects the backfill to wait for the customer in hand
OLD, NEW = "n-1", "n"
UNKNOWN = "whoever wrote it"
THEN = "; then somebody sent: "


def split(full_name):
    """The rule of the task: up to the first space, and what follows it."""
    given, _, family = full_name.partition(" ")
    return given, family


def join(given, family):
    """The whole name again."""
    return f"{given} {family}" if family else given


class Refused(Wrong):
    """A request of the application failed while a migration ran."""


class Misread(Wrong):
    """A version of the application read another name than the one that was written last."""


class Application:
    """Both versions of the application, and what they have written: `names` is who everybody must be."""

    SQL = {  # noqa: RUF012
        (OLD, "insert"): "INSERT INTO customers (email, full_name) VALUES (%s, %s) RETURNING id",
        (NEW, "insert"): "INSERT INTO customers (email, given_name, family_name) VALUES (%s, %s, %s) RETURNING id",
        (OLD, "rename"): "UPDATE customers SET full_name = %s WHERE id = %s",
        (NEW, "rename"): "UPDATE customers SET given_name = %s, family_name = %s WHERE id = %s",
        (OLD, "read"): "SELECT full_name FROM customers WHERE id = %s LIMIT 1",
        (NEW, "read"): "SELECT given_name, family_name FROM customers WHERE id = %s LIMIT 1",
        "move": "UPDATE customers SET email = %s WHERE id = %s",
    }

    def __init__(self, database, people=2):
        self.database, self.people = database, people
        self._asking = None  # a session for questions about the whole table
        self.seen = {}  # who everybody was, when all were compared
        self.names = {number: split(name) for number, name in self.table("full_name")}
        self.written = set()  # customers that were written since expand
        self.writers_of = {}  # who wrote a customer last, and with which statement
        self.filling = False  # whether the backfill runs, or was the last that ran
        *self.untouched, self.last = sorted(self.names)
        self.turn = 0
        self._lock = threading.Lock()
        self._sessions = {}
        self._in_hand = None  # a session with an open transaction, which has given the last customer another name
        self._admin = database.admin()

    def close(self):
        """Ends its sessions."""
        for session in [*self._sessions.values(), self._admin, self._asking]:
            if session:
                session.close()
        self._sessions.clear()

    def processes(self):
        """The server's processes that serve our own sessions."""
        own = [*self._sessions.values(), self._asking, self._in_hand]
        return {session.info.backend_pid for session in own if session and not session.closed}

    def session(self, version, person):
        """The session of one person with one version, opened on first use: both versions stay connected."""
        if (version, person) not in self._sessions:
            session = self.database.connect(prepare_threshold=None)
            session.execute("SET statement_timeout = '10s'; SET lock_timeout = '1ms'")
            self._sessions[version, person] = session
        return self._sessions[version, person]

    def execute(self, version, person, statement, params):
        """Runs a statement, again and again while it has to wait for a lock.

        How long that is is told by other work that this session gets done meanwhile, so it means the same on a busy
        machine. Raises Refused when it is too long.
        """
        session = self.session(version, person)
        for _ in range(PATIENCE):
            with contextlib.suppress(psycopg.errors.LockNotAvailable):
                return session.execute(statement, params)
            session.execute(MOMENT)
        why = "While the migration ran, a request of the application waited for a lock. What holds it, and until when?"
        raise Refused(why, expected="at most 200 ms", got="over 200 ms")

    def visits(self, *versions):
        """What a person does at each turn, with one of the versions that run; for Traffic."""

        def visit(person, turn):
            with self._lock:
                self.turn += 1
                mine = self.turn
            draw = random.Random(mine)
            version, reader = draw.choice(versions), draw.choice(versions)
            act = draw.choices([self.rename, self.insert, self.move, self.look], [6, 2, 2, 2])[0]
            number = act(version, person, mine, self.someone(person, draw))
            self.compare(reader, person, number)

        return visit

    def take_as_they_are(self):
        """From now on everybody who had a name at all, when all were compared, has the right one."""
        self.names |= {number: name for number, name in self.seen.items() if None not in name}

    def keep(self, count):
        """Most customers leave: what follows takes as long for few as for many."""
        self.names = dict(sorted(self.names.items())[:count])
        self.ask(f"DELETE FROM public.customers WHERE id > {max(self.names)}")

    @contextlib.contextmanager
    def customer_in_hand(self):
        """While the context lasts, at most, version n has given a customer another name and not yet committed it.

        Whoever reads that customer reads the old name, and whoever then writes the row waits for us: see `watch`.
        """
        with self.database.connect(autocommit=False) as self._in_hand:
            with contextlib.suppress(psycopg.Error):  # an expand without the columns: the other requests tell it
                self._in_hand.execute(self.SQL[NEW, "rename"], ["Mary Ann", "van Dyke-0", self.last])
            try:
                yield
            finally:
                self.let_go()

    def let_go(self):
        """Commits the customer in hand."""
        if self._in_hand and self._in_hand.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
            self._in_hand.commit()
            self.remember(self.last, "Mary Ann", "van Dyke-0")
            self.writers_of[self.last] = (
                NEW,
                filled_in(self.SQL[NEW, "rename"], ["Mary Ann", "van Dyke-0", self.last]),
            )
        self._in_hand = None

    def watch(self, traffic):
        """What is done every few milliseconds while a migration runs: whoever waits for us need not for long."""
        if self._in_hand:
            awaited = self._admin.execute(AWAITED, [self._in_hand.info.backend_pid]).fetchone()[0]
            if awaited or len(traffic.requests) > REQUESTS:
                self.let_go()

    def writers(self):
        """How many of the rows that are there each transaction wrote, by when it was committed: with all its subtransactions.

        Where `customers` is no table, nobody can tell who wrote what: then one transaction may have written it all.
        """
        if self._admin.execute(IS_A_TABLE).fetchone() != (True,):
            return Counter({UNKNOWN: len(self.names)})
        return Counter(
            dict(self.ask("SELECT pg_xact_commit_timestamp(xmin)::text, count(*) FROM public.customers GROUP BY 1"))
        )

    def table(self, *columns):
        """All customers' numbers and these columns, as one value: a hostile table may have more than fits into memory."""
        values = ", ".join(f"left({column}, 200)" for column in columns)
        text = f"SELECT json_agg(json_build_array(id, {values}))::text FROM (SELECT * FROM public.customers LIMIT 100000) AS c"
        return json.loads(self.ask(text)[0][0] or "[]")

    def ask(self, query):
        """The rows of a query, of which a hostile table may have more than fit into memory. Raises AnswerError when it is slow.

        All questions share a session, made as good as new for each: what reading runs, an answer may have written.
        """
        try:
            with self.database.deadline(30):
                if self._asking and not self._asking.closed:
                    self._asking.execute("DISCARD ALL")
                else:
                    # psycopg would not know that what it prepared is discarded.
                    # And only Postgres' own functions are found: one of the answer's could fit better.
                    self._asking = self.database.connect(prepare_threshold=None, options="-c search_path=pg_catalog")
                return sql.execute(self._asking, query, max_rows=50_000, deadline=25)[0].rows
        except sql.TookTooLong as error:
            raise AnswerError(f"`{query}` on the migrated table: {error}") from error

    def columns(self):
        """The table's columns, and whether they are NOT NULL; from the catalog."""
        rows = self._admin.execute(
            """SELECT attname, CASE WHEN attnotnull THEN 'NOT NULL' ELSE 'NULL' END FROM pg_attribute
               WHERE attrelid = (SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
                                 WHERE relname = 'customers' AND nspname = 'public')
                 AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""
        )
        return dict(rows.fetchall())

    def someone(self, person, draw):
        """A customer whom nobody else writes: everyone has their own."""
        return self.untouched[draw.randrange(len(self.untouched) // self.people) * self.people + person]

    def rename(self, version, person, turn, number):
        """Somebody gets another name."""
        return self.save(version, person, number, *new_name(version, turn))

    def marry(self, version, person, turn, number):
        """Somebody gets another family name, and keeps the given one."""
        return self.save(version, person, number, self.names[number][0], f"Curie-{turn}")

    def go_by(self, version, person, turn, number):
        """Somebody gets another given name, and keeps the family one."""
        return self.save(version, person, number, f"Marie-{turn}", self.names[number][1])

    def save(self, version, person, number, given, family):
        """A version writes this name. Version n-1 knows the whole of it, which is then split by the rule."""
        if version == OLD:
            given, family = split(join(given, family))
        params = [join(given, family)] if version == OLD else [given, family]
        self.execute(version, person, self.SQL[version, "rename"], [*params, number])
        self.writers_of[number] = (version, filled_in(self.SQL[version, "rename"], [*params, number]))
        return self.remember(number, given, family)

    def insert(self, version, person, turn, _):
        """A new customer."""
        given, family = new_name(version, turn)
        params = [join(given, family)] if version == OLD else [given, family]
        email = f"new{turn}@example.org"
        row = self.execute(version, person, self.SQL[version, "insert"], [email, *params]).fetchone()
        self.writers_of[row[0]] = (version, filled_in(self.SQL[version, "insert"], [email, *params]))
        return self.remember(row[0], given, family)

    def move(self, version, person, turn, number):
        """Only the e-mail address changes."""
        params = [f"moved{turn}@example.org", number]
        self.execute(version, person, self.SQL["move"], params)
        if number in self.writers_of:
            writer, statement = self.writers_of[number]
            moved = filled_in(self.SQL["move"], params)
            self.writers_of[number] = (writer, f"{statement.partition(THEN)[0]}{THEN}{moved}")
        return number

    def look(self, _version, _person, _turn, number):
        """Nothing is written."""
        return number

    def remember(self, number, given, family):
        """Keeps what was written, once the database has said yes."""
        self.names[number] = (given, family)
        self.written.add(number)
        return number

    def compare(self, version, person, number):
        """Reads a customer with one version. Raises Wrong when that is not who it must be."""
        row = self.execute(version, person, self.SQL[version, "read"], [number]).fetchone()
        expected = self.names[number]
        if version == NEW and row and None in row and number not in self.written:
            return  # not yet backfilled: version n shows the e-mail address instead
        got = row and (row[0] if version == OLD else tuple(row))
        wanted = join(*expected) if version == OLD else expected
        if got != wanted:
            writer, statement = self.writers_of.get(number, ("", ""))
            who = (
                f"Version {writer} sent: {statement}. "
                if writer
                else "Nobody has written it since the migration began. "
            )
            why = f"Version {version} reads another name of customer {number} than the one that was written last. {who}"
            if self.filling and writer:
                why += (
                    "If the trigger is right, the backfill has written over it: which rows does its UPDATE leave alone?"
                )
            raise Misread(why.strip(), expected=in_sql(wanted), got=in_sql(got))

    def everybody(self, *columns, whole=False):
        """Compares all customers: nobody may be missing, and nobody have a name that they were not given."""
        self.seen = {number: tuple(name) for number, *name in self.table(*columns)}
        found, wanted = self.seen, self.names
        if whole:
            found = {number: (join(*name),) for number, name in found.items()}
        if whole or columns == ("full_name",):
            wanted = {number: (join(*name),) for number, name in wanted.items()}
        if missing := len(wanted.keys() - found.keys()):
            raise Wrong(
                f"{missing:,} customers are gone.", expected=f"{len(wanted):,} customers", got=f"{len(found):,}"
            )
        wrong = [number for number, name in wanted.items() if found[number] != name]
        if wrong:
            number, why = self.which_is_wrong(wrong, found)
            raise Wrong(why, expected=in_sql(wanted[number]), got=in_sql(found[number]))

    def which_is_wrong(self, wrong, found):
        """One of the customers whose name is wrong, and what to say of all that are wrong as this one is."""
        if empty := [number for number in wrong if None in found[number]]:
            return empty[0], f"{len(empty):,} of {len(found):,} customers have no name there, e.g. number {empty[0]}."
        meanwhile = [number for number in wrong if number in self.written and number in self.writers_of]
        if self.filling and meanwhile:
            writer, statement = self.writers_of[meanwhile[0]]
            return meanwhile[0], (
                f"{len(meanwhile):,} of the customers whom the application wrote while the backfill ran have another name now. "
                f"E.g. number {meanwhile[0]}, of whom version {writer} sent: {statement}."
            )
        why = f"{len(wrong):,} of {len(found):,} customers do not have the names that they should have, e.g. number {wrong[0]}."
        if wrong[0] in self.writers_of:
            why += " Version {} sent: {}.".format(*self.writers_of[wrong[0]])
        return wrong[0], why


def filled_in(statement, params):
    """A statement of the application with its values, to read."""
    for value in params:
        statement = statement.replace("%s", str(value) if isinstance(value, int) else f"'{value}'", 1)
    return statement.removesuffix(" RETURNING id")


def in_sql(name):
    """A name, or its two parts, as SQL writes them: NULL and not None."""
    parts = name if isinstance(name, tuple | list) else (name,)
    return ", ".join("NULL" if part is None else "'{}'".format(part.replace("'", "''")) for part in parts)


IS_A_TABLE = """SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'customers' AND relkind = 'r'
    AND relnamespace = 'public'::regnamespace)"""
AWAITED = """SELECT EXISTS (SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND %s = ANY (pg_blocking_pids(pid)))"""


def new_name(version, turn):
    """A name that nobody has; with version n also one that the rule would split elsewhere, and one without a family name."""
    given = "Mary Ann" if version == NEW and turn % 4 == 0 else "Mary"  # 4 and 7: there are five acts
    return (f"Madonna-{turn}", "") if turn % 7 == 0 else (given, f"van Dyke-{turn}")


def told(act, what):
    """Does it; an error of Postgres that the application meets is the migration's failure."""
    try:
        return act()
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise  # the connection is gone: whose fault that is, is judged elsewhere
        raise Wrong(f"{what} fails.", expected="no error", got=str(error).strip()) from error


class Stage:
    """Something done once, and what went wrong with it, told to every check that asks."""

    def __init__(self, act):
        self.wrong = None
        try:
            act()
        except Wrong as wrong:
            self.wrong = wrong

    def need(self, *, but=()):
        """Raises what went wrong, `but` not if it is of a kind that another check tells."""
        if self.wrong and not isinstance(self.wrong, but):
            raise Wrong(self.wrong.why, expected=self.wrong.expected, got=self.wrong.got)


class Step(Stage):
    """The next migration, while people use these versions of the application."""

    def __init__(self, application, rollout, *versions):
        self.application, self.rollout = application, rollout
        self.requests = []
        before = application.writers()
        super().__init__(lambda: self.run(versions))
        after = application.writers()
        self.largest = max((after - before).values(), default=0)
        if UNKNOWN in after or UNKNOWN in before:
            self.largest = len(application.names)

    def run(self, versions):
        """Raises Wrong when a request failed or waited too long, or read a wrong name."""
        with contextlib.ExitStack() as stack:
            self.rollout.get_ready()
            if NEW in versions and OLD in versions:
                stack.enter_context(self.application.customer_in_hand())
            visits = self.application.visits(*versions)
            traffic = stack.enter_context(Traffic(visits, people=self.application.people))
            traffic.wait(2 * self.application.people)  # they have begun
            self.rollout.step(lambda: self.application.watch(traffic), ours=self.application.processes)
        self.requests = traffic.requests
        if failed := [request for request in self.requests if request.error]:
            why = f"{len(failed)} of {len(self.requests)} requests of the application failed while the migration ran."
            raise Refused(why, expected="every request is answered", got=failed[0].error)

    def need_small_transactions(self):
        """Raises Wrong when one transaction wrote many rows, however fast this machine is."""
        if self.largest > BATCH:
            why = "One transaction wrote too many rows: whoever wants one of them, or the table, waits until its end."
            raise Wrong(why, expected=f"at most {BATCH:,} rows in a transaction", got=f"{self.largest:,} rows")


@pytest.fixture(scope="module")
def rollout(sandbox, in_turn_on_database, answers):
    """The migrations, ready to be run one by one. One that is missing is missed only where it is needed."""
    texts = {}
    for name in ANSWERS:
        with contextlib.suppress(AnswerError):
            texts[name] = answers[name]
    with in_turn_on_database(
        lambda database, before: Rollout(sandbox, database, texts, STEPS, before=before)
    ) as rollout:
        yield rollout


@pytest.fixture(scope="module")
def database(rollout):
    """The one that the migrations run on."""
    return rollout.database


@pytest.fixture(scope="module")
def application(rollout, database):
    """The application on the lab's data, before any migration. Its data is read while the migrations' program starts."""
    with contextlib.closing(Application(database)) as application:
        yield application


@pytest.fixture(scope="module")
def expanded(rollout, application, answers):
    """After expand; version n-1 was in use meanwhile."""
    assert answers["expand"]
    step = Step(application, rollout, OLD)
    application.written.clear()  # what n-1 wrote before the new columns came is for the backfill to fill
    return step


@pytest.fixture(scope="module")
def backfilled(rollout, application, expanded, answers):
    """After backfill; both versions were in use meanwhile."""
    assert answers["backfill"]
    application.filling = True
    return Step(application, rollout, OLD, NEW)


@pytest.fixture(scope="module")
def filled(application, backfilled):
    """What the table says right after the backfill. Wrong names are told once: contract is judged from what is there."""
    stage = Stage(lambda: application.everybody("given_name", "family_name"))
    application.take_as_they_are()
    return stage


@pytest.fixture(scope="module")
def contracted(rollout, application, filled, answers):
    """After contract; only version n was in use."""
    assert answers["contract"]
    application.filling = False
    return Step(application, rollout, NEW)


@answer("expand")
@points(2)
@keeps("nobody-waits", "small-transactions")
@hint(
    "Version n-1 is the application as it runs now. Which of its statements would an old program send after your migration?",
    "Adding is safe, and taking away or renaming is not. What must a new column allow, so that an INSERT that does not name it works?",
    "If requests waited: an ALTER TABLE locks the table until its transaction ends. What else does that transaction do?",
)
def test_version_n_1_goes_on(expanded, application):
    """Version n−1 goes on reading and writing while expand runs and afterwards, and no request waits for over 200 ms."""
    expanded.need_small_transactions()
    expanded.need()
    told(lambda: use(application, OLD, OLD), "Version n-1, after expand,")


@answer("expand")
@points(2)
@keeps("both-ways", "as-n-wrote", "splitting")
@hint(
    "One version writes `full_name`, the other one `given_name` and `family_name`, in the same row. Who keeps the other columns in step?",
    "The database can change a row while it is being written, whoever writes it. How does it know which of the columns the application changed?",
    "Four cases: each version inserts, each version updates. In an UPDATE, OLD and NEW tell them apart; what tells them apart in an INSERT?",
)
def test_versions_see_each_other(expanded, application):
    """What one version writes, the other one reads at once: split by the rule, or joined with a space."""
    for writer, reader in ((OLD, NEW), (NEW, OLD), (NEW, NEW)):
        what = f"What version {writer} writes, and version {reader} reads,"
        told(lambda writer=writer, reader=reader: use(application, writer, reader), what)


def use(application, writer, reader):
    """Every kind of write by one version, read by the other; on customers of the first person's."""
    application.turn += (
        -application.turn % 140
    )  # the same kinds of names in each run, however many requests came before
    for _ in range(8):  # each of the five acts meets every kind of name: see `new_name`
        known = sorted(application.written) or application.untouched[:1]
        for act in (application.insert, application.rename, application.marry, application.go_by, application.move):
            application.turn += 1
            number = known[application.turn % len(known)]
            if act == application.rename:
                number = application.untouched[application.turn * application.people % len(application.untouched)]
            number = act(writer, 0, application.turn, number)
            application.compare(reader, 0, number)
            application.compare(reader, 0, application.move(writer, 0, application.turn, number))


@answer("backfill")
@points(2)
@keeps("everybody-filled", "nothing-overwritten", "splitting")
@hint(
    "In your own database nobody writes meanwhile; in the checks' database both versions do. Whose names does your backfill find there?",
    "Names with one word, and with four: where is the first space?",
    "If the wrong ones have 'Mary' in them: version n has written some customers already. Whose names does your backfill replace?",
)
def test_everybody_has_names(backfilled, filled):
    """After the backfill every customer has a given name and a family name, and what the applications wrote meanwhile still holds."""
    backfilled.need(but=Refused)
    filled.need()


@answer("backfill")
@points(2)
@keeps("small-transactions", "nobody-waits")
@hint(
    "A row that was changed stays locked until the transaction ends. When does yours end?",
    "Alembic runs a migration in one transaction, unless you ask for another way: see «A transaction of your own» in this lab.",
    "A loop: change some thousand rows, commit, until there are none left. How do you find the next ones?",
)
def test_batches(backfilled, note):
    """No transaction of the backfill changes more than 5,000 rows, and no request waits for over 200 ms."""
    backfilled.need_small_transactions()
    backfilled.need(but=Misread)
    note("requests", [[round(r.at, 4), round(1000 * r.seconds, 2)] for r in backfilled.requests])


@answer("contract")
@points(1)
@keeps("one-head")
@hint(
    "Each migration stands on another one. Draw them: who stands on whom?",
    "`down_revision` names the one below. What does Alembic do with `upgrade head` when two have the same one?",
)
def test_one_head(answers):
    """The three migrations form one line: expand, backfill, contract, with one head."""
    try:
        found = heads([answers[name] for name in ANSWERS])
    except NotAMigration as error:
        raise AnswerError(str(error)) from error
    if len(found) != 1:
        raise Wrong("`alembic heads` gives more (or less) than one.", expected="1 head", got=", ".join(found) or "none")


@answer("contract")
@points(2)
@keeps("only-n")
@hint(
    "What is there only because of version n-1? The column, and what else?",
    "What runs at each write, and still names the column that is gone?",
    "A rule that holds for all rows can be said in the schema: which of the two new columns may be null from now on?",
)
def test_only_version_n(contracted, application):
    """Without version n−1: `full_name` is gone, the new columns are NOT NULL, and version n goes on meanwhile and afterwards."""
    contracted.need_small_transactions()
    contracted.need()
    found = application.columns()
    if "full_name" in found:
        raise Wrong("The column full_name is still there.", expected="given_name, family_name", got=", ".join(found))
    nullable = [name for name in ("given_name", "family_name") if found.get(name) != "NOT NULL"]
    if nullable:
        raise Wrong(f"{' and '.join(nullable)} may still be null.", expected="NOT NULL", got="nullable")
    told(lambda: use(application, NEW, NEW), "Version n, after contract,")
    told(lambda: application.everybody("given_name", "family_name"), "Reading all customers")


def one_step_down(rollout, application):
    """Down by one step, where everybody has their name in both forms, and both versions get on with each other; and up again."""
    rollout.step()
    try:
        for columns in (("full_name",), ("given_name", "family_name")):
            told(lambda columns=columns: application.everybody(*columns), f"Reading {' and '.join(columns)}")
    except Wrong as wrong:
        why = f"One step down from contract, before anybody writes: {wrong.why}"
        raise Wrong(why, expected=wrong.expected, got=wrong.got) from wrong
    for writer, reader in ((OLD, NEW), (NEW, OLD)):
        try:
            told(
                lambda writer=writer, reader=reader: use(application, writer, reader),
                "A request, one step down from contract,",
            )
        except Misread as wrong:
            why = f"One step down from contract, both versions run again. {wrong.why} Does the downgrade bring the trigger back?"
            raise Wrong(why, expected=wrong.expected, got=wrong.got) from wrong
    rollout.step()


def as_it_was(application):
    """Fails where `customers` after `downgrade base` is not what it was before, and says in what."""
    found = application.columns()
    if "full_name" not in found:
        raise Wrong(
            "After `downgrade base` there is no full_name.", expected="full_name NOT NULL", got=", ".join(found)
        )
    if found["full_name"] != "NOT NULL":
        why = "After `downgrade base`, full_name may be null; it was NOT NULL."
        raise Wrong(why, expected="full_name NOT NULL", got="full_name NULL")
    if left := [name for name in ("given_name", "family_name") if name in found]:
        why = f"After `downgrade base`, there is still {' and '.join(left)}."
        raise Wrong(why, expected="only full_name", got=", ".join(("full_name", *left)))
    told(lambda: refuses_no_names(application), "What version n-1 sends, after `downgrade base`,")


def refuses_no_names(application):
    """Fails where the table takes a customer whom it refused before."""
    session = application.session(OLD, 0)
    for name in ("", " Ada Lovelace"):
        with contextlib.suppress(psycopg.errors.CheckViolation), session.transaction(force_rollback=True):
            session.execute(application.SQL[OLD, "insert"], ["check@example.org", name])
            why = f"After `downgrade base`, the CHECK of full_name is gone: a customer named '{name}' is accepted."
            raise Wrong(
                why, expected="CHECK (full_name <> '' AND full_name = btrim(full_name))", got="no such constraint"
            )


@answer("contract")
@points(2)
@keeps("there-and-back", "one-step-down")
@after("test_one_head")
@hint(
    "After `downgrade base` version n-1 runs alone again. What does it read from a row that version n wrote?",
    "A column that was dropped is gone with all that was in it. From what can it be filled again?",
    "The way up ends with three migrations undone one after the other, the last one first. Does each leave what the one below it expects?",
)
def test_there_and_back(contracted, rollout, application):
    """Down to the beginning and up again on the filled table: nobody is lost, and every name is whole."""
    contracted.need()
    one_step_down(rollout, application)
    rollout.step()
    as_it_was(application)
    told(lambda: application.everybody("full_name"), "Reading full_name after the downgrade")
    for number in application.names:
        application.names[number] = split(join(*application.names[number]))
    told(lambda: use(application, OLD, OLD), "Version n-1, after the downgrade,")
    application.keep(FEW)
    rollout.step()
    told(lambda: application.everybody("given_name", "family_name", whole=True), "Reading all after the second upgrade")
