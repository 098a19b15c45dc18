import numpy as np
import pandas as pd
import pytest

from foldwise.data.forecast_anchor import Anchors, ForecastAnchor
from foldwise.data.target_scaling import fit_target_scaling
from foldwise.modules.loss_config import DEFAULT_LEVELS, MseLossConfig, QuantileLossConfig
from foldwise.modules.number_outputs import NumberOutputs, fit_number_outputs

ROWS = np.arange(400)


def targets(seed=0):
    """Prices of two steps ahead: positive, skewed, far from standardised."""
    return np.exp(np.random.default_rng(seed).normal([3.0, 5.0], [0.2, 0.5], (400, 2)))


@pytest.mark.parametrize("transform", ["none", "log"])
def test_forecasts_are_in_the_targets_units_and_hold_what_they_promise(transform):
    scaling = fit_target_scaling(targets(), ROWS, transform=transform)
    outputs = np.zeros((400, 2))  # the network says: the mean
    numbers = fit_number_outputs(outputs, targets(1), MseLossConfig(), scaling)
    found, new = numbers.forecast(outputs), targets(2)
    plain = np.log(targets()) if transform == "log" else targets()
    mean = plain.mean(axis=0)
    expected = np.exp(mean) if transform == "log" else mean
    np.testing.assert_allclose(found.point, np.tile(expected, (400, 1)))
    for q, level in enumerate(DEFAULT_LEVELS):
        below = (new <= found.quantiles[:, :, q]).mean(axis=0)
        np.testing.assert_allclose(below, level, atol=0.1)  # four deviations of 0.025
    if transform == "log":
        assert (found.quantiles > 0).all()


def test_a_quantile_loss_has_its_own_levels_and_its_median_as_point():
    loss = QuantileLossConfig(quantiles=(0.1, 0.5, 0.9))
    scaling = fit_target_scaling(targets(), ROWS)
    normal = np.random.default_rng(0).normal(size=(400, 2))
    truth = scaling.unscale(normal)
    # (N, H * 3): medians are right, the outer two too near by 0.5 and 0.25
    outputs = np.tile([-0.78, 0.0, 1.03, -0.78, 0.0, 1.03], (400, 1))
    found = fit_number_outputs(outputs, truth, loss, scaling).forecast(outputs)
    np.testing.assert_allclose(found.point, scaling.unscale(np.zeros((400, 2))))
    assert found.levels == (0.1, 0.5, 0.9)
    scaled = np.stack([scaling.scale(found.quantiles[:, :, q]) for q in range(3)], axis=2)
    np.testing.assert_allclose(scaled[0], np.tile([-1.28, 0.0, 1.28], (2, 1)), atol=0.3)


def test_columns_are_of_a_long_table():
    scaling = fit_target_scaling(targets(), ROWS)
    outputs = np.random.default_rng(0).normal(size=(400, 2))
    found = fit_number_outputs(outputs, targets(), MseLossConfig(), scaling).forecast(outputs)
    table = pd.DataFrame(found.columns())
    quantiles = ["q_0.05", "q_0.25", "q_0.5", "q_0.75", "q_0.95"]
    assert list(table) == ["step", "prediction", *quantiles]
    assert table["step"].tolist() == [1, 2] * 400
    np.testing.assert_array_equal(table["prediction"].to_numpy().reshape(400, 2), found.point)
    last = table.loc[2 * 7 + 1, quantiles].to_numpy(float)  # of sample 7, step 2
    np.testing.assert_array_equal(last, found.quantiles[7, 1])
    assert (np.diff(table[quantiles].to_numpy(), axis=1) >= 0).all()


def test_they_come_back_from_json_to_the_bit():
    scaling = fit_target_scaling(targets(), ROWS, transform="log")
    loss = QuantileLossConfig(quantiles=(0.1, 0.5))
    outputs = np.random.default_rng(0).normal(size=(400, 4))
    numbers = fit_number_outputs(outputs, targets(1), loss, scaling)
    assert NumberOutputs.model_validate_json(numbers.model_dump_json()) == numbers


def volatile(seed):
    """Two steps of random walks, some four times as wild as others, and what they start from."""
    rng = np.random.default_rng(seed)
    unit = np.where(np.arange(400) % 2, 4.0, 1.0)
    start = rng.uniform(10, 1000, 400)
    steps = rng.normal(size=(400, 2)).cumsum(axis=1)
    return start[:, np.newaxis] + unit[:, np.newaxis] * steps, Anchors(start, unit)


def test_changes_start_from_the_last_value_and_intervals_grow_with_the_unit():
    anchor = ForecastAnchor(channel="price", index=0, mean=0.0, unit=1.0)
    truth, anchors = volatile(0)
    scaling = fit_target_scaling(anchors.changes(truth), ROWS, is_centred=False)
    known, of_known = volatile(1)
    changes = of_known.changes(known)
    zeros = np.zeros((400, 2))
    numbers = fit_number_outputs(zeros, changes, MseLossConfig(), scaling, anchor)
    assert NumberOutputs.model_validate_json(numbers.model_dump_json()) == numbers
    new, of_new = volatile(2)
    found = numbers.forecast(zeros, of_new)
    np.testing.assert_array_equal(found.point, np.tile(of_new.start[:, np.newaxis], (1, 2)))
    width = found.quantiles[:, :, -1] - found.quantiles[:, :, 0]
    np.testing.assert_allclose(width[1::2], 4 * width[::2])
    inside = (found.quantiles[:, :, 0] <= new) & (new <= found.quantiles[:, :, -1])
    for unit in (1.0, 4.0):
        share = inside[of_new.unit == unit].mean(axis=0)
        np.testing.assert_allclose(share, 0.9, atol=0.1)  # three deviations


def test_changes_are_not_told_without_what_they_start_from():
    anchor = ForecastAnchor(channel="price", index=0, mean=0.0, unit=1.0)
    scaling = fit_target_scaling(targets(), ROWS, is_centred=False)
    numbers = fit_number_outputs(np.zeros((400, 2)), targets(), MseLossConfig(), scaling, anchor)
    with pytest.raises(ValueError, match="needs the windows' anchors"):
        numbers.forecast(np.zeros((400, 2)))
