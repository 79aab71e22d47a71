"""Hidden checks of same-run-twice: other settings, a long file, and a run of another scikit-learn."""

from test_same_run_twice import (
    changes,
    loans,
    of_another_version,
    points,
    training,
)

from labkit.checking.checks import after, keeps, review

OTHER = {"trees": 9, "depth": 3}


@points(2)
@after("test_again", "test_any_order")
@keeps("same-bits", "new-run")
@review("What `again` takes from the run, and what it takes for granted.")
def test_from_the_run_alone(training, program, elsewhere):
    """With other settings and another seed, `again` still comes to the same bits: all that it needs stands in the run."""
    table = loans(31, 1500)
    run = training.train(elsewhere, table, OTHER, 77)
    other = training.again(program, table.sample(frac=1, random_state=8), run)
    training.must_be_the_same(run, other, len(table), "with other settings, elsewhere")


@points(2)
@keeps("same-data")
@review("Which rows and which columns your data version covers.")
def test_far_down(training, program):
    """In a file of 12,000 rows, a changed cell near its end is noticed, in a column of any type."""
    table = loans(32, 12_000).sort_values("id", ignore_index=True)  # far down in the file, and by id
    run = training.train(program, table, OTHER)
    for what, changed in changes(table, len(table) - 3):
        training.must_refuse(program, changed, run, f"{what}, far down")


@points(1)
@keeps("same-version")
@review("What else a result depends on: the versions of the libraries.")
def test_another_version(training, program):
    """scikit-learn's version stands in the run, and `again` refuses a run of another version."""
    table = loans(33, 1000)
    run = training.train(program, table, OTHER)
    training.must_refuse(program, table, of_another_version(training, run), "the run is of another scikit-learn")
