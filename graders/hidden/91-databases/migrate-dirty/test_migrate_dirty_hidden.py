"""Hidden checks of migrate-dirty: other customers, some of whom registered three times or gave no address; a migration that comes later."""

from test_migrate_dirty import index_holds, must, pilot, recovery

from labkit.checking.checks import answer, keeps, points, review


@answer("files")
@points(3)
@keeps("points", "duplicates", "one-address", "there-and-back")
@review(
    "Which customer of three with one address is the first, what a missing address is, and what each way down takes away."
)
def test_other_customers(pilot):
    """With other customers the files go up, the index holds, and the way down and up again loses nothing."""
    pilot.goes_up()
    index_holds(pilot.database, pilot.built_beside_writers)
    pilot.there_and_back()


@answer("recovery")
@points(3)
@keeps("clean", "points-kept", "valid-index")
@review("What stood in the database when the deployment had died, and which of your commands writes over it.")
def test_other_production(recovery):
    """With other customers production comes back clean, nobody loses anything, and the index is valid."""
    recovery.is_clean()
    recovery.lost_nothing()
    index_holds(recovery.database, recovery.built_beside_writers)


@answer("recovery")
@points(1)
@keeps("next-release")
@review("Which version the database says it is at, after the recovery.")
def test_next_migration(recovery):
    """The next migration reaches production by `migrate up` alone."""
    recovery.is_clean()
    recovery.takes_the_next()
