import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from foldwise.data.target_scaling import TargetScaling, fit_target_scaling
from foldwise.errors import UserError


def numbers(shape=(40, 3)):
    return np.random.default_rng(0).gamma(2.0, 50.0, shape)


def test_the_scale_is_scikit_learns_of_the_given_rows_alone():
    targets, rows = numbers(), np.arange(0, 40, 3)
    reference = StandardScaler().fit(targets[rows])
    scaling = fit_target_scaling(targets, rows)
    np.testing.assert_allclose(scaling.scale(targets), reference.transform(targets), rtol=1e-12)


def test_the_order_of_the_rows_changes_nothing():
    targets, rows = numbers(), np.arange(40)
    shuffled = np.random.default_rng(1).permutation(rows)
    assert fit_target_scaling(targets, rows) == fit_target_scaling(targets, shuffled)


@pytest.mark.parametrize("value", [0.0, 0.1, -3e8])
def test_a_constant_target_has_std_1(value):
    scaling = fit_target_scaling(np.full((30, 1), value), np.arange(30))
    assert scaling.std == (1.0,)
    np.testing.assert_allclose(scaling.scale([[value + 2]]), 2, atol=1e-6)


def test_small_units_are_no_constant():
    targets = 1e-15 * numbers((40, 1))
    np.testing.assert_allclose(fit_target_scaling(targets, np.arange(40)).scale(targets).std(), 1)


@pytest.mark.parametrize("transform", ["none", "log"])
def test_unscale_gives_back_targets_and_quantiles(transform):
    targets = numbers()
    scaling = fit_target_scaling(targets, np.arange(20), transform=transform)
    scaled = scaling.scale(targets)
    np.testing.assert_allclose(scaling.unscale(scaled), targets, rtol=1e-10)
    quantiles = np.stack([scaled, scaled + 1], axis=2)  # (N, H, Q)
    np.testing.assert_allclose(scaling.unscale(quantiles)[:, :, 0], targets, rtol=1e-10)
    np.testing.assert_allclose(scaling.unscale(quantiles)[:, :, 1], scaling.unscale(scaled + 1))


def test_log_standardises_logarithms():
    targets = numbers()
    scaled = fit_target_scaling(targets, np.arange(40), transform="log").scale(targets)
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(np.log(targets)))


def test_a_target_without_a_logarithm_is_named():
    targets = numbers()
    targets[7, 1] = -2.5
    with pytest.raises(UserError, match=r"target 2 of row 7 is -2.5, and it is one of 1\."):
        fit_target_scaling(targets, np.arange(5, 40), transform="log")
    fitted = fit_target_scaling(targets, np.arange(7), transform="log")
    with pytest.raises(UserError, match=r"target 2 of row 7 is -2\.5"):
        fitted.scale(targets)


def test_it_comes_back_from_json_to_the_bit():
    scaling = fit_target_scaling(numbers(), np.arange(40), transform="log")
    assert TargetScaling.model_validate_json(scaling.model_dump_json()) == scaling


@pytest.mark.parametrize("std", [(0.0,), (1.0, 1.0)])
def test_a_scale_that_cannot_be_is_refused(std):
    with pytest.raises(ValueError, match="one number per target"):
        TargetScaling(mean=(0.0,), std=std)


def test_a_scale_that_is_not_centred_keeps_zero():
    targets = numbers() + 3
    scaling = fit_target_scaling(targets, np.arange(40), is_centred=False)
    np.testing.assert_array_equal(scaling.unscale(np.zeros_like(targets)), np.zeros_like(targets))
    np.testing.assert_allclose((scaling.scale(targets) ** 2).mean(axis=0), 1)
