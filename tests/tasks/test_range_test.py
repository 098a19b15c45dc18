import dataclasses
import io
import math

import numpy as np
import pandas as pd
import pytest
import torch

from foldwise.data.balance import BalanceConfig
from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.tasks.range_test import run_range_test, smooth, suggestions
from foldwise.tasks.range_test_config import RangeTestConfig
from foldwise.tasks.range_test_figure import range_test_figure

SHORT = RangeTestConfig(num_steps=30)


@pytest.fixture(scope="module")
def found(samples, folds, plan, recipe):
    return run_range_test(samples, folds, plan, recipe, SHORT)


def test_the_running_mean_is_that_of_pandas():
    losses = np.random.default_rng(0).normal(size=50)
    expected = pd.Series(losses).ewm(alpha=0.15, adjust=True).mean()
    np.testing.assert_allclose(smooth(losses, 0.85), expected)
    np.testing.assert_array_equal(smooth(losses, 0.0), losses)


def test_suggestions_are_read_off_a_curve_of_known_form():
    rates = np.logspace(-6, 1, 701)
    decades = np.log10(rates)
    losses = 1.5 - np.tanh(4 * (decades + 3))  # falls fastest at 1e-3, to 0.5
    losses += np.where(decades > -1, 10 * (decades + 1) ** 2, 0)  # rises from 0.1 on
    diverged = 10 ** (-1 + math.sqrt(0.15))  # 0.5 + 10 x^2 = 4 * 0.5
    told = suggestions(rates, losses, 4.0)
    assert told["steepest"] == pytest.approx(1e-3, rel=0.03)
    assert told["diverged"] == pytest.approx(diverged, rel=0.03)
    assert told["tenth_of_diverged"] == pytest.approx(diverged / 10, rel=0.03)
    assert told["minimum"] == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("end", [math.nan, math.inf])
def test_a_loss_that_is_no_number_has_diverged(end):
    rates = np.array([0.01, 0.1, 1.0, 10.0])
    told = suggestions(rates, np.array([2.0, 1.0, 1.1, end]), 4.0)
    assert (told["minimum"], told["diverged"], told["tenth_of_diverged"]) == (0.1, 10.0, 1.0)


def test_a_loss_that_only_rises_suggests_no_descent_and_one_that_only_falls_no_divergence():
    rates = np.logspace(-3, 0, 10)
    assert suggestions(rates, np.linspace(1, 2, 10), 4.0)["steepest"] is None
    falling = suggestions(rates, np.linspace(2, 1, 10), 4.0)
    assert (falling["diverged"], falling["tenth_of_diverged"]) == (None, None)
    assert falling["minimum"] == 1.0


def test_the_rates_grow_by_a_factor_from_start_to_end(samples, folds, plan, recipe):
    config = RangeTestConfig(start=1e-5, end=1e-2, num_steps=31, smoothing=0.5)
    table = run_range_test(samples, folds, plan, recipe, config).table
    np.testing.assert_allclose(table["lr"], np.logspace(-5, -2, 31))
    assert list(table["step"]) == list(range(31))
    np.testing.assert_allclose(table["smoothed_loss"], smooth(table["loss"].to_numpy(), 0.5))


def test_the_first_loss_is_that_of_an_untrained_network(found, samples):
    assert found.table["loss"][0] == pytest.approx(math.log(len(samples.classes)), rel=0.5)


def test_it_is_the_same_each_time_and_leaves_the_global_generator_alone(
    found, samples, folds, plan, recipe
):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = run_range_test(samples, folds, plan, recipe, SHORT)
    assert torch.equal(before, torch.get_rng_state())
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)
    assert again.record == found.record


def with_fit(recipe, **fit):
    fit = FitConfig.of(**{"accelerator": "cpu", "batch_size": 16} | fit)
    return dataclasses.replace(recipe, fit=fit)


def test_a_fit_that_blows_up_ends_the_test(samples, folds, plan, recipe):
    config = RangeTestConfig(start=1e-3, end=1e30, num_steps=40)
    wild = with_fit(recipe, optimizer={"name": "nesterov"}, gradient_clip_norm=0)
    found = run_range_test(samples, folds, plan, wild, config)
    assert 3 < len(found.table) < 40
    told = found.record["range_test"]
    assert told["diverged"] == pytest.approx(found.table["lr"].iloc[-1])
    assert told["tenth_of_diverged"] == pytest.approx(told["diverged"] / 10)
    assert len(png(range_test_figure(found.table, told))) > 1000


def test_a_rate_is_that_of_the_steps_also_when_several_batches_make_one(
    samples, folds, plan, recipe
):
    found = run_range_test(samples, folds, plan, with_fit(recipe, accumulate=2), SHORT)
    assert len(found.table) == 30
    assert found.record["range_test"]["batch_size"] == 32
    assert found.table["loss"][0] == pytest.approx(math.log(2), rel=0.5)


def test_an_optimizer_without_a_rate_is_refused(samples, folds, plan, recipe):
    lbfgs = with_fit(recipe, optimizer={"name": "lbfgs"}, gradient_clip_norm=0)
    with pytest.raises(UserError, match="'lbfgs', which finds the length of each step"):
        run_range_test(samples, folds, plan, lbfgs, SHORT)


def test_an_automatic_batch_size_on_a_cpu_is_refused(samples, folds, plan, recipe):
    with pytest.raises(UserError, match="'auto', which asks how much a GPU's memory holds"):
        run_range_test(samples, folds, plan, with_fit(recipe, batch_size="auto"), SHORT)


def test_rates_that_do_not_grow_are_refused():
    with pytest.raises(ValueError, match=r"end must be above start=0.1, but it is 0.01"):
        RangeTestConfig(start=0.1, end=0.01)


def png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60)
    return buffer.getvalue()


def test_the_figure_is_the_same_each_time_and_shows_what_is_suggested(found):
    told = found.record["range_test"] | {"steepest": 1e-3, "diverged": None}
    figure = range_test_figure(found.table, told)
    assert png(figure) == png(range_test_figure(found.table, told))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "steepest fall: 0.001" in labels
    assert not [label for label in labels if label.startswith("diverged")]


def test_a_nodes_tables_are_what_the_task_returns(found, samples, folds, plan, recipe):
    from foldwise.pipelines.range_test.nodes import range_test_cnn
    from foldwise.tasks.train_config import TrainCnnConfig

    config = TrainCnnConfig(model=recipe.model, fit=recipe.fit, seed=recipe.seed)
    table, record = range_test_cnn(
        samples, folds, plan, BalanceConfig(), recipe.augment, config, SHORT, lambda run: None
    )
    pd.testing.assert_frame_equal(table, found.table)
    assert record == found.record
