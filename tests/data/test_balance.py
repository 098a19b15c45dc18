import numpy as np
import pandas as pd
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from foldwise.data.balance import BalanceConfig, BalanceError, inverse_frequency, plan_balance
from foldwise.data.balance.config import METHODS
from foldwise.data.balance.weights import class_weights
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


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"oversample", "undersample"}))
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


def planned_labels(rows, folds, **config):
    """Yield each fold's parts, the ids of its plan and how often each class is in it."""
    plan = plan_balance(rows, folds, BalanceConfig.of(**config))
    label = rows.set_index("sample_id")["label"]
    for parts in fold_parts(folds, rows):
        ids = plan.loc[plan["fold"] == parts.fold, "sample_id"]
        yield parts, ids, label[ids].value_counts().to_dict()


def test_class_weights_by_the_effective_number():
    counts, beta = np.array([58, 0, 22, 20]), 0.99
    weights = class_weights(counts, "effective", beta)
    raw = np.array([(1 - beta) / (1 - beta**n) for n in (58, 22, 20)])
    np.testing.assert_allclose(weights[[0, 2, 3]] / weights[0], raw / raw[0])
    assert (weights * counts).sum() == pytest.approx(100)
    assert weights[1] == 0
    np.testing.assert_allclose(class_weights(counts, "effective", 0)[[0, 2, 3]], 1)
    np.testing.assert_allclose(  # towards 1 it is the inverse frequency
        class_weights(counts, "effective", 1 - 1e-9),
        class_weights(counts, "inverse", 0),
        rtol=1e-5,
    )


@pytest.mark.parametrize("method", ["class_weights", "focal"])
def test_effective_weights_enter_the_plan(rows, folds, method):
    plan = plan_balance(rows, folds, BalanceConfig.of(method=method, weights="effective"))
    label = rows.set_index("sample_id")["label"]
    for _, own in plan.groupby("fold"):
        weight = own["loss_weight"].groupby(label[own["sample_id"]].to_numpy()).first()
        counts = label[own["sample_id"]].value_counts()[weight.index].to_numpy()
        raw = (1 - 0.9999) / (1 - 0.9999**counts)
        np.testing.assert_allclose(weight / weight.iloc[0], raw / raw[0])
        assert own["loss_weight"].sum() == pytest.approx(len(own))


@pytest.mark.parametrize(("power", "shares"), [(1, [1, 1, 1]), (0.5, np.sqrt([58, 22, 20]))])
def test_the_power_of_the_sampler_is_that_of_the_frequency(rows, folds, power, shares):
    plan = plan_balance(rows, folds, BalanceConfig.of(method="weighted_sampler", power=power))
    label = rows.set_index("sample_id")["label"]
    first = plan[plan["fold"] == 0]
    mass = first["sampling_weight"].groupby(label[first["sample_id"]].to_numpy()).sum()
    found = mass[["common", "middle", "rare"]].to_numpy()
    np.testing.assert_allclose(found / found.sum(), shares / np.sum(shares), rtol=0.03)


@pytest.mark.parametrize("ratio", [1.0, 0.6])
def test_oversampling_repeats_rare_rows_evenly_up_to_the_largest_class(rows, folds, ratio):
    for parts, ids, counts in planned_labels(rows, folds, method="oversample", ratio=ratio):
        plain = rows.set_index("sample_id")["label"][parts.train].value_counts()
        goal = round(ratio * plain.max())
        assert counts == {name: max(count, goal) for name, count in plain.items()}
        assert set(ids) == set(parts.train)  # each once at least, nothing from outside
        times = ids.value_counts()
        for name, count in plain.items():
            own = times[rows.set_index("sample_id")["label"][times.index] == name]
            assert own.max() - own.min() <= 1, (name, count)


@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_undersampling_draws_from_common_classes_without_replacement(rows, folds, ratio):
    for parts, ids, counts in planned_labels(rows, folds, method="undersample", ratio=ratio):
        plain = rows.set_index("sample_id")["label"][parts.train].value_counts()
        goal = round(ratio * plain.min())
        assert counts == {name: min(count, goal) for name, count in plain.items()}
        assert ids.is_unique
        assert set(ids) < set(parts.train)


@pytest.mark.parametrize("method", ["oversample", "undersample"])
def test_which_rows_are_drawn_is_up_to_the_seed(rows, folds, method):
    one, again, other = (
        plan_balance(rows, folds, BalanceConfig.of(method=method, seed=seed)) for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(one, again)
    assert list(one["sample_id"]) != list(other["sample_id"])


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_class_that_a_fold_lacks_is_told_and_gets_no_rows(rows, method, caplog):
    few = pd.concat([rows, rows.iloc[:1].assign(sample_id="z", label="lonely", sha256="z")])
    folds = make_folds(
        few.reset_index(drop=True), SplitConfig(rare_classes="keep", test_fraction=0)
    )
    caplog.clear()
    plan = plan_balance(few.reset_index(drop=True), folds, BalanceConfig.of(method=method))
    assert np.isfinite(plan[["sampling_weight", "loss_weight"]]).all(axis=None)
    assert (plan[["sampling_weight", "loss_weight"]] > 0).all(axis=None)
    with_it = set(plan.loc[plan["sample_id"] == "z", "fold"])
    told = [record.message for record in caplog.records if "absent_class" in record.message]
    assert len(told) == len(folds.jobs) - len(with_it) >= 1
    assert all("has no sample of 'lonely'" in message for message in told)


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
    with pytest.raises(BalanceError, match=r"'none\+threshold', but .*\(target\)"):
        plan_balance(numbers, folds, BalanceConfig(method="none+threshold"))
