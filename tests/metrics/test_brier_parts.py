import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from foldwise.metrics.brier_parts import brier_parts


def two_columns(positive):
    return np.stack([1 - positive, positive], axis=1)


def test_the_parts_are_murphys_where_each_bin_has_one_probability():
    said = np.repeat([0.1, 0.5, 0.9], [10, 20, 10])
    came = np.repeat([0, 1, 0, 1, 0, 1], [8, 2, 10, 10, 1, 9])
    parts = brier_parts(came, two_columns(said), 10)
    count, frequency = np.array([10, 20, 10]), np.array([0.2, 0.5, 0.9])
    noise = (count / 40 * frequency * (1 - frequency) / (count - 1)).sum()
    share = came.mean()
    spread = share * (1 - share)
    reliability = (count / 40 * (np.array([0.1, 0.5, 0.9]) - frequency) ** 2).sum()
    resolution = (count / 40 * (frequency - share) ** 2).sum()
    assert parts.reliability == pytest.approx(reliability - noise)
    assert parts.resolution == pytest.approx(resolution - noise + spread / 39)
    assert parts.uncertainty == pytest.approx(spread * 40 / 39)
    assert parts.within_bins == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("num_classes", [2, 4])
def test_the_parts_add_up_to_the_score_of_scikit_learn(num_classes, monkeypatch):
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(num_classes), 300)
    target = rng.integers(0, num_classes, 300)
    said = probabilities[:, 1] if num_classes == 2 else probabilities
    whole = brier_parts(target, probabilities, 15)
    monkeypatch.setattr("foldwise.metrics.brier_parts._CHUNK_CELLS", 700)
    for parts in (whole, brier_parts(target, probabilities, 15)):
        total = parts.reliability - parts.resolution + parts.uncertainty + parts.within_bins
        assert total == pytest.approx(brier_score_loss(target, said))


def test_of_a_calibrated_model_the_reliability_is_zero_in_the_mean():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(300):
        said = rng.choice([0.15, 0.45, 0.85], 60)
        came = (rng.random(60) < said).astype(np.int64)
        found.append(brier_parts(came, two_columns(said), 10).reliability)
    assert np.mean(found) == pytest.approx(0, abs=0.002)
