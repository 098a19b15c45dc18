import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from foldwise.data.balance import BalanceConfig, BalanceError, inverse_frequency, plan_balance
from foldwise.data.folds import SplitConfig, fold_parts, make_folds

SHARES = {"common": 58, "middle": 22, "rare": 20}


@pytest.fixture(scope="module")
def rows():
    labels = [name for name, share in SHARES.items() for _ in range(2 * share)]
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:03d}" for i in range(len(labels))],
            "label": labels,
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [str(i) for i in range(len(labels))],
        }
    )


@pytest.fixture(scope="module")
def folds(rows):
    return make_folds(rows, SplitConfig())


@pytest.mark.parametrize("method", ["none", "class_weights", "weighted_sampler"])
def test_a_plan_names_training_rows_only_and_each_once(rows, folds, method):
    plan = plan_balance(rows, folds, BalanceConfig(method=method))
    for parts in fold_parts(folds, rows):
        planned = plan[plan["fold"] == parts.fold]["sample_id"]
        assert list(planned) == list(parts.train)


def test_class_weights_equal_scikit_learns_and_sum_to_n():
    labels = np.array(["a"] * 58 + ["b"] * 22 + ["c"] * 20, dtype=object)
    weights = inverse_frequency(labels)
    np.testing.assert_allclose(weights, compute_sample_weight("balanced", labels))
    assert weights.sum() == pytest.approx(100)
    assert [weights[labels == c].sum() for c in "abc"] == pytest.approx([100 / 3] * 3)


def test_class_weights_touch_the_loss_and_the_sampler_the_draws(rows, folds):
    loss = plan_balance(rows, folds, BalanceConfig(method="class_weights"))
    draws = plan_balance(rows, folds, BalanceConfig(method="weighted_sampler"))
    assert (loss["sampling_weight"] == 1).all()
    assert loss["loss_weight"].nunique() > 1
    assert (draws["loss_weight"] == 1).all()
    assert draws["sampling_weight"].nunique() > 1


def test_weights_come_from_the_fold_alone(rows, folds):
    plan = plan_balance(rows, folds, BalanceConfig(method="class_weights"))
    labels = rows.set_index("sample_id")["label"]
    for parts in fold_parts(folds, rows):
        fitted = labels[list(parts.train)]
        expected = compute_sample_weight("balanced", fitted)
        np.testing.assert_allclose(plan.loc[plan["fold"] == parts.fold, "loss_weight"], expected)


def test_a_regression_is_not_balanced(rows):
    numbers = rows.drop(columns="label").assign(target=np.arange(len(rows)) / 7)
    folds = make_folds(numbers, SplitConfig())
    plan = plan_balance(numbers, folds, BalanceConfig())
    for parts in fold_parts(folds, numbers):
        assert list(plan[plan["fold"] == parts.fold]["sample_id"]) == list(parts.train)
    assert (plan[["sampling_weight", "loss_weight"]] == 1).all(axis=None)
    with pytest.raises(BalanceError, match=r"'class_weights', but .*\(target\).*Allowed: 'none'"):
        plan_balance(numbers, folds, BalanceConfig(method="class_weights"))
