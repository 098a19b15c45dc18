import numpy as np
import pytest
from sklearn.metrics import log_loss

from foldwise.metrics.temperature import apply_temperature, fit_temperature


@pytest.fixture
def calibrated():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 5))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = (probabilities.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    return probabilities, target


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_and_undone(calibrated, temperature):
    probabilities, target = calibrated
    said = apply_temperature(probabilities, 1 / temperature)
    found = fit_temperature(said, target)
    assert found == pytest.approx(temperature, rel=0.03)
    np.testing.assert_allclose(apply_temperature(said, temperature), probabilities, rtol=1e-6)


def test_no_temperature_has_a_lower_log_loss(calibrated):
    probabilities, target = calibrated
    said = apply_temperature(probabilities, 0.5)
    least = log_loss(target, apply_temperature(said, fit_temperature(said, target)))
    for temperature in np.linspace(1.5, 2.7, 13):
        assert least <= log_loss(target, apply_temperature(said, temperature)) + 1e-6


def test_scaling_changes_no_decision_and_no_sum(calibrated):
    probabilities, _ = calibrated
    for temperature in (0.1, 1.0, 30.0):
        scaled = apply_temperature(probabilities, temperature)
        assert (scaled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
        np.testing.assert_allclose(scaled.sum(axis=1), 1)


def test_a_small_part_that_happens_to_be_all_right_asks_for_no_boldness_without_end():
    probabilities = np.tile([[0.8, 0.2]], (10, 1))
    found = fit_temperature(probabilities, np.zeros(10, dtype=np.int64))
    assert 0.3 < found < 1
    assert fit_temperature(probabilities[:0], np.zeros(0, dtype=np.int64)) == 1


def test_probabilities_of_zero_stay_finite():
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]])
    for target in ([0, 1], [1, 0]):
        found = fit_temperature(probabilities, np.array(target))
        assert np.isfinite(apply_temperature(probabilities, found)).all()
