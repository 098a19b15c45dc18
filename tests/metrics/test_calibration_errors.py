import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import multiclass_calibration_error

from foldwise.metrics.calibration import (
    calibration_test,
    class_calibration_errors,
    copies_per_sample,
    debiased_distance,
    equal_mass_edges,
    equal_width_edges,
    frequency_intervals,
    reliability,
    top_label,
)
from foldwise.metrics.intervals import wilson_interval


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def draw(probabilities, rng):
    return (probabilities.cumsum(axis=1) < rng.random((len(probabilities), 1))).sum(axis=1)


def mean_distance(points):
    """The mean distance of score and frequency over the samples, from the points of a diagram."""
    return np.average(np.abs(points.confidence - points.frequency), weights=points.num_samples)


def test_the_error_is_that_of_torchmetrics(rng):
    probabilities = softmax(rng.normal(0, 2, (500, 4)))
    target = rng.integers(0, 4, 500)
    scores, hits = top_label(target, probabilities)
    (error,) = calibration_test(scores, hits, [equal_width_edges(15)], None, 2, rng).errors
    expected = multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(target), num_classes=4, n_bins=15, norm="l1"
    )
    assert error.value == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_points_are_those_of_scikit_learn(rng, strategy):
    scores = rng.random(301)
    hits = rng.random(301) < scores**2
    edges = equal_width_edges(7) if strategy == "uniform" else equal_mass_edges(scores, 7)
    frequency, confidence = calibration_curve(hits, scores, n_bins=7, strategy=strategy)
    found = reliability(scores, hits, edges)
    np.testing.assert_allclose(found.frequency, frequency)
    np.testing.assert_allclose(found.confidence, confidence)
    assert found.num_samples.sum() == 301


def test_equal_scores_share_a_bin():
    edges = equal_mass_edges(np.array([1.0] * 8 + [0.5, 0.6]), 5)
    found = reliability(np.full(3, 1.0), np.array([True, True, False]), edges)
    assert found.num_samples.tolist() == [3]
    alone = equal_mass_edges(np.full(4, 0.7), 5)
    assert reliability(np.full(4, 0.7), np.ones(4, bool), alone).confidence == pytest.approx(0.7)


def test_intervals_of_the_points_are_wilsons(rng):
    scores = rng.random(100)
    hits = rng.random(100) < scores
    edges = equal_width_edges(4)
    points = reliability(scores, hits, edges)
    found = frequency_intervals(scores, hits, edges, None, 0.95)
    for frequency, count, interval in zip(
        points.frequency, points.num_samples, found, strict=True
    ):
        assert interval[:2] == pytest.approx(wilson_interval(frequency, count, 0.95))


def test_intervals_of_points_are_wider_where_samples_are_copies(rng):
    scores = np.repeat(rng.random(50), 4)
    hits = np.repeat(rng.random(50) < 0.5, 4)
    edges = equal_width_edges(2)
    alone = frequency_intervals(scores, hits, edges, None, 0.95)
    copies = frequency_intervals(scores, hits, edges, np.arange(200) // 4, 0.95)
    for narrow, wide in zip(alone, copies, strict=True):
        assert wide.high - wide.low > 1.7 * (narrow.high - narrow.low)


def test_a_calibrated_model_has_an_error_that_is_foretold_and_taken_off(rng):
    """The error of 200 samples in 15 bins is 0.063 though each probability is true."""
    found = []
    for _ in range(400):
        scores = rng.uniform(0.5, 1, 200)
        hits = rng.random(200) < scores
        (error,) = calibration_test(scores, hits, [equal_width_edges(15)], None, 100, rng).errors
        found.append(error)
    value, expected, _, p_value, debiased = np.array(found).T
    assert value.mean() == pytest.approx(0.063, abs=0.002)
    assert expected.mean() == pytest.approx(value.mean(), abs=0.002)
    assert abs(debiased.mean()) < 0.002
    assert 0.02 < (p_value < 0.05).mean() < 0.08
    assert p_value.mean() == pytest.approx(0.5, abs=0.05)


def test_an_overconfident_model_is_told_from_a_calibrated_one(rng):
    scores = rng.uniform(0.5, 1, 2000)
    hits = rng.random(2000) < scores - 0.1
    found = calibration_test(scores, hits, [equal_mass_edges(scores, 15)], None, 500, rng)
    assert found.errors[0].debiased == pytest.approx(0.1, abs=0.025)
    assert found.errors[0].p_value == pytest.approx(1 / 501)
    assert found.gap == pytest.approx(0.1, abs=0.03)
    assert found.gap_p_value == pytest.approx(1 / 501)


def test_both_binnings_are_tested_by_the_same_draws_as_alone(rng):
    scores = rng.random(300)
    hits = rng.random(300) < scores
    edges = [equal_width_edges(10), equal_mass_edges(scores, 10)]
    together = calibration_test(scores, hits, edges, None, 50, np.random.default_rng(1))
    for error, one in zip(together.errors, edges, strict=True):
        points = reliability(scores, hits, one)
        assert error.value == pytest.approx(mean_distance(points))
        alone = calibration_test(scores, hits, [one], None, 50, np.random.default_rng(1))
        assert alone.errors[0] == pytest.approx(error)


def test_samples_of_a_unit_do_not_count_as_evidence_of_their_own(rng):
    """Without units every third calibrated model would be called miscalibrated."""
    units = np.repeat(np.arange(30), 10)
    p_values, ignoring = [], []
    for _ in range(100):
        scores = np.repeat(rng.uniform(0.6, 0.95, 30), 10)
        shared, own = rng.random(30)[units], rng.random(300)
        hits = np.where(rng.random(300) < 0.7, shared, own) < scores
        edges = [equal_mass_edges(scores, 10)]
        test = calibration_test(scores, hits, edges, units, 100, rng)
        p_values.append(test.errors[0].p_value)
        ignoring.append(calibration_test(scores, hits, edges, None, 100, rng).errors[0].p_value)
    assert np.mean(np.array(p_values) < 0.05) < 0.2
    assert np.mean(np.array(ignoring) < 0.05) > 0.5


def test_correlation_within_units_is_found(rng):
    units, scores = np.repeat(np.arange(500), 4), np.full(2000, 0.8)
    shared, own = rng.random(500)[units], rng.random(2000)
    edges = [equal_width_edges(5)]
    for share, expected in ((0.0, 0.0), (0.5**0.5, 0.5), (1.0, 1.0)):
        hits = np.where(rng.random(2000) < share, shared, own) < scores
        test = calibration_test(scores, hits, edges, units, 100, rng)
        assert test.correlation == pytest.approx(expected, abs=0.1)
    assert copies_per_sample(units, 1.0) == pytest.approx(4)
    assert copies_per_sample(units, 0.0) == copies_per_sample(None, 1.0) == 1


def test_errors_of_classes_are_those_of_each_class_against_the_rest(rng, monkeypatch):
    probabilities = softmax(rng.normal(0, 1.5, (400, 5)))
    target = draw(probabilities, rng)
    found = class_calibration_errors(target, probabilities, 10)
    for code in range(5):
        scores, hits = probabilities[:, code], target == code
        points = reliability(scores, hits, equal_width_edges(10))
        assert found.value[code] == pytest.approx(mean_distance(points))
        assert found.gap[code] == pytest.approx(scores.mean() - hits.mean())
        null = calibration_test(scores, hits, [equal_width_edges(10)], None, 2000, rng).errors[0]
        assert found.expected[code] == pytest.approx(null.expected, rel=0.06)
        assert found.debiased[code] == pytest.approx(null.debiased, abs=0.003)
    monkeypatch.setattr("foldwise.metrics.calibration._CHUNK_CELLS", 900)
    for one, other in zip(class_calibration_errors(target, probabilities, 10), found, strict=True):
        np.testing.assert_allclose(one, other)


def test_a_debiased_distance_is_the_mean_over_halves(rng):
    """One half of the samples gives the sign, the other the size; their noises are independent."""
    for distance, deviation in ((0.0, 1.0), (0.7, 1.0), (-2.0, 1.5)):
        noise = rng.normal(0, deviation, 400_000)
        halves = np.sign(distance + noise) * (distance - noise)
        expected = debiased_distance(np.array(distance), np.array(deviation))
        assert float(expected) == pytest.approx(halves.mean(), abs=0.01)
    assert debiased_distance(np.array([0.3]), np.array([0.0])) == pytest.approx(0.3)
