import numpy as np
import pytest
import torch
from torchmetrics.image.kid import KernelInceptionDistance

from foldwise.metrics.generation import kernel_distance


def gaussians(size, seed=0, dimensions=3, shift=0.0):
    return shift + np.random.default_rng(seed).normal(size=(size, dimensions))


def by_hand(x, y):
    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    def mean(values):
        return sum(values) / len(values)

    within = mean([kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j])
    other = mean([kernel(a, b) for i, a in enumerate(y) for j, b in enumerate(y) if i != j])
    return within + other - 2 * mean([kernel(a, b) for a in x for b in y])


def test_it_is_the_mean_over_all_pairs():
    x, y = gaussians(7, 1), gaussians(5, 2, shift=0.5)
    assert kernel_distance(x, y).value == pytest.approx(by_hand(x, y))


def test_the_interval_is_the_jackknifes_over_both_sets():
    from scipy.stats import t

    x, y = gaussians(7, 1), gaussians(5, 2, shift=0.5)
    without_x = [by_hand(np.delete(x, i, axis=0), y) for i in range(7)]
    without_y = [by_hand(x, np.delete(y, i, axis=0)) for i in range(5)]
    variance = sum((len(w) - 1) * np.var(w) for w in (without_x, without_y))
    found = kernel_distance(x, y, confidence=0.9)
    assert (found.high - found.low) / 2 == pytest.approx(t.ppf(0.95, 4) * np.sqrt(variance))
    assert (found.high + found.low) / 2 == pytest.approx(found.value)


class Flat(torch.nn.Module):
    """Features that are known: the pixels themselves."""

    num_features = 12

    def forward(self, images):
        return images.flatten(1).double() / 255


def test_it_is_torchmetrics_distance_of_the_same_features():
    generator = np.random.default_rng(0)
    real, generated = generator.integers(0, 256, (2, 25, 3, 2, 2), dtype=np.uint8)
    metric = KernelInceptionDistance(feature=Flat(), subsets=1, subset_size=25)
    metric.update(torch.from_numpy(real), real=True)
    metric.update(torch.from_numpy(generated // 2), real=False)
    found = kernel_distance(real.reshape(25, -1) / 255, (generated // 2).reshape(25, -1) / 255)
    assert found.value == pytest.approx(float(metric.compute()[0]), rel=1e-5)


def third_moments(mean):
    """E x (x) x (x) x of a Gaussian with covariance 1."""
    one = np.eye(len(mean))
    mixed = [np.einsum(rule, mean, one) for rule in ("i,jk->ijk", "j,ik->ijk", "k,ij->ijk")]
    return np.einsum("i,j,k->ijk", mean, mean, mean) + sum(mixed)


def of_distributions(shift, dimensions):
    """The squared distance between all moments up to the third, as the kernel weighs them."""
    mean = np.full(dimensions, shift)
    gaps = mean, np.outer(mean, mean), third_moments(mean)
    weights = 3 / dimensions, 3 / dimensions**2, 1 / dimensions**3
    return sum(w * np.square(gap).sum() for w, gap in zip(weights, gaps, strict=True))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_it_is_unbiased_and_the_interval_holds(shift):
    distances = [
        kernel_distance(gaussians(40, 2 * i, 8), gaussians(60, 2 * i + 1, 8, shift=shift))
        for i in range(300)
    ]
    truth, values = of_distributions(shift, 8), np.array([found.value for found in distances])
    error = values.std() / np.sqrt(len(values))
    assert values.mean() == pytest.approx(truth, abs=3 * error)
    assert (values.min() < 0) == (shift == 0), "an unbiased estimate of 0 is below it at times"
    held = np.mean([found.low <= truth <= found.high for found in distances])
    assert held >= 0.92


def test_too_few_samples_have_no_distance():
    found = kernel_distance(gaussians(2), gaussians(9))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.method == "undefined"
