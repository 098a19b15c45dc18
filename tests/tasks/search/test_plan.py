"""Which points a study tries is decided by its seed alone."""

import numpy as np
import pytest
from study_cases import LR, WIDTH, a_config, a_space

from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.plan import draw_plan

_KIND = {"path": "train_cnn.kind", "kind": "categorical", "choices": ["plain", "deep"]}
_ONLY_DEEP = {**WIDTH, "when": {"train_cnn.kind": "deep"}}


def test_a_grid_is_the_product_with_branches_only_where_they_exist():
    plan = _plan(space=[_KIND, {**_ONLY_DEEP, "high": 3}], sampler="grid")
    deep = [{"train_cnn.kind": "deep", "train_cnn.width": width} for width in (1, 2, 3)]
    assert sorted(plan.points, key=str) == sorted([{"train_cnn.kind": "plain"}, *deep], key=str)
    assert plan.grid_size == 4
    assert not plan.is_capped


def test_a_grid_that_is_cut_off_is_no_corner_of_it():
    plan = _plan(space=_squares(5), sampler="grid", n_trials=10)
    assert plan.is_capped
    assert len({tuple(point.items()) for point in plan.points}) == 10
    for name in ("train_cnn.lr", "train_cnn.width"):
        assert len({point[name] for point in plan.points}) > 3


@pytest.mark.parametrize("sampler", ["grid", "random", "qmc"])
def test_fewer_trials_are_the_beginning_of_more(sampler):
    searched = {"space": _squares(5), "sampler": sampler}
    fewer, more = (_plan(**searched, n_trials=number) for number in (4, 9))
    assert fewer.points == more.points[:4]
    assert _plan(**searched, n_trials=9, seed=1).points != more.points


@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsga2"])
def test_samplers_that_learn_choose_later(sampler):
    assert _plan(sampler=sampler, n_trials=3).points == ({}, {}, {})


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_conditional_parameters_are_drawn_where_they_exist(sampler):
    plan = _plan(space=[_KIND, _ONLY_DEEP], sampler=sampler, n_trials=40)
    for point in plan.points:
        assert ("train_cnn.width" in point) == (point["train_cnn.kind"] == "deep")
    deep = [point for point in plan.points if "train_cnn.width" in point]
    assert 10 < len(deep) < 30


def test_qmc_fills_the_square_more_evenly_than_random():
    # Sobol' (1967): of the first 64 points each of 64 equal intervals of an axis holds one;
    # uniform draws leave a third of the intervals empty.
    def filled(sampler: str) -> int:
        logs = [point["train_cnn.lr"] for point in _plan(sampler=sampler, n_trials=64).points]
        return len({int(64 * (1 + np.log10(value) / 3)) for value in logs})

    assert filled("qmc") == 64
    assert filled("random") < 50


def test_random_search_sees_more_values_of_the_axis_that_matters_than_the_grid():
    # Bergstra and Bengio, Random search for hyper-parameter optimization, JMLR 13 (2012), fig. 1.
    budget, side = 25, 5
    searched = {"space": _squares(side), "n_trials": budget}
    grid = _plan(**searched, sampler="grid").points
    drawn = _plan(n_trials=budget, sampler="random").points
    assert len(grid) == len(drawn) == budget
    assert len({point["train_cnn.lr"] for point in grid}) == side
    assert len({point["train_cnn.lr"] for point in drawn}) == budget
    # So the best of them comes nearer to the best rate, for most places where that may be.
    best_rates = np.linspace(-3, 0, 101)
    nearer = [_gap(drawn, rate) < _gap(grid, rate) for rate in best_rates]
    assert np.mean(nearer) > 0.7


def _plan(**values: object):
    config: SearchConfig = a_config(**values)
    return draw_plan(config, a_space(config))


def _squares(side):
    rates = [float(rate) for rate in np.logspace(-3, 0, side)]
    lr = {"path": LR["path"], "kind": "categorical", "choices": rates}
    return [lr, {**WIDTH, "high": side}]


def _gap(points, log_rate):
    return min(abs(np.log10(point["train_cnn.lr"]) - log_rate) for point in points)
