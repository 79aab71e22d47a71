"""Hidden checks of alembic-expand-contract: other names, more people at once, customers that the backfill has in hand."""

from test_alembic_expand_contract import (
    FEW,
    NEW,
    OLD,
    Misread,
    Refused,
    application,
    as_it_was,
    backfilled,
    contracted,
    database,
    expanded,
    filled,
    one_step_down,
    rollout,
    told,
    use,
)

from labkit.checking.checks import Wrong, after, answer, keeps, points, review


@answer("expand")
@points(2)
@keeps("both-ways", "as-n-wrote", "splitting")
@review("Which version writes which columns, and what keeps the others in step: for inserts and updates, both ways.")
def test_both_versions(expanded, application):
    """As soon as expand is through, both versions read what either of them wrote."""
    for writer in (OLD, NEW):
        for reader in (OLD, NEW):
            told(lambda writer=writer, reader=reader: use(application, writer, reader), "A request")


@answer("backfill")
@points(3)
@keeps("nothing-overwritten", "everybody-filled")
@review("What happens to a row that the application writes between the moment you read it and the moment you write it.")
def test_nothing_lost_or_stale(backfilled, filled):
    """Whatever either version wrote while the backfill ran is still there, and every name was split by the rule."""
    backfilled.need(but=Refused)
    filled.need()


@answer("backfill")
@points(1)
@keeps("small-transactions")
@review("When the backfill's transactions end, and how many rows each of them holds.")
def test_batches_on_other_data(expanded, backfilled):
    """No transaction changes more than 5,000 rows until all customers are filled in, whatever numbers they have."""
    expanded.need_small_transactions()
    backfilled.need_small_transactions()
    backfilled.need(but=Misread)


@answer("contract")
@points(3)
@keeps("there-and-back", "only-n")
@after("test_one_head")
@review("What contract removes, and what its downgrade must bring back, for rows of both versions.")
def test_there_and_back_on_other_data(contracted, rollout, application):
    """Contract, down to the beginning and up again: version n goes on, and no name changes."""
    contracted.need()
    told(lambda: use(application, NEW, NEW), "Version n, after contract,")
    one_step_down(rollout, application)
    rollout.step()
    as_it_was(application)
    told(lambda: application.everybody("full_name"), "Reading full_name after the downgrade")
    application.keep(FEW)
    rollout.step()
    if "full_name" in application.columns():
        raise Wrong("full_name is still there after the second upgrade.")
