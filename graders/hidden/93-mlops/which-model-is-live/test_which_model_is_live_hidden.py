"""Hidden checks of which-model-is-live: other data, each version its own, and a promoter that is held while it only reads."""

import hashlib

from mlflow.exceptions import MlflowException
from test_which_model_is_live import (
    Wrong,
    answer,
    explore,
    loans,
    moment,
    points,
    promotions,
    registry,
)

from labkit.checking.checks import keeps, review

OTHER_COMMIT = "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3"


@answer("register")
@points(2)
@keeps("registered", "run", "code-and-data")
@review("What a version leads back to when two files differ in one row, far down.")
def test_each_version_is_its_own(registry):
    """Two files that differ in their last row only make two versions, each with its own run, commit and data, and a model that learned from it."""
    table = loans(21, 12_000, sign=-1)
    changed = table.copy()
    changed.loc[len(changed) - 1, "income"] += 1
    made = [registry.register(table, OTHER_COMMIT), registry.register(changed, OTHER_COMMIT[::-1])]
    versions = [version for version, _ in made]
    if len({version.version for version in versions}) != 2 or len({version.run_id for version in versions}) != 2:
        raise Wrong("Two calls did not make two versions with a run each.", expected="2 versions, 2 runs", got="fewer")
    for (version, text), commit in zip(made, (OTHER_COMMIT, OTHER_COMMIT[::-1]), strict=True):
        registry.must_lead_to(version, "its commit", commit)
        registry.must_lead_to(version, "its data", hashlib.sha256(text.encode()).hexdigest())
    registry.must_have_learned(versions[0], loans(22, 1000, sign=-1))


@answer("promote")
@points(2)
@keeps("one-wins")
@review("What another program may do between any two requests of yours, also between two that only read.")
def test_one_wins_wherever_it_is_held(promotions):
    """However the requests of two promotions interleave, exactly one succeeds, and its version is live."""
    explore(promotions, writing=False)


@answer("promote")
@points(1)
@keeps("history", "expected", "back")
@review("What your functions remember when version numbers and moments are others than in your own trial.")
def test_a_long_history(promotions):
    """History is right after a dozen promotions and failed ones, for the moments between them, and for one long ago."""
    versions = promotions.versions(4)
    live, known = None, [(moment(), None)]
    for number in (0, 1, 2, 1, 3, 0, 2, 3, 1, 0, 2, 0):
        promotions.must_promote(versions[number], live, by=number % 2)
        live = versions[number]
        known.append((moment(), live))
        if number == 2:
            promotions.must_refuse(versions[3], None, live, f"{live} was live")
    for when, version in known:
        promotions.must_have_answered(when, version, "for a moment of the past")
    promotions.must_have_answered(86_400_000, None, "for a moment in 1970")
