import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from foldwise.metrics.intervals import proportion_interval
from foldwise.metrics.macro_slices import macro_scores
from foldwise.metrics.slices import (
    Slicing,
    corrected,
    loss_scores,
    share_scores,
)


def alone(codes, num_slices=None):
    """Slices of independent rows."""
    codes = np.asarray(codes)
    return Slicing(codes, num_slices or int(codes.max()) + 1, np.arange(len(codes)))


def problem(size=600, num_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.choice(num_classes, size, p=[0.6, 0.3, 0.1])
    predicted = np.where(rng.random(size) < 0.8, target, rng.choice(num_classes, size))
    return target, predicted, rng.choice(3, size, p=[0.2, 0.3, 0.5])


def test_share_of_many_rows_is_tested_as_two_proportions():
    target, predicted, codes = problem()
    hits = target == predicted
    found = share_scores(hits, np.ones(len(hits), bool), alone(codes), 0.95)
    for i, score in enumerate(found):
        inside = codes == i
        counts = hits[inside].sum(), hits[~inside].sum()
        sizes = inside.sum(), (~inside).sum()
        limits = proportion_confint(counts[0], sizes[0], method="wilson")
        assert score.value == pytest.approx(hits[inside].mean())
        assert score.rest == pytest.approx(hits[~inside].mean())
        assert (score.low, score.high) == pytest.approx(limits)
        assert score.p_value == pytest.approx(proportions_ztest(counts, sizes)[1])


def test_share_of_few_rows_is_tested_exactly():
    hits = np.array([True] * 5 + [False] * 3 + [True] * 38 + [False] * 2)
    codes = np.array([0] * 8 + [1] * 40)
    found = share_scores(hits, np.ones(48, bool), alone(codes), 0.95)
    expected = stats.fisher_exact([[5, 3], [38, 2]]).pvalue
    assert [score.p_value for score in found] == pytest.approx([expected, expected])


def test_share_without_trials_or_without_any_failure_is_said():
    trials = np.array([False] * 5 + [True] * 20)
    nothing, rest = share_scores(trials, trials, alone([0] * 5 + [1] * 20), 0.95)
    assert np.isnan([nothing.value, nothing.low, nothing.p_value, rest.rest]).all()
    assert nothing.method == "undefined"
    assert rest.value == 1
    every = np.ones(20, bool)
    first, _ = share_scores(every, every, alone([0] * 5 + [1] * 15), 0.95)
    assert (first.value, first.rest, first.p_value) == (1, 1, 1)


def test_f1_is_that_of_the_positive_class():
    target, predicted, codes = problem()
    both, either = (target == 2) & (predicted == 2), (target == 2) | (predicted == 2)
    for i, score in enumerate(share_scores(both, either, alone(codes), 0.95, as_f1=True)):
        for rows, value in ((codes == i, score.value), (codes != i, score.rest)):
            expected = reference.f1_score(target[rows] == 2, predicted[rows] == 2)
            assert value == pytest.approx(expected)
        assert score.low < score.value < score.high


def test_rows_of_one_unit_count_together():
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(60), 10)
    hits = np.repeat(rng.random(60) < 0.8, 10)  # all rows of a unit agree
    codes = np.repeat(np.arange(60) % 2, 10)
    every = np.ones(600, bool)
    (score, _) = share_scores(hits, every, Slicing(codes, 2, units), 0.95)
    members = units[codes == 0]
    sums = [np.bincount(members, values)[::2] for values in (hits[codes == 0], every[codes == 0])]
    assert (score.low, score.high) == pytest.approx(proportion_interval(*sums, 0.95)[:2])
    independent = share_scores(hits, every, alone(codes), 0.95)[0]
    assert score.p_value > independent.p_value
    assert score.high - score.low > 2 * (independent.high - independent.low)


def test_units_that_lie_on_both_sides_are_parted_rightly():
    # The rest of each slice is what a slicing into that and the others would call a slice.
    target, predicted, codes = problem()
    units = np.random.default_rng(1).integers(0, 80, len(target))
    hits, every = target == predicted, np.ones(len(target), bool)
    found = share_scores(hits, every, Slicing(codes, 3, units), 0.95)
    for i, score in enumerate(found):
        rest, mirrored = share_scores(
            hits, every, Slicing((codes == i).astype(int), 2, units), 0.95
        )
        assert score == mirrored
        assert rest.p_value == pytest.approx(score.p_value)
        assert rest.value == pytest.approx(score.rest)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("balanced_accuracy", reference.balanced_accuracy_score),
        ("macro_f1", lambda y, p: reference.f1_score(y, p, average="macro")),
    ],
)
def test_macro_scores_are_those_of_scikit_learn(metric, expected):
    target, predicted, codes = problem()
    for i, score in enumerate(macro_scores(metric, target, predicted, 3, alone(codes), 0.95)):
        inside = codes == i
        assert score.value == pytest.approx(expected(target[inside], predicted[inside]))
        assert score.rest == pytest.approx(expected(target[~inside], predicted[~inside]))
        assert score.low < score.value < score.high
        assert 0 <= score.p_value <= 1


def test_macro_score_has_no_rest_that_lacks_one_of_its_classes():
    target = np.array([0, 0, 1, 1, 2, 2, 0, 1] * 5)
    codes = np.where(target == 2, 0, np.arange(40) % 2)
    predicted = np.where(np.arange(40) % 7 == 0, 0, target)
    first, second = macro_scores("macro_f1", target, predicted, 3, alone(codes), 0.95)
    assert np.isfinite([first.value, first.low]).all()
    assert np.isnan([first.rest, first.p_value]).all()
    # The mean of the rest is over the two classes that the slice has.
    inside = codes == 0
    of_classes = reference.f1_score(target[inside], predicted[inside], average=None)
    assert second.rest == pytest.approx(of_classes[:2].mean())


@pytest.mark.parametrize("as_root", [False, True])
def test_losses_are_means_and_roots(as_root):
    rng = np.random.default_rng(0)
    losses, codes = rng.exponential(size=400), rng.integers(0, 2, 400)
    first, second = loss_scores(losses, alone(codes), 0.95, as_root=as_root)
    expected = losses[codes == 0].mean() ** (0.5 if as_root else 1)
    assert first.value == pytest.approx(expected) == pytest.approx(second.rest)
    assert first.low < first.value < first.high
    assert first.p_value == pytest.approx(second.p_value)
    assert first.p_value > 0.05
    losses[codes == 0] *= 2
    assert loss_scores(losses, alone(codes), 0.95)[0].p_value < 1e-4


def _null_scores(kind, rng, grouped):
    """Scores of two slices that do not differ."""
    size = 240
    units = np.arange(size) // 6 if grouped else np.arange(size)
    effect = rng.normal(size=units[-1] + 1)[units] if grouped else 0
    noise = rng.normal(size=size) + effect
    codes = (rng.permutation(units[-1] + 1) % 3)[units]
    slicing = Slicing(codes, 3, units)
    if kind == "loss":
        return loss_scores(np.abs(noise), slicing, 0.95)[0]
    target = rng.choice(3, size, p=[0.5, 0.3, 0.2])
    is_hit = noise < 0.9
    predicted = np.where(is_hit, target, (target + 1) % 3)
    if kind == "share":
        return share_scores(is_hit, np.ones(size, bool), slicing, 0.95)[0]
    return macro_scores(kind, target, predicted, 3, slicing, 0.95)[0]


@pytest.mark.slow
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("kind", ["share", "loss", "balanced_accuracy", "macro_f1"])
def test_p_values_of_slices_that_do_not_differ_are_seldom_small(kind, grouped):
    rng = np.random.default_rng(0)
    found = np.array([_null_scores(kind, rng, grouped).p_value for _ in range(1000)])
    assert 0.02 < (found < 0.05).mean() < 0.07
    assert (found < 0.005).mean() < 0.012


def test_corrections_by_hand():
    p_values = np.array([0.01, np.nan, 0.04, 0.03])
    holm = corrected(p_values, "holm")
    assert holm[[0, 2, 3]] == pytest.approx([0.04, 0.09, 0.09])
    assert np.isnan(holm[1])
    found = corrected(p_values, "benjamini_hochberg")
    # The undefined one counts as a test: 0.01 * 4 / 1, and 0.04 * 4 / 3 for the other two.
    assert found[[0, 2, 3]] == pytest.approx([0.04, 0.16 / 3, 0.16 / 3])
    assert np.isnan(found[1])
    assert len(corrected(np.array([]), "holm")) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shares", "recalls", "size"),
    [
        ([0.6, 0.3, 0.1], [0.95, 0.8, 0.7], 100),
        ([1 / 50] * 50, [0.8] * 50, 60),  # most classes have one sample
        ([1 / 50] * 50, [0.95] * 25 + [0.6] * 25, 60),
    ],
)
def test_limits_of_balanced_accuracy_hold(shares, recalls, size):
    rng, recalls = np.random.default_rng(0), np.array(recalls)
    slicing = alone(np.repeat([0, 1], size))
    held = 0
    for _ in range(500):
        target = rng.choice(len(shares), 2 * size, p=shares)
        is_hit = rng.random(2 * size) < recalls[target]
        predicted = np.where(is_hit, target, (target + 1) % len(shares))
        scores = macro_scores("balanced_accuracy", target, predicted, len(shares), slicing, 0.95)
        truth = recalls[np.unique(target[:size])].mean()
        held += scores[0].low <= truth <= scores[0].high
    assert 0.92 < held / 500 < 0.995
