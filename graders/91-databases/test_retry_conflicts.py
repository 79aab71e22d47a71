"""Checks of retry-conflicts: transfers between accounts that other programs write in the same moment."""

import contextlib
import itertools
import time

import psycopg
import pytest

from labkit.checking.checks import Wrong, hint, keeps, points
from labkit.kinds.python.calls import Callee

LEAST, MOST = 3, 20  # attempts that the task asks for
LONGEST, IN_NO_CASE = 10.0, 15.0  # seconds until it gives up: without what a busy machine took, and with it
ENOUGH = 40  # attempts after which nobody is waited for
CENTS = 1_500

# Fails transfers to one account as a conflict would, at once or at COMMIT, and counts them where no rollback reaches. It is the
# superuser's, so that an answer can take it away, which is seen, but not do as if it had met it.
OBSTACLE = """
    CREATE SCHEMA IF NOT EXISTS obstacles;
    CREATE SEQUENCE obstacles.attempts_{target};
    CREATE FUNCTION obstacles.meet_{target}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
    BEGIN
        IF nextval('obstacles.attempts_{target}') <= {times} THEN
            RAISE EXCEPTION 'this attempt meets an obstacle of the check' USING ERRCODE = '{sqlstate}';
        END IF;
        RETURN NULL;
    END $$;
    REVOKE ALL ON FUNCTION obstacles.meet_{target}() FROM PUBLIC;
    CREATE CONSTRAINT TRIGGER obstacle_{target} AFTER INSERT ON public.transfers DEFERRABLE INITIALLY {timing}
        FOR EACH ROW WHEN (NEW.target = {target}) EXECUTE FUNCTION obstacles.meet_{target}();
"""
SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"
CHECK_VIOLATION = "23514"
OTHERS = (CHECK_VIOLATION, "55P03", "40003")  # also: a lock that was not to be had, and a COMMIT of which nobody knows
FOR_EVER = 1_000_000  # attempts


class Wallet:
    """The accounts, seen by other programs: `transfer` is the answer's, everything else is ours and runs as the same role."""

    def __init__(self, callee):
        self.callee, self.database = callee, callee.database
        self.session = callee.connect(prepare_threshold=None)
        self._admin = self.database.admin()
        self.untouched = itertools.count(1)  # accounts that no check has used

    def close(self):
        """Ends its sessions."""
        self.session.close()
        self._admin.close()

    def pair(self):
        """Two accounts of a check's own."""
        return next(self.untouched), next(self.untouched)

    def transfer(self, source, target, cents=CENTS):
        """Begins a transfer."""
        return self.callee.call("transfer", source, target, cents)

    def cents(self, *accounts):
        """What is in these accounts, as everybody sees it."""
        asked = "SELECT id::int, cents::bigint FROM accounts WHERE id = ANY (%s) LIMIT 10"
        found = dict(self.session.execute(asked, [list(accounts)]).fetchall())
        if gone := [account for account in accounts if found.get(account) is None]:
            raise Wrong(f"Account {gone[0]} is gone, or has no balance.", expected="its balance", got="nothing")
        return [found[account] for account in accounts]

    def noted(self, source, target):
        """The transfers from one account to the other."""
        asked = "SELECT cents::bigint FROM transfers WHERE (source, target) = (%s, %s) LIMIT 50"
        return [cents for (cents,) in self.session.execute(asked, [source, target])]

    @contextlib.contextmanager
    def somebody(self, lock_timeout="10s"):
        """Another program's session, in a transaction."""
        with self.callee.connect(autocommit=False, prepare_threshold=None) as session:
            session.execute(f"SET LOCAL lock_timeout = '{lock_timeout}'")
            yield session
            session.rollback()

    def add(self, session, account, cents):
        """Another program changes an account, and does not commit yet."""
        session.execute("UPDATE accounts SET cents = cents + %s WHERE id = %s", [cents, account])

    def obstruct(self, target, times, sqlstate=SERIALIZATION_FAILURE, timing="IMMEDIATE"):
        """The first so many transfers to an account fail."""
        self._admin.execute(OBSTACLE.format(target=target, times=times, sqlstate=sqlstate, timing=timing))

    def attempts(self, target):
        """How many transfers to an obstructed account were tried."""
        asked = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM obstacles.attempts_{target}"
        return self._admin.execute(asked).fetchone()[0]

    def must_have_moved(self, before, source, target, added=(0, 0)):
        """Raises Wrong unless the money moved once, and what others `added` meanwhile is still there."""
        moved = {"source": before[0] - CENTS, "target": before[1] + CENTS}
        now = self.cents(source, target)
        if not self.noted(source, target) and all(
            have == was + more for have, was, more in zip(now, before, added, strict=True)
        ):
            why = "When the function has returned, others see nothing of the transfer. Was it committed?"
            raise Wrong(why, expected=f"{CENTS:,} cents moved", got="both balances as before")
        for (name, want), more, got in zip(moved.items(), added, now, strict=True):
            if got == want + more:
                continue
            why = f"The account {name} has the wrong balance."
            if got == want:
                why = (
                    f"Another program added {more:,} cents to the account {name} in the same moment, and they are gone."
                )
            raise Wrong(why, expected=f"{want + more:,} cents", got=f"{got:,} cents")
        if (noted := self.noted(source, target)) != [CENTS]:
            got = ", ".join(f"{cents:,} cents" for cents in noted) or "no row"
            raise Wrong("The table transfers must have one row of it.", expected=f"one row: {CENTS:,} cents", got=got)

    def must_have_tried(self, target, least=LEAST):
        """Raises Wrong unless it took as many attempts as it must."""
        if (attempts := self.attempts(target)) < least:
            why = "The transfer was done, and not by attempts that met the conflict."
            raise Wrong(why, expected=f"{least} attempts", got=f"{attempts} attempts")


def returned(call):
    """Raises Wrong when the function raised an error."""
    outcome = call.outcome()
    if outcome.error:
        raise Wrong(
            "The function raised an error; the transfer could have been done.", expected="it returns", got=outcome.error
        )


@pytest.fixture(scope="module")
def wallet(sandbox, in_turn_on_database, answers):
    """The accounts, and the answer's function."""
    text = answers["transfer"]
    with (
        in_turn_on_database(lambda database, before: Callee(sandbox, database, text, before=before)) as callee,
        contextlib.closing(Wallet(callee)) as wallet,
    ):
        yield wallet


@points(1)
@keeps("all-or-nothing")
@hint(
    "What ends a transaction of psycopg, so that others see what it wrote?",
    "Three statements: one takes, one gives, one notes. `with connection.transaction():` commits at its end.",
)
def test_moves_the_money(wallet):
    """The cents leave one account and arrive in the other, `transfers` has one row of it, and all is committed."""
    for source, target in (wallet.pair(), wallet.pair()[::-1]):
        before = wallet.cents(source, target)
        returned(wallet.transfer(source, target))
        wallet.must_have_moved(before, source, target)


@points(2)
@keeps("nothing-lost", "all-or-nothing")
@hint(
    "Between the moment you read a balance and the moment you write it, another program may have written. What does your statement write then?",
    "Either the database computes the new balance (`cents = cents + …`), or the row is locked before it is read (`FOR UPDATE`), or the whole "
    "transaction fails and is tried again (`SERIALIZABLE`).",
)
def test_nobody_elses_money_is_lost(wallet):
    """What another program writes to the same account in the same moment is still there afterwards, and it sees all of the transfer or nothing."""
    for at in (0, 1):
        pair = wallet.pair()
        before = wallet.cents(*pair)
        with wallet.somebody() as salary:
            wallet.add(salary, pair[at], 7_000)
            call = wallet.transfer(*pair)
            if wallet.callee.waits_for(salary) and (wallet.cents(*pair) != before or wallet.noted(*pair)):
                why = (
                    "While the transfer waits for one account, others see a part of it already. Is it one transaction?"
                )
                raise Wrong(why, expected="all of it or nothing", got="a part of it")
            salary.commit()
            returned(call)
        wallet.must_have_moved(before, *pair, added=[7_000 * (1 - at), 7_000 * at])


@points(2)
@keeps("tried-again")
@hint(
    "SQLSTATE 40001 and 40P01 say: nothing is wrong with this transaction, run it again. Where does your function catch them?",
    "After an error the transaction is over. What has to happen before the first statement of the next attempt?",
    "A loop around the whole transaction: each turn begins with a new one, and a turn that went well leaves the loop.",
)
def test_starts_over(wallet):
    """A transfer that meets conflicts (SQLSTATE 40001, 40P01) is tried again, and is done exactly once."""
    for sqlstate in (SERIALIZATION_FAILURE, DEADLOCK):
        source, target = wallet.pair()
        wallet.obstruct(target, LEAST - 1, sqlstate)
        before = wallet.cents(source, target)
        returned(wallet.transfer(source, target))
        wallet.must_have_moved(before, source, target)
        wallet.must_have_tried(target)


@points(1)
@keeps("other-errors")
@hint(
    "Which errors does your `except` catch? An account with too little money is no conflict: it has too little money the next time, too.",
    "CHECK (cents >= 0) raises psycopg.errors.CheckViolation. Let it through.",
)
def test_not_enough_money(wallet):
    """With too little money, or any other error that is no conflict, the error reaches the caller at once, and nothing has changed."""
    source, target = wallet.pair()
    before = wallet.cents(source, target)
    outcome = wallet.transfer(source, target, before[0] + 1).outcome()
    unchanged(wallet, before, source, target, outcome)
    for sqlstate in OTHERS:
        source, target = wallet.pair()
        before = wallet.cents(source, target)
        wallet.obstruct(target, FOR_EVER, sqlstate)
        outcome = wallet.transfer(source, target).outcome(lambda target=target: stop_after(wallet, target))
        if (attempts := tried(wallet, target, outcome)) > 1:
            why = f"An error that is no conflict was tried again: SQLSTATE {sqlstate}."
            raise Wrong(why, expected="1 attempt", got=f"{attempts} attempts")
        unchanged(wallet, before, source, target, outcome)
        if outcome.sqlstate != sqlstate and sqlstate != CHECK_VIOLATION:  # which may be told in other words
            raise Wrong(
                "The caller does not hear what happened.",
                expected=f"the error with SQLSTATE {sqlstate}",
                got=outcome.error,
            )


@points(2)
@keeps("gives-up")
@hint(
    "What does your loop do after its last turn? Whoever called must hear that the transfer was not done.",
    "`raise` alone, in an `except` block, raises the same error again.",
)
def test_gives_up(wallet):
    """When every attempt meets a conflict, the function gives up after 3 to 20 attempts with Postgres' own error, and nothing has changed."""
    for sqlstate in (SERIALIZATION_FAILURE, DEADLOCK):
        must_give_up(wallet, sqlstate)


def must_give_up(wallet, sqlstate, timing="IMMEDIATE"):
    """Raises Wrong when a transfer that always meets conflicts does not end as it must. Returns what came of it."""
    source, target = wallet.pair()
    wallet.obstruct(target, FOR_EVER, sqlstate, timing)
    before = wallet.cents(source, target)
    stopwatch = Stopwatch(lambda: stop_after(wallet, target))
    outcome = wallet.transfer(source, target).outcome(stopwatch.look)
    seconds, whole = stopwatch.seconds()
    attempts = tried(wallet, target, outcome)
    if not LEAST <= attempts <= MOST:
        raise Wrong(
            "It does not give up when it should.", expected=f"{LEAST} to {MOST} attempts", got=f"{attempts} attempts"
        )
    if seconds > LONGEST or whole > IN_NO_CASE:
        why = "It waits so long between its attempts that nobody is there any more to hear the answer."
        raise Wrong(why, expected=f"at most {LONGEST:g} s", got=f"{whole:.0f} s for {attempts} attempts")
    if outcome.sqlstate != sqlstate:
        got = outcome.error or "it returned"
        raise Wrong(
            "The caller does not hear of the conflict.", expected=f"the error with SQLSTATE {sqlstate}", got=got
        )
    unchanged(wallet, before, source, target, outcome)
    return outcome


def tried(wallet, target, outcome):
    """How often a transfer to an obstructed account was tried. Raises Wrong when it came to none."""
    attempts = wallet.attempts(target)
    if not attempts:
        got = outcome.error or "it returned"
        raise Wrong("No attempt came to write its row into transfers.", expected="at least 1 attempt", got=got)
    return attempts


class Stopwatch:
    """How long a call took, without what our own looks at it lost: on a busy machine they take longer than the quickest one."""

    def __init__(self, look):
        self._look, self._begun = look, time.monotonic()
        self._quickest, self._lost = float("inf"), 0.0

    def look(self):
        """One look."""
        begun = time.monotonic()
        self._look()
        took = time.monotonic() - begun
        self._quickest = min(self._quickest, took)
        self._lost += took - self._quickest

    def seconds(self):
        """Since it was made: without what was lost, and in all."""
        whole = time.monotonic() - self._begun
        return whole - self._lost, whole


def stop_after(wallet, target):
    """Raises Wrong when there were too many attempts."""
    if (attempts := wallet.attempts(target)) >= ENOUGH:
        raise Wrong(
            "It tries again and again.", expected=f"at most {MOST} attempts", got=f"{attempts} attempts, and no end"
        )


def unchanged(wallet, before, source, target, outcome):
    """Raises Wrong when a transfer that failed left something, or was not told to have failed."""
    if not outcome.error:
        raise Wrong(
            "The transfer was not done, and the function returned as if it were.",
            expected="an error",
            got="it returned",
        )
    if (found := wallet.cents(source, target)) != before:
        raise Wrong(
            "The transfer failed, and a part of it was done.",
            expected=f"{before[0]:,} and {before[1]:,} cents, as before",
            got=f"{found[0]:,} and {found[1]:,} cents",
        )
    if noted := wallet.noted(source, target):
        raise Wrong("The transfer failed, and transfers has a row of it.", expected="no row", got=f"{len(noted)} rows")
