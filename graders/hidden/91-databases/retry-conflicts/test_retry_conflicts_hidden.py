"""Hidden checks of retry-conflicts: a real deadlock, a conflict at COMMIT, money that arrives between two attempts, what is left open."""

from contextlib import suppress

import psycopg
from psycopg import sql
from test_retry_conflicts import DEADLOCK, LEAST, SERIALIZATION_FAILURE, must_give_up, returned, wallet

from labkit.checking.checks import Wrong, keeps, points, review
from labkit.kinds.sql.sessions import Sessions

NEVER = 600_000  # milliseconds
# Milliseconds after which the answer's session looks for a deadlock, once: it must be there by then, however busy the machine is.
TRIES = (40, 80, 160, 320, 640)


@points(2)
@keeps("tried-again", "nothing-lost")
@review("Which error says that two transactions wait for each other, and what the one that Postgres ends has to do.")
def test_deadlock(wallet):
    """A transfer that Postgres ends because it and another program wait for each other is done all the same."""
    for first in (1, 0):  # nobody knows which account the answer locks first
        if not any(has_met(wallet, first, milliseconds) for milliseconds in TRIES):
            why = "The other program still waited for a lock of the transfer, when Postgres had ended that for a deadlock."
            raise Wrong(why, expected="the transfer gives up all its locks, and starts over", got="it kept some")


def has_met(wallet, first, milliseconds):
    """Lets a transfer and another program meet, which has locked one of the accounts. Returns whether that came to its end."""
    pair = wallet.pair()
    before = wallet.cents(*pair)
    patience(wallet, NEVER)  # of the other one's session: it is never the one that is ended
    with wallet.somebody(lock_timeout=f"{milliseconds + 300}ms") as interest:
        patience(wallet, milliseconds)
        wallet.callee.begin_session()
        wallet.add(interest, pair[first], 11)
        call = wallet.transfer(*pair)
        both = wallet.callee.waits_for(interest) and crossed(wallet, interest, pair[1 - first])
        if both is None:
            interest.rollback()
            call.outcome()
            return False
        interest.commit()
        returned(call)
    wallet.must_have_moved(before, *pair, added=[11 if both or at == first else 0 for at in (0, 1)])
    return True


def patience(wallet, milliseconds):
    """How long the next sessions of the role wait for a lock until they look for a deadlock."""
    role = sql.Identifier(wallet.database.role)
    with wallet.database.admin() as admin:
        admin.execute("SET lock_timeout = '3s'")  # an answer may hold its role
        admin.execute(sql.SQL("ALTER ROLE {} SET deadlock_timeout = {}").format(role, milliseconds))


def crossed(wallet, interest, account):
    """Lets the other program ask for the account that the transfer may hold. Returns whether it does, or None when the deadlock did not end."""
    with suppress(psycopg.errors.LockNotAvailable), interest.transaction():
        interest.execute("SELECT FROM accounts WHERE id = %s FOR NO KEY UPDATE NOWAIT", [account])
        return False
    with suppress(psycopg.errors.LockNotAvailable), interest.transaction():
        wallet.add(interest, account, 11)
        return True
    return None


@points(2)
@keeps("tried-again", "gives-up")
@review("At which statements Postgres may say that transactions are in conflict. What is the last one?")
def test_conflict_at_commit(wallet):
    """A conflict that Postgres tells at COMMIT is met as any other one."""
    for sqlstate in (SERIALIZATION_FAILURE, DEADLOCK):
        source, target = wallet.pair()
        wallet.obstruct(target, LEAST - 1, sqlstate, timing="DEFERRED")
        before = wallet.cents(source, target)
        returned(wallet.transfer(source, target))
        wallet.must_have_moved(before, source, target)
        wallet.must_have_tried(target)
    must_give_up(wallet, SERIALIZATION_FAILURE, timing="DEFERRED")


@points(2)
@keeps("nothing-lost")
@review("What an attempt may use of the attempt before it.")
def test_reads_anew(wallet):
    """Each attempt begins with what the database then holds: money that arrives between two attempts is not lost."""
    for at in (0, 1):
        # The account of the salary has the lower number: many lock it first.
        source, target = pair = wallet.pair()[::-1] if at else wallet.pair()
        wallet.obstruct(target, 1)
        before = wallet.cents(*pair)
        with Sessions(wallet.database) as sessions:
            first, salary = sessions.open(), sessions.open()
            first.do("SELECT FROM accounts WHERE id = %s FOR UPDATE", [pair[1 - at]])
            call = wallet.transfer(*pair)
            wallet.callee.waits_for(first.connection)
            # It is the next in the queue, if the account is locked.
            salary.do("UPDATE accounts SET cents = cents + 7000 WHERE id = %s", [pair[at]])
            first.commit()
            salary.commit()
            returned(call)
        wallet.must_have_moved(before, source, target, added=[7_000 * (1 - at), 7_000 * at])
        wallet.must_have_tried(target, least=2)


@points(1)
@keeps("none-open")
@review("How a transaction ends, on every way out of the function.")
def test_leaves_no_transaction_open(wallet, untouched):
    """However the function ends, it leaves no transaction open."""
    source, target = wallet.pair()
    before = wallet.cents(source, target)
    must_have_ended(wallet.transfer(source, target).outcome(), "it went well")
    wallet.must_have_moved(before, source, target)
    must_have_ended(wallet.transfer(source, target, 100_000_000).outcome(), "there was not enough money")
    must_have_ended(must_give_up(wallet, SERIALIZATION_FAILURE), "it gave up")
    untouched(wallet.database, "accounts.owner")


def must_have_ended(outcome, what):
    """Raises Wrong when the function left its transaction open."""
    if outcome.left_open:
        why = f"The function has ended, and its transaction has not: {what}."
        raise Wrong(why, expected="no open transaction", got="a session that is idle in a transaction")
