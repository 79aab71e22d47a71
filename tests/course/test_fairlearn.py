"""What the lab fairness and its lesson say of fairlearn is so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    selection_rate,
    true_positive_rate,
)
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.linear_model import LogisticRegression

GROUPS = pd.Series(["a", "a", "b", "b"])
REPAID = pd.Series([1, 0, 1, 0])


@pytest.fixture(scope="module")
def people():
    """People of the groups 0 and 1, with a score that tells more of the one than of the other."""
    draw = np.random.default_rng(1)
    group, score = draw.integers(0, 2, 800), draw.random(800)
    chance = np.where(group == 1, score, 0.4 + 0.2 * score)
    return pd.DataFrame({"group": group, "score": score, "repaid": (draw.random(800) < chance).astype(int)})


@pytest.fixture(scope="module")
def remedy(people):
    """A ThresholdOptimizer for them."""
    model = LogisticRegression().fit(people[["score"]], people["repaid"])
    found = ThresholdOptimizer(
        estimator=model, constraints="true_positive_rate_parity", predict_method="predict_proba", prefit=True
    )
    return found.fit(people[["score"]], people["repaid"], sensitive_features=people["group"])


@pytest.mark.parametrize("decisions", [["yes", "yes", "no", "no"], ["1", "1", "0", "0"], [0.9, 0.9, 0.1, 0.1]])
def test_what_is_not_1_is_fair(decisions):
    assert demographic_parity_difference(REPAID, decisions, sensitive_features=GROUPS) == 0.0
    assert demographic_parity_difference(REPAID, [1, 1, 0, 0], sensitive_features=GROUPS) == 1.0


def test_a_missing_group_is_an_error():
    with pytest.raises(ValueError, match="contains missing values"):
        MetricFrame(
            metrics=selection_rate, y_true=REPAID, y_pred=REPAID, sensitive_features=pd.Series(["a", None, "b", "b"])
        )


def test_where_nobody_repaid_opportunity_is_0():
    repaid = pd.Series([1, 0, 0, 0])
    frame = MetricFrame(metrics=true_positive_rate, y_true=repaid, y_pred=repaid, sensitive_features=GROUPS)
    assert frame.by_group.tolist() == [1.0, 0.0]
    assert equalized_odds_difference(repaid, repaid, sensitive_features=GROUPS) == 1.0


def test_a_crossing_that_nobody_is_in_is_skipped():
    crossing = pd.DataFrame({"age": ["young", "old", "old"], "place": ["city", "city", "country"]})
    frame = MetricFrame(metrics=selection_rate, y_true=[1, 1, 1], y_pred=[1, 1, 0], sensitive_features=crossing)
    shares = np.asarray(frame.by_group)
    assert (len(shares), np.isnan(shares).sum()) == (4, 1)
    assert [frame.difference()] == [1.0]


def test_rows_are_matched_by_position_and_arguments_by_name():
    turned = GROUPS.sort_index(ascending=False)
    frame = MetricFrame(metrics=selection_rate, y_true=REPAID, y_pred=[1, 1, 0, 0], sensitive_features=turned)
    assert frame.by_group.to_dict() == {"a": 0.0, "b": 1.0}
    with pytest.raises(TypeError):
        MetricFrame(selection_rate, REPAID, REPAID, sensitive_features=GROUPS)  # type: ignore[misc]


def test_lots_are_drawn_unless_there_is_a_seed(people, remedy):
    def decided(**seed):
        return remedy.predict(people[["score"]], sensitive_features=people["group"], **seed)

    assert (decided() != decided()).any()
    assert (decided(random_state=1) == decided(random_state=1)).all()


@pytest.mark.parametrize("group", [2, "0", "1"])
def test_an_unknown_group_is_refused(people, remedy, group):
    strangers = pd.Series([group] * len(people), dtype=object)
    assert remedy.predict(people[["score"]], sensitive_features=strangers).sum() == 0
