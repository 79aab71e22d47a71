"""Checks of exactly-once-enough: what is charged is read from the database, however often an event came and whatever ended an instance."""

import itertools

import pytest

from labkit.checking.checks import Wrong, after, hint, keeps, points
from labkit.kinds.function.calls import WARM, Handler, deploy, returned, short, why
from labkit.kinds.function.meddling import Meddler
from labkit.kinds.function.outside import Outside

TABLES = ("accounts", "charges", "done")


class Bank(Meddler):
    """The accounts as others see them, and the answer's handler."""

    def __init__(self, database, handler):
        super().__init__(database, handler)
        self._numbers = itertools.count(1)
        self._accounts = itertools.cycle(range(1, 201))

    def event(self, cents=500, account=None):
        """A payment that nobody has seen yet."""
        return {"payment": f"p-{next(self._numbers):04}", "account": account or next(self._accounts), "cents": cents}

    def balance(self, account):
        """What an account has."""
        row = self.session.execute("SELECT cents::bigint FROM accounts WHERE id = %s", [account]).fetchone()
        if row is None or row[0] is None:
            raise Wrong(f"Account {account} is gone.", expected="its balance", got="nothing")
        return row[0]

    def charged(self, payment):
        """The charges of a payment: (account, cents)."""
        asked = "SELECT account::int, cents::bigint FROM charges WHERE payment = %s LIMIT 20"
        return self.session.execute(asked, [payment]).fetchall()

    def must_have_paid(self, event, before, what):
        """Raises Wrong unless the payment was charged once, and left the account once."""
        charges, took = self.charged(event["payment"]), before - self.balance(event["account"])
        if charges != [(event["account"], event["cents"])]:
            raise Wrong(
                f"{what}, and `charges` has not exactly one row of it.", expected="1 row", got=f"{len(charges)} rows"
            )
        if took != event["cents"]:
            raise Wrong(
                f"{what}, and the account paid something else.", expected=f"{event['cents']} cents", got=f"{took} cents"
            )

    def must_be_answered(self, result, event, balance, what="A payment was made"):
        """Raises Wrong unless the answer is as the task says."""
        expected = {"payment": event["payment"], "balance": balance}
        if (got := returned(result, event)) != expected:
            raise Wrong(f"{what}, and the answer is wrong.", expected=expected, got=short(got))

    def must_have_failed(self, result, event, because):
        """Raises Wrong unless the event ended with an error, and left nothing."""
        if result.ok:
            raise Wrong(
                f"{because}, and the event counts as done: nobody would ever look at it.",
                expected="an error",
                got=short(result.payload),
            )
        if rows := self.charged(event["payment"]):
            raise Wrong(
                f"{because}, the event failed, and `charges` has a row of it.",
                expected="0 rows",
                got=f"{len(rows)} rows",
            )


@pytest.fixture(scope="module")
def bank(platform, space, database, files, answers):
    """The answer, deployed with a way to the database."""
    with Outside(platform, database) as way:
        settings = way.reached_by(WARM)
        with Bank(database, Handler(deploy(space, answers["pay"], files, settings))) as bank:
            yield bank
            bank.function.remove()


@points(1)
@keeps("pays", "answer")
@hint(
    "What does April's function do for an event? Do the same first.",
    "One row in `charges`, the cents off `accounts`, and an answer with the payment and the balance after it.",
)
def test_pays(bank):
    """A payment is charged: one row in `charges`, the cents off the account, and the answer says the balance."""
    for cents in (1, 725):
        event = bank.event(cents)
        before = bank.balance(event["account"])
        (result,) = bank.handler.invoke(event)
        bank.must_be_answered(result, event, before - cents)
        bank.must_have_paid(event, before, "A payment was made")


@points(2)
@keeps("once", "same-answer")
@after("test_pays")
@hint(
    "How can a function know that it has seen a payment before? It may be another instance than the first time.",
    "The table `done` is there to remember in. What must stand in it, so that the second answer is the first one?",
)
def test_once_for_each_payment(bank):
    """An event that comes again changes nothing, and gets the answer that it got the first time."""
    event, other = bank.event(300, account=7), bank.event(50, account=7)
    before = bank.balance(7)
    bank.must_be_answered(bank.handler.invoke(event)[0], event, before - 300)
    (result,) = bank.handler.invoke(other)
    bank.must_be_answered(result, other, before - 350)
    for again in range(2):
        if again:
            bank.function.recycle()  # another instance
        (result,) = bank.handler.invoke(event)
        bank.must_have_paid(event, before - 50, "The same event came again")
        bank.must_be_answered(result, event, before - 300, "The same event came again")


@points(2)
@keeps("poison")
@after("test_pays")
@hint(
    "What should stand in the database after an event that failed? And what when it comes again, once the account is there?",
    "Whatever remembers that an event is done must be undone with it.",
)
def test_a_poisoned_event_leaves_nothing(bank):
    """A payment that cannot be made is an error each time it comes, leaves nothing, and is made once it can be."""
    event = bank.event(400, account=5000)
    for _ in range(2):
        bank.must_have_failed(bank.handler.invoke(event)[0], event, "There is no account 5000")
    bank.session.execute("INSERT INTO accounts VALUES (5000, 300)")
    bank.must_have_failed(bank.handler.invoke(event)[0], event, "The account has 300 cents, too few")
    bank.session.execute("UPDATE accounts SET cents = 1000 WHERE id = 5000")
    bank.must_be_answered(bank.handler.invoke(event)[0], event, 600)
    bank.must_have_paid(event, 1000, "The account has enough now")
    good = bank.event()
    (result,) = bank.handler.invoke(good)
    if not result.ok:
        raise Wrong(
            "After an event that failed, the same instance fails the next one, too.",
            expected="it pays",
            got=why(result),
        )


@points(3)
@keeps("killed")
@after("test_once_for_each_payment")
@hint(
    "Between which two statements may the power go? What does the database know then?",
    "What is charged and what is remembered has to become true in the same moment.",
)
def test_killed_in_the_middle(bank):
    """An instance that is killed in the middle of a payment leaves no half of it, and the payment is made when the event comes again."""
    for table in TABLES:
        event = bank.event()
        before = bank.balance(event["account"])
        with bank.locked(table):
            running = bank.begin(event)
            if bank.waits([running]):
                bank.kill()
        running.result()
        (result,) = bank.handler.invoke(event)
        what = f"The instance was killed before it wrote to `{table}`, and the event came again"
        if not result.ok:
            raise Wrong(f"{what}: it failed.", expected="it pays", got=why(result))
        bank.must_have_paid(event, before, what)
        bank.must_be_answered(result, event, before - event["cents"], what)
