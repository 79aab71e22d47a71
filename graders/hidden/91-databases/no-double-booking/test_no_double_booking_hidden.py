"""Hidden checks of no-double-booking: other data, eight bookers, changes, stays without end, other flats."""

from psycopg import IsolationLevel
from test_no_double_booking import (
    BOOK,
    BOOK_AS,
    accepted,
    before,
    compare,
    guests,
    live,
    others_go_on,
    protected,
    refused,
    reply_to,
    same_moment,
)

from labkit.checking.checks import after, keeps, points, review
from labkit.kinds.sql.sessions import Sessions

MOVE = "UPDATE bookings SET arrives = %s, leaves = %s WHERE guest = %s RETURNING id"
RIVALS = [("2031-05-10", "2031-05-17"), ("2031-05-12", "2031-05-14"), ("2031-05-16", "2031-05-17")]
FITTING = [
    (BOOK, (4, "arrives when she leaves", "2031-05-17", "2031-05-20")),
    (BOOK, (4, "leaves when she arrives", "2031-05-05", "2031-05-10")),
    (BOOK_AS, (4, "has cancelled", "2031-05-12", "2031-05-14", "cancelled")),
    (BOOK, (9, "another flat", "2031-05-10", "2031-05-17")),
]


@points(1)
@keeps("all-stay", "half-open")
@review("Which bookings may overlap: of other flats, cancelled, on the day of change.")
def test_protects_other_data(protected, before, live):
    """The protection fits data that it has not seen: all of it stays, and its nights are safe."""
    compare(protected, before)
    with guests(protected) as they:
        refused(they.book(*live), "A stay of nights that are taken")
        refused(they.book(3, "2028-05-08", "2028-05-09"), "A stay of one night that is held")
        accepted(they.book(3, "2028-05-20", "2028-05-21"), "A stay of one night after the last guest")


@points(1)
@keeps("same-moment", "half-open")
@review("What a session sees of another one's uncommitted rows, and what makes it wait.")
def test_eight_bookers(protected):
    """Of eight bookers in the same moment all get in who fit, and nobody else."""
    with Sessions(protected) as sessions:
        first = sessions.open()
        accepted(reply_to(first.do(BOOK, (4, "the first", "2031-05-10", "2031-05-17"))), "The first booking")
        late = [sessions.open(autocommit=True).do(BOOK, (4, "too late", *nights)) for nights in RIVALS]
        fitting = [sessions.open(autocommit=True).do(*booking) for booking in FITTING]
        first.commit()
        for session in late:
            refused(reply_to(session), "A booking that overlaps the first one")
        for session in fitting:
            accepted(reply_to(session), "A booking that fits")


@points(1)
@keeps("other-flats")
@after("test_other_flats_do_not_wait")
@review("What a lock should be taken on: the table, a handful of locks for all flats, or the flat that is booked.")
def test_no_other_flat_waits(protected):
    """While one flat is being booked, nobody who books any of the other nineteen has to wait."""
    others_go_on(protected, 4, [flat for flat in range(1, 18) if flat != 4])


@points(1)
@keeps("changes-too", "not-cancelled")
@review("Everything that can make two bookings overlap: not only an INSERT.")
def test_changes_are_guarded(protected):
    """A change of dates, flat or status is refused when it takes a night twice, and goes through when it does not."""
    with guests(protected) as they:
        for flat, arrives, leaves in (
            (5, "2032-01-10", "2032-01-17"),
            (5, "2032-01-20", "2032-01-25"),
            (6, "2032-01-12", "2032-01-14"),
        ):
            accepted(they.book(flat, arrives, leaves), "A booking")
        accepted(they.book(5, "2032-01-12", "2032-01-14", "cancelled"), "A cancelled booking")
        of = f"WHERE guest = '{they.name}' AND"
        refused(they.change(f"arrives = '2032-01-15' {of} arrives = '2032-01-20'"), "A change of dates")
        refused(they.change(f"flat_id = 5 {of} flat_id = 6"), "A move into a flat that is taken")
        refused(they.change(f"status = 'confirmed' {of} status = 'cancelled'"), "A cancelled booking that comes back")
        accepted(they.change(f"leaves = '2032-01-20' {of} arrives = '2032-01-10'"), "A longer stay in a free flat")
        accepted(they.change(f"note = 'late' {of} arrives = '2032-01-10'"), "A note on a booking")
        accepted(they.change(f"status = 'cancelled' {of} arrives = '2032-01-10'"), "A cancellation")
        accepted(
            they.change(f"status = 'held' {of} arrives = '2032-01-12' AND flat_id = 5"), "A comeback to a free flat"
        )


@points(1)
@keeps("changes-too", "same-moment", "repeatable-read")
@review("That an UPDATE can race as an INSERT can.")
def test_two_changes_in_the_same_moment(protected):
    """Of two changes in the same moment that would take the same night, one gets in."""
    with protected.connect() as connection:
        connection.execute(BOOK, (10, "Cleo", "2032-03-01", "2032-03-05"))
        connection.execute(BOOK, (10, "Dan", "2032-03-20", "2032-03-25"))
    first, second = ("2032-03-08", "2032-03-12", "Cleo"), ("2032-03-11", "2032-03-15", "Dan")
    refused(same_moment(protected, (MOVE, first), (MOVE, second)), "A change beside one that was not yet committed")
    with protected.connect() as connection:
        connection.execute(BOOK, (10, "Eve", "2032-04-01", "2032-04-05"))
        connection.execute(BOOK, (10, "Finn", "2032-04-20", "2032-04-25"))
    first, second = ("2032-04-08", "2032-04-12", "Eve"), ("2032-04-11", "2032-04-15", "Finn")
    told = same_moment(protected, (MOVE, first), (MOVE, second), level=IsolationLevel.REPEATABLE_READ)
    refused(told, "At REPEATABLE READ, a change beside one that was not yet committed")


@points(1)
@keeps("open-end", "day-visit")
@after("test_stays_without_end_and_day_visits")
@review("What a range without an upper bound holds, and what an empty one overlaps.")
def test_without_end_means_without_end(protected):
    """A stay without an end takes all nights from its first on, however far away; a day visit takes none, wherever it is."""
    with guests(protected) as they:
        refused(they.book(19, "2035-01-01", "2035-01-08"), "A stay in a flat that is let until further notice")
        refused(they.book(19, "9000-01-01", "9000-01-08"), "A stay in the year 9000 in such a flat")
        accepted(they.book(5, "2040-01-01", None), "A stay without an end")
        refused(
            they.book(5, "2140-01-01", "2140-01-08"), "A stay a hundred years after the beginning of one without an end"
        )
        refused(they.book(5, "2039-12-01", None), "A second stay without an end")
        refused(they.book(5, "2539-12-01", None), "A second stay without an end, 500 years later,")
        accepted(they.book(5, "2039-12-01", "2040-01-01"), "A stay before one without an end")
        accepted(they.book(5, "2041-01-01", "2041-01-01"), "A day visit during a stay without an end")
        accepted(they.book(5, "2040-01-01", "2040-01-01"), "A day visit on the first day of a stay without an end")
        accepted(they.book(5, "2039-12-05", "2039-12-05", "held"), "A held day visit during a stay")


@points(1)
@keeps("changes-too")
@review("That one statement can bring several rows.")
def test_one_statement_with_two_bookings(protected):
    """Two bookings in one statement are refused when they overlap each other."""
    two = "INSERT INTO bookings (flat_id, guest, arrives, leaves) VALUES (%s, 'x', %s, %s), (%s, 'y', %s, %s) RETURNING id"
    with guests(protected) as they:
        refused(they.ask(two, (5, "2033-02-01", "2033-02-08", 5, "2033-02-07", "2033-02-14")), "A pair that overlaps")
        accepted(
            they.ask(two, (5, "2033-02-01", "2033-02-08", 5, "2033-02-08", "2033-02-14")),
            "A pair that does not overlap",
        )
