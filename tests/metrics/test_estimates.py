import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from foldwise.metrics.agreement import AGREEMENT_METRICS
from foldwise.metrics.classification import average_metrics, margins
from foldwise.metrics.estimates import (
    Resampling,
    confusion_estimates,
    estimate,
    few_units_warning,
    metric_bounds,
    point_metrics,
)
from foldwise.metrics.loss_estimates import loss_estimates
from foldwise.metrics.scoring_rules import SCORING_RULES, losses

RESAMPLING = Resampling(confidence=0.95, num_resamples=400, seed=0)


def sampled(size, num_classes, strength=1.5, seed=0):
    """Targets and probabilities of a classifier of middling quality."""
    rng = np.random.default_rng(seed)
    target = rng.integers(num_classes, size=size)
    scores = rng.normal(size=(size, num_classes))
    scores[np.arange(size), target] += strength
    odds = np.exp(scores)
    return target, odds / odds.sum(axis=1, keepdims=True)


def codes_of(confusion):
    """Targets and predictions with this confusion matrix."""
    cells = np.repeat(np.arange(confusion.size), confusion.ravel())
    return cells // len(confusion), cells % len(confusion)


def named_estimates(found):
    of_classes = [(name, e) for name, values in found.classes.items() for e in values]
    return [*found.averages.items(), *of_classes]


def all_estimates(found):
    return [one for _, one in named_estimates(found)]


def scores_of(found):
    """All but the losses: what is 1 for a perfect classifier."""
    return [one for name, one in named_estimates(found) if name not in SCORING_RULES]


def is_proper(name, found, num_classes=3):
    lowest, highest = metric_bounds(name, num_classes)
    in_order = found.low <= found.value + 1e-12 <= found.high + 2e-12
    return lowest <= found.low and in_order and found.high <= highest


@pytest.mark.parametrize("size", [60, 600])
def test_values_are_those_of_scikit_learn(size):
    target, probabilities = sampled(size, 3)
    found = estimate(target, probabilities, None, RESAMPLING)
    predicted = probabilities.argmax(axis=1)
    expected = reference.f1_score(target, predicted, average="macro")
    assert found.averages["macro_f1"].value == pytest.approx(expected)
    for average in ("macro", "weighted", "micro"):
        expected = reference.roc_auc_score(
            target, probabilities, multi_class="ovr", average=average
        )
        assert found.averages[f"{average}_roc_auc"].value == pytest.approx(expected)
        expected = reference.average_precision_score(target, probabilities, average=average)
        assert found.averages[f"{average}_average_precision"].value == pytest.approx(expected)
    expected = reference.log_loss(target, probabilities)
    assert found.averages["log_loss"].value == pytest.approx(expected)
    expected = reference.brier_score_loss(target, probabilities)
    assert found.averages["brier_score"].value == pytest.approx(expected)
    averages, classes = point_metrics(target, probabilities)
    for name, value in averages.items():
        assert found.averages[name].value == pytest.approx(value)
    for name, values in classes.items():
        assert [e.value for e in found.classes[name]] == pytest.approx(list(values))


@pytest.mark.parametrize("size", [150, 500])  # below and above the number of bins
@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_bootstrap_of_rank_metrics_agrees_with_scipy(size, name):
    target, probabilities = sampled(size, 2, strength=0.7, seed=1)
    metric = {
        "roc_auc": reference.roc_auc_score,
        "average_precision": reference.average_precision_score,
    }[name]
    expected = stats.bootstrap(
        (target, probabilities[:, 1]),
        lambda y, p: metric(y, p),
        paired=True,
        vectorized=False,
        n_resamples=400,
        method="BCa",
        rng=np.random.default_rng(2),
    ).confidence_interval
    found = estimate(target, probabilities, None, Resampling(0.95, 4000, 0)).classes[name][1]
    assert found.method == "BCa bootstrap"
    width = expected.high - expected.low
    assert (found.low, found.high) == pytest.approx(expected, abs=0.12 * width)


def test_bootstrap_of_macro_f1_agrees_with_scipy():
    target, probabilities = sampled(200, 3, seed=3)
    predicted = probabilities.argmax(axis=1)
    expected = stats.bootstrap(
        (target, predicted),
        lambda y, p: reference.f1_score(y, p, average="macro"),
        paired=True,
        vectorized=False,
        n_resamples=400,
        method="BCa",
        rng=np.random.default_rng(2),
    ).confidence_interval
    averages, _ = confusion_estimates(target, predicted, 3, Resampling(0.95, 4000, 0))
    found = averages["macro_f1"]
    assert found.method == "BCa bootstrap"
    width = expected.high - expected.low
    assert (found.low, found.high) == pytest.approx(expected, abs=0.12 * width)


def test_groups_of_copies_are_worth_one_sample_each():
    """Three copies of everything, grouped: the intervals of the originals, not narrower ones."""
    target, probabilities = sampled(240, 3)
    once = estimate(target, probabilities, None, RESAMPLING)
    copied = estimate(
        np.repeat(target, 3),
        np.repeat(probabilities, 3, axis=0),
        np.repeat(np.arange(240), 3),
        RESAMPLING,
    )
    assert copied.num_units == 240
    assert once.num_units is None
    for one, three in zip(all_estimates(once), all_estimates(copied), strict=True):
        assert three.value == pytest.approx(one.value)
        assert three.high - three.low == pytest.approx(one.high - one.low, rel=0.12)


def test_ungrouped_copies_would_look_too_sure():
    target, probabilities = sampled(240, 3)
    once = estimate(target, probabilities, None, RESAMPLING)
    naive = estimate(np.repeat(target, 3), np.repeat(probabilities, 3, axis=0), None, RESAMPLING)
    for one, three in zip(all_estimates(once), all_estimates(naive), strict=True):
        assert three.high - three.low < 0.75 * (one.high - one.low)


@pytest.mark.parametrize("units", [None, "groups"])
def test_a_perfect_classifier_is_not_certain(units):
    target = np.repeat([0, 1, 2], [40, 12, 3])
    probabilities = np.eye(3)[target] * 0.9 + 0.1 / 3
    groups = None if units is None else np.arange(55) // 2
    found = estimate(target, probabilities, groups, RESAMPLING)
    for one in scores_of(found):
        assert one.value == pytest.approx(1)
        assert one.high == pytest.approx(1)
        assert 0 <= one.low < 0.995
        assert one.method != "BCa bootstrap"
    lows = [found.classes["recall"][code].low for code in range(3)]
    assert lows[0] > lows[1] > lows[2]
    # All losses are equal: what a miss would have cost is what makes the interval wide.
    for name in SCORING_RULES:
        one = found.averages[name]
        assert 0 <= one.low < one.value < one.high
        assert one.high > 1.3 * one.value
        assert one.method == "score, smoothed variance"


def test_a_useless_classifier_is_not_certain():
    target = np.repeat([0, 1], [30, 10])
    probabilities = np.eye(2)[1 - target] * 0.9 + 0.05
    found = estimate(target, probabilities, None, RESAMPLING)
    for name, one in named_estimates(found):
        assert is_proper(name, one, 2), name
        assert one.high - one.low > 0.01, name
    assert found.averages["matthews_correlation"].value == pytest.approx(-1)
    assert found.averages["matthews_correlation"].high > -0.95


def test_undefined_metrics_have_no_interval():
    target = np.array([0, 0, 1, 1, 0])
    probabilities = np.array([[0.8, 0.1, 0.1]] * 5)
    found = estimate(target, probabilities, None, RESAMPLING)
    assert math.isnan(found.classes["recall"][2].value)
    assert math.isnan(found.classes["roc_auc"][2].low)
    assert found.classes["precision"][1].method == "undefined"
    assert math.isnan(found.averages["macro_precision"].value)
    assert found.averages["balanced_accuracy"].value == pytest.approx(0.5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=3, max_size=3),
    st.integers(1, 4),
)
def test_every_defined_interval_is_proper(cells, unit_size):
    confusion = np.array(cells)
    if confusion.sum() == 0:
        return
    target, predicted = codes_of(confusion)
    probabilities = np.eye(3)[predicted] * 0.7 + 0.1
    units = np.arange(len(target)) // unit_size
    found = estimate(target, probabilities, units, Resampling(0.95, 100, 0))
    for name, one in named_estimates(found):
        if math.isfinite(one.value):
            assert is_proper(name, one), name
            assert one.high - one.low > 1e-6
        else:
            assert math.isnan(one.low)


def test_the_seed_decides():
    target, probabilities = sampled(100, 3)
    first = estimate(target, probabilities, None, RESAMPLING)
    again = estimate(target, probabilities, None, RESAMPLING)
    other = estimate(target, probabilities, None, Resampling(0.95, 400, seed=1))
    assert all_estimates(first) == all_estimates(again)
    assert first.averages["macro_f1"] != other.averages["macro_f1"]


def test_the_numbers_of_the_units_mean_nothing():
    target, probabilities = sampled(60, 3)
    units = np.arange(60) // 3
    first = estimate(target, probabilities, units, RESAMPLING)
    again = estimate(target, probabilities, units * 7 + 5, RESAMPLING)
    assert all_estimates(first) == all_estimates(again)


def test_few_units_are_warned_of():
    assert few_units_warning(None) is None
    assert few_units_warning(30) is None
    assert "29" in few_units_warning(29)


# -- coverage: of 1000 data sets, how many intervals hold the truth -------------------------------


def shares(prior, recall):
    """The joint distribution of targets and predictions; errors go where the samples are."""
    prior = np.array(prior) / np.sum(prior)
    joint = np.zeros((len(prior), len(prior)))
    for code, hit in enumerate(recall):
        others = np.where(np.arange(len(prior)) == code, 0, prior)
        joint[code] = (1 - hit) * others / others.sum()
        joint[code, code] = hit
    return joint * prior[:, None]


def covers(found, truth, name, num_classes):
    """Whether the interval holds the truth; it has to be a proper one in any case."""
    assert is_proper(name, found, num_classes), (name, found)
    assert found.high - found.low > 1e-4, (name, found)
    return found.low <= truth <= found.high


def coverage(joint, size, names, num_resamples=300):
    """The share of 1000 data sets in which the interval of each average holds the truth."""
    rng = np.random.default_rng(0)
    truth = average_metrics(margins(joint))
    covered = dict.fromkeys(names, 0)
    for number in range(1000):
        confusion = rng.multinomial(size, joint.ravel()).reshape(joint.shape)
        resampling = Resampling(0.95, num_resamples, number)
        averages, _ = confusion_estimates(*codes_of(confusion), len(joint), resampling)
        for name in names:
            covered[name] += covers(averages[name], truth[name], name, len(joint))
    return {name: count / 1000 for name, count in covered.items()}


@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 200])
def test_averages_and_agreement_of_three_classes_are_covered(size):
    joint = shares([58, 22, 20], [0.95, 0.85, 0.81])
    assert np.trace(joint) == pytest.approx(0.9)
    names = ("accuracy", "macro_f1", "macro_f2", "macro_npv", *AGREEMENT_METRICS)
    for name, found in coverage(joint, size, names).items():
        assert 0.926 <= found <= 0.971, name


@pytest.mark.slow
def test_agreement_of_a_nearly_perfect_classifier_is_covered():
    """One miss in fifty: a bootstrap alone sees none in a third of the data sets."""
    joint = shares([1, 1], [0.98, 0.98])
    for name, found in coverage(joint, 50, tuple(AGREEMENT_METRICS)).items():
        assert 0.915 <= found <= 0.985, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "prior", "strength", "sharpness"),
    [(200, (0.58, 0.22, 0.2), 2.5, 1.0), (200, (0.8, 0.2), 3.0, 1.5), (500, (0.9, 0.1), 2.0, 0.5)],
    ids=["calibrated", "too sure, 0.98 right", "too cautious, rare class"],
)
def test_losses_are_covered(size, prior, strength, sharpness):
    """A bootstrap alone covers 58 to 88 % where a few mistakes make up the loss.

    The intervals are rather too wide than too narrow, as an unseen mistake is taken for a dear
    one.
    """
    rng = np.random.default_rng(0)

    def draw(number):
        target = rng.choice(len(prior), number, p=prior)
        scores = rng.normal(size=(number, len(prior)))
        scores[np.arange(number), target] += strength
        odds = np.exp(sharpness * (strength * scores + np.log(prior)))
        return target, odds / odds.sum(axis=1, keepdims=True)

    truth = {name: values.mean() for name, values in losses(*draw(1_000_000)).items()}
    covered = dict.fromkeys(truth, 0)
    for number in range(1000):
        resampling = Resampling(0.95, 300, number)
        found = loss_estimates(*draw(size), np.arange(size), resampling)
        for name in truth:
            covered[name] += covers(found[name], truth[name], name, len(prior))
    assert 0.92 <= covered["brier_score"] / 1000 <= 0.985
    assert 0.926 <= covered["log_loss"] / 1000 <= 0.997


@pytest.mark.slow
def test_averages_with_a_rare_and_nearly_perfect_class_are_covered():
    """A bootstrap alone covers balanced accuracy here in 65 % of the cases."""
    joint = shares([70, 28, 2], [0.95, 0.9, 0.9])
    found = coverage(joint, 500, ("balanced_accuracy", "macro_f1"))
    assert min(found.values()) >= 0.926


@pytest.mark.slow
def test_recall_of_a_class_of_ten_is_covered():
    rng = np.random.default_rng(3)
    covered = 0
    for number in range(1000):
        hits = rng.binomial(10, 0.9)
        confusion = np.array([[180, 10], [10 - hits, hits]])
        resampling = Resampling(0.95, 100, number)
        _, classes = confusion_estimates(*codes_of(confusion), 2, resampling)
        covered += covers(classes["recall"][1], 0.9, "recall", 2)
    assert 0.926 <= covered / 1000 <= 0.971


@pytest.mark.slow
@pytest.mark.parametrize("strength", [1.2, 2.5])
def test_roc_auc_with_ten_positives_is_covered(strength):
    """A bootstrap alone covers it in 86 to 91 % of the cases."""
    rng = np.random.default_rng(0)
    truth = stats.norm.cdf(strength / np.sqrt(2))
    target = np.repeat([1, 0], [10, 190])
    covered = 0
    for number in range(300):
        scores = stats.norm.cdf(rng.normal(size=200) + strength * target)
        probabilities = np.stack([1 - scores, scores], axis=1)
        found = estimate(target, probabilities, None, Resampling(0.95, 100, number))
        covered += found.classes["roc_auc"][1].low <= truth <= found.classes["roc_auc"][1].high
    assert 0.92 <= covered / 300 <= 0.99


@pytest.mark.slow
def test_accuracy_of_correlated_groups_is_covered():
    """Treated as independent samples, the same data are covered in about 80 % of the cases."""
    rng = np.random.default_rng(0)
    covered = 0
    for number in range(500):
        sizes = rng.integers(1, 10, size=60)
        rates = rng.beta(0.9 * 4, 0.1 * 4, size=60)
        hit = rng.random(sizes.sum()) < np.repeat(rates, sizes)
        target = rng.integers(2, size=sizes.sum())
        probabilities = np.eye(2)[np.where(hit, target, 1 - target)] * 0.8 + 0.1
        units = np.repeat(np.arange(60), sizes)
        found = estimate(target, probabilities, units, Resampling(0.95, 100, number))
        covered += found.averages["accuracy"].low <= 0.9 <= found.averages["accuracy"].high
    assert 0.91 <= covered / 500 <= 0.975


@pytest.mark.slow
def test_fifty_groups_of_ten_that_are_half_alike_are_covered():
    """The rates of groups vary as a beta law with an intra-class correlation of 0.5."""
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(50), 10)
    truth = {"accuracy": 0.9, "matthews_correlation": 0.8, "cohens_kappa": 0.8}
    truth["log_loss"] = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    truth["brier_score"] = 0.9 * 0.1**2 + 0.1 * 0.9**2
    covered = dict.fromkeys(truth, 0)
    for number in range(1000):
        rates = rng.beta(0.9, 0.1, size=50)
        hit = rng.random(500) < rates[units]
        target = rng.integers(2, size=500)
        probabilities = np.eye(2)[np.where(hit, target, 1 - target)] * 0.8 + 0.1
        found = estimate(target, probabilities, units, Resampling(0.95, 300, number))
        for name in truth:
            covered[name] += covers(found.averages[name], truth[name], name, 2)
    assert 910 <= covered["accuracy"] <= 971, covered
    assert min(covered.values()) >= 910, covered


def test_a_single_class_that_is_always_hit_has_proper_intervals():
    target = np.zeros(12, dtype=np.int64)
    averages, _ = confusion_estimates(target, target, 3, Resampling(0.95, 200, 0))
    for name, found in averages.items():
        if np.isfinite(found.value):
            assert found.low is None or 0 <= found.low < found.high <= 1, name
