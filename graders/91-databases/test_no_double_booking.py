"""Checks of no-double-booking: no night of a flat is taken twice, and nobody who fits is sent away."""

import contextlib
import re
import secrets
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import IsolationLevel

from labkit.checking.checks import AnswerError, Wrong, hint, keeps, points
from labkit.kinds.sql.answers import run, words
from labkit.kinds.sql.sessions import Sessions

ROWS = "SELECT id, flat_id, guest, arrives, leaves, status, note FROM bookings ORDER BY id"
BOOK = "INSERT INTO bookings (flat_id, guest, arrives, leaves) VALUES (%s, %s, %s, %s) RETURNING id"
BOOK_AS = "INSERT INTO bookings (flat_id, guest, arrives, leaves, status) VALUES (%s, %s, %s, %s, %s) RETURNING id"
COLUMNS = ("id", "flat_id", "guest", "arrives", "leaves", "status", "note")
NAMES = ("Ada", "Ben", "Chi", "Dora", "Emre")
ALIKE = 24  # times: by tossing a coin, all alike once in 8 million
LOOK = "SELECT count(*) FROM bookings WHERE flat_id = %s AND status <> 'cancelled'"
LIVE = """
    SELECT flat_id, arrives::text, leaves::text FROM bookings
    WHERE status <> 'cancelled' AND leaves - arrives > 3 AND flat_id <= 17 ORDER BY id LIMIT 1 OFFSET 500
"""


@dataclass
class Reply:
    """What the database said to an INSERT or UPDATE with RETURNING. `late`: it would only have refused at COMMIT."""

    accepted: bool
    error: str = ""
    late: bool = False

    @property
    def text(self) -> str:
        """For the learner."""
        return self.error or ("accepted" if self.accepted else "no error, and no row")


class Guests:
    """What guests do, one after the other, in one transaction that is rolled back at its end."""

    def __init__(self, connection):
        self.connection = connection
        self.name = f"{secrets.choice(NAMES)} {secrets.token_hex(4)}"  # an answer cannot know who asks for the check

    def book(self, flat, arrives, leaves, status=None):
        """A guest books; without a status it is the application's own INSERT."""
        booking = (flat, self.name, arrives, leaves)
        return self.ask(BOOK_AS, (*booking, status)) if status else self.ask(BOOK, booking)

    def change(self, what, *params):
        """A booking is changed, e.g. `change("leaves = %s WHERE guest = %s", …)`."""
        return self.ask(f"UPDATE bookings SET {what} RETURNING id", params)

    def try_out(self, flat, arrives, leaves):
        """What a guest would be told; the booking does not stay."""
        with self.connection.transaction(force_rollback=True):
            return self.book(flat, arrives, leaves)

    def ask(self, statement, params):
        """A refused statement leaves the transaction usable."""
        reply = Reply(accepted=False)
        try:
            with self.connection.transaction():
                reply.accepted = bool(self.connection.execute(statement, params).fetchall())
                reply.late = True
                self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                reply.late = False
        except psycopg.Error as error:
            reply.accepted, reply.error = False, words(error)
        return reply


@contextlib.contextmanager
def guests(database):
    """Guests whose bookings are gone afterwards."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        yield Guests(connection)


def refused(reply, booking):
    """Fails unless the database refused, with an error."""
    if reply.accepted:
        raise Wrong(f"{booking} got in.", expected="refused with an error", got="accepted")
    if not reply.error:
        why = f"{booking} got no row, but no error either: the guest believes that it stands. Raise an error."
        raise Wrong(why, expected="refused with an error", got=reply.text)


def accepted(reply, booking):
    """Fails unless the database took it."""
    if not reply.accepted:
        raise Wrong(f"{booking} was sent away, though it fits.", expected="accepted", got=reply.text)


@pytest.fixture(scope="module")
def before(database):
    """All bookings, before the answer touches anything."""
    with database.connect() as connection:
        return connection.execute(ROWS).fetchall()


@pytest.fixture(scope="module")
def live(database):
    """A stay of four nights or more: flat, first day, last day (both as text)."""
    with database.connect() as connection:
        return connection.execute(LIVE).fetchone()


@pytest.fixture(scope="module")
def protected(before, live, database, answers):
    """The database after the answer."""
    try:
        run(database, answers["protection"])
    except AnswerError as error:
        if isinstance(error.__cause__, psycopg.errors.ExclusionViolation | psycopg.errors.UniqueViolation):
            said = error.__cause__.diag.message_detail or ""
            raise AnswerError(
                f"Bookings that are there already break this rule, so Postgres refuses it. {pair_in(said, before) or said}"
            ) from error
        raise
    decides_alike(database)
    return database


def decides_alike(database):
    """Fails where one and the same booking, undone each time, is now taken and now refused: no check could believe what it sees."""
    with guests(database) as they:
        for what, nights in (("fits", ("2035-01-01", "2035-01-08")), ("overlaps", ("2024-12-01", "2027-06-01"))):
            replies = [they.try_out(5, *nights) for _ in range(ALIKE)]
            taken = sum(reply.accepted for reply in replies)
            if 0 < taken < ALIKE:
                raise AnswerError(
                    f"The same booking of flat 5, which {what}, was made {ALIKE} times and undone each time: it was taken {taken} times "
                    f"and refused {ALIKE - taken} times. Whether it gets in must follow from the bookings alone."
                )


def pair_in(said, before):
    """The two bookings that a refused constraint is about, in words, and why the task lets both be; nothing where they are not found."""
    days = re.findall(r"\[\D?(\d{4}-\d\d-\d\d)", said)
    flat = re.search(r"\((\d+), |, (\d+)\)", said)
    if len(days) != 2 or not flat:
        return ""
    first, second = (
        [row for row in before if f"{row[3]}" == day and row[1] == int(flat[1] or flat[2])] for day in days
    )
    pair = next(((one, two) for one in first for two in second if one[0] < two[0] or one[3] != two[3]), None)
    if not pair:
        return ""
    named = " and ".join(f"booking {row[0]} ({row[3]} to {row[4] or 'further notice'}, {row[5]})" for row in pair)
    if "cancelled" in (pair[0][5], pair[1][5]):
        return f"In flat {pair[0][1]}: {named}. A cancelled booking takes no night, so both may stay."
    if pair[0][4] == pair[1][3] or pair[1][4] == pair[0][3]:
        return f"In flat {pair[0][1]}: {named}. One leaves on the day the other arrives, so both fit."
    return f"In flat {pair[0][1]}: {named}."


@points(2)
@keeps("all-stay", "same-statements", "at-once", "not-cancelled")
@hint(
    "Which bookings of the table may lie over each other, today? SELECT status, note, count(*) FROM bookings GROUP BY 1, 2 tells.",
    "A UNIQUE constraint refuses what is equal. You need one that refuses what *overlaps*, for the same flat. "
    "The table of operators in this lab has a row for each of the two.",
    "A constraint may be about an expression of columns, in round brackets, and about a part of the rows, with WHERE.",
)
def test_protects_what_is_there(protected, before, live, untouched):
    """Every booking that was there is still there, unchanged, and no new one can take its nights."""
    compare(protected, before)
    untouched(protected, "flats")
    flat, arrives, leaves = live
    with guests(protected) as they, protected.connect() as connection:
        day = connection.execute("SELECT %s::date + 1, %s::date + 2", (arrives, arrives)).fetchone()
        reply = they.book(flat, *day)
        if reply.late:
            why = "The INSERT went through, and the refusal would come with the COMMIT: by then the card is charged."
            raise Wrong(why, expected="the INSERT is refused", got=f"at COMMIT: {reply.error}")
        refused(reply, f"A night in the middle of the stay in flat {flat} from {arrives} to {leaves}")
        refused(they.book(flat, arrives, leaves), f"A second stay in flat {flat} from {arrives} to {leaves}")
        refused(they.book(flat, "2024-12-01", "2027-06-01"), f"A stay around all stays in flat {flat}")
        accepted(they.book(flat, "2033-01-01", "2033-01-08"), f"A stay in flat {flat} in 2033, where nobody is,")


def compare(database, before):
    """Fails when a booking is missing, changed, or cannot be read any more as the application reads it."""
    try:
        with database.connect() as connection:
            after = connection.execute(ROWS).fetchall()
    except psycopg.errors.UndefinedColumn as error:
        raise Wrong(
            "The application cannot read its bookings any more.", expected="all columns", got=words(error)
        ) from error
    lost = len({row[0] for row in before} - {row[0] for row in after})
    if lost:
        why = f"{lost:,} bookings are gone, cancelled ones for example: the accounts need them. Leave them, and make an exception for them."
        raise Wrong(why, expected=f"{len(before):,} bookings", got=f"{len(after):,} bookings")
    changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    if changed or len(after) != len(before):
        old, new = changed[0] if changed else ("no more bookings", after[-1])
        if len(old) == len(new) == len(COLUMNS):
            name, was, now = next((n, a, b) for n, a, b in zip(COLUMNS, old, new, strict=True) if a != b)
            why = f"Booking {old[0]} was changed: its {name} is another one."
            raise Wrong(why, expected="NULL" if was is None else was, got="NULL" if now is None else now)
        raise Wrong("There are more bookings than before.", expected=f"{len(before):,}", got=f"{len(after):,}")


@points(1)
@keeps("half-open")
@hint(
    "A guest leaves on Saturday morning, the next one arrives on Saturday afternoon. Does their night overlap?",
    "A range has two bounds; each may belong to it, `[` or `]`, or not, `(` or `)`. Which pair fits nights?",
)
def test_lets_the_next_guest_in(protected):
    """A guest may arrive on the day on which another one leaves, and not a night earlier."""
    with guests(protected) as they:
        accepted(they.book(5, "2030-01-10", "2030-01-17"), "A stay in flat 5 from 2030-01-10 to 2030-01-17")
        refused(they.book(5, "2030-01-16", "2030-01-20"), "Beside it, a stay from 2030-01-16 to 2030-01-20")
        refused(they.book(5, "2030-01-08", "2030-01-11"), "Beside it, a stay from 2030-01-08 to 2030-01-11")
        accepted(they.book(5, "2030-01-17", "2030-01-20"), "Beside it, a stay from 2030-01-17 to 2030-01-20")
        accepted(they.book(5, "2030-01-08", "2030-01-10"), "Beside it, a stay from 2030-01-08 to 2030-01-10")
        accepted(they.book(6, "2030-01-10", "2030-01-17"), "A stay of the same nights in flat 6")


@points(1)
@keeps("not-cancelled")
@hint(
    "There are three statuses. Which of them take nights, and which do not?",
    "Say it as the task says it: every booking counts that is *not* cancelled.",
)
def test_cancelled_bookings_take_no_nights(protected):
    """Cancelled bookings take no nights; held and confirmed ones do."""
    with guests(protected) as they:
        accepted(they.book(5, "2030-02-01", "2030-02-08", "cancelled"), "A cancelled booking")
        accepted(they.book(5, "2030-02-01", "2030-02-08", "held"), "A held booking over a cancelled one")
        accepted(they.book(5, "2030-02-02", "2030-02-09", "cancelled"), "A cancelled booking over a held one")
        refused(they.book(5, "2030-02-02", "2030-02-09", "confirmed"), "A confirmed booking over a held one")
        accepted(they.book(5, "2030-02-11", "2030-02-18", "confirmed"), "A confirmed booking")
        refused(they.book(5, "2030-02-12", "2030-02-14", "held"), "A held booking over a confirmed one")


@points(2)
@keeps("same-moment", "repeatable-read")
@hint(
    "What does a SELECT see of a row that another session has inserted, but not committed?",
    "A constraint waits for the other session's end. If you look for overlaps yourself, who makes the second one wait?",
    "If you wrote a trigger: at REPEATABLE READ it looks with the snapshot from before it waited for the lock, and sees nothing of what the "
    "other session has committed. Only a *change* of the same row is noticed then, or a constraint.",
)
def test_two_in_the_same_moment(protected):
    """Of two bookings made in the same moment one gets in, also at REPEATABLE READ; when the first one gives up, the second one gets in."""
    second = same_moment(
        protected, (BOOK, (5, "Ann", "2031-03-01", "2031-03-08")), (BOOK, (5, "Ben", "2031-03-07", "2031-03-14"))
    )
    refused(second, "A booking that began while the first one was not yet committed")
    second = same_moment(
        protected,
        (BOOK, (5, "Ann", "2031-04-01", "2031-04-08")),
        (BOOK, (5, "Ben", "2031-04-07", "2031-04-14")),
        first_commits=False,
    )
    accepted(second, "A booking whose only rival was rolled back")
    second = same_moment(
        protected,
        (BOOK, (5, "Ann", "2031-05-01", "2031-05-08")),
        (BOOK, (5, "Ben", "2031-05-07", "2031-05-14")),
        level=IsolationLevel.REPEATABLE_READ,
    )
    refused(second, "At REPEATABLE READ, a booking that began while the first one was not yet committed")


@points(1)
@keeps("open-end", "day-visit")
@hint(
    "What is the upper bound of daterange('2027-08-01', NULL)? And what does `isempty` say of a range from a day to the same day?",
    "If you compare dates by yourself: what does NULL make of every comparison?",
)
def test_stays_without_end_and_day_visits(protected):
    """A stay without an end takes all nights from its first on; a day visit takes none."""
    with guests(protected) as they:
        accepted(they.book(5, "2034-01-01", None), "A stay without an end")
        refused(they.book(5, "2039-01-01", "2039-01-08"), "A stay five years after the beginning of one without an end")
        accepted(they.book(5, "2033-12-01", "2034-01-01"), "A stay before one without an end")
        accepted(they.book(6, "2032-06-10", "2032-06-10"), "A day visit")
        accepted(they.book(6, "2032-06-05", "2032-06-15"), "A stay over a day visit")


@points(1)
@keeps("other-flats")
@hint("What does your protection lock: the table, or something that belongs to one flat?")
def test_other_flats_do_not_wait(protected):
    """While one flat is being booked, nobody who books another flat has to wait."""
    others_go_on(protected, 4, [8])


def others_go_on(database, flat, others):
    """Fails when a booking of another flat waits for one of `flat` that is not yet committed."""
    with Sessions(database) as sessions:
        first, hurried = sessions.open(), sessions.open(autocommit=True)
        accepted(reply_to(first.do(BOOK, (flat, "takes long", "2031-06-10", "2031-06-17"))), "The first booking")
        for other in others:
            hurried.do(BOOK, (other, "in a hurry", "2031-06-10", "2031-06-17"))
            if hurried.waits:
                why = f"A booking of flat {other} waits for one of flat {flat} that is not committed yet."
                raise Wrong(why, expected="it does not wait", got="it waits for a lock")
            accepted(reply_to(hurried), f"A booking of flat {other}")
        first.commit()


def same_moment(database, first, second, *, first_commits=True, level=IsolationLevel.READ_COMMITTED):
    """The first statement is done and not committed when the second one starts; then both end. What the second was told.

    Both have looked before, as the application does: from then on, a transaction at REPEATABLE READ sees nothing new.
    """
    with Sessions(database) as sessions:
        one, two = sessions.open(), sessions.open()
        for session in (one, two):
            session.connection.isolation_level = level
            session.do(LOOK, (first[1][0] if isinstance(first[1][0], int) else 10,))
        accepted(reply_to(one.do(*first)), "The first of two")
        two.do(*second)
        one.commit() if first_commits else one.rollback()
        said = reply_to(two)
        two.commit()
        if error := one.outcome().error:
            raise Wrong("The first of two was sent away when it ended.", expected="accepted", got=words(error))
        return said


def reply_to(session):
    """What a session was told, once it need not wait any more."""
    outcome = session.outcome()
    return Reply(bool(outcome.rows), words(outcome.error) if outcome.error else "")
