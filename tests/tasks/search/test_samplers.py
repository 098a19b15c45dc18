"""Samplers are seeded by the search, the worker and how far the study is."""

import optuna
import pytest
from study_cases import a_config, a_space, a_study, run_waiting

from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.samplers import build_sampler
from foldwise.tasks.search.study import finished_trials

LEARNING = ["tpe", "gp", "nsga2"]


@pytest.mark.parametrize("sampler", ["random", *LEARNING])
def test_the_same_worker_draws_the_same_at_the_same_point(sampler):
    config = a_config(sampler=sampler)
    assert _drawn(config, 0, 3) == _drawn(config, 0, 3)
    others = [_drawn(config, 1, 3), _drawn(config, 0, 4), _drawn(a_config(seed=1), 0, 3)]
    assert _drawn(config, 0, 3) not in others


@pytest.mark.parametrize("sampler", LEARNING)
def test_two_studies_by_one_worker_are_the_same(sampler, tmp_path):
    config = a_config(sampler=sampler, n_trials=4)
    found = []
    for name in ("one", "other"):
        study = a_study(tmp_path / name, config)
        run_waiting(study, config)
        found.append([(trial.params, trial.values) for trial in finished_trials(study)])
    assert found[0] == found[1]
    assert len({str(params) for params, _ in found[0]}) > 1


@pytest.mark.parametrize(("n_trials", "size"), [(10, 4), (100, 20), (1000, 50)])
def test_a_search_of_nsga2_has_several_generations(n_trials, size):
    sampler = build_sampler(a_config(sampler="nsga2", n_trials=n_trials), 0, 0)
    assert sampler.population_size == size


def test_tpe_comes_nearer_to_the_best_rate_than_it_began(tmp_path):
    config = a_config(sampler="tpe", n_trials=40)
    study = a_study(tmp_path, config)
    run_waiting(study, config)
    values = [trial.value for trial in finished_trials(study)]
    assert sum(values[-15:]) / 15 > sum(values[:10]) / 10


def _drawn(config, worker, num_trials):
    with quiet_optuna():
        study = optuna.create_study(sampler=build_sampler(config, worker, num_trials))
        return a_space(config).suggest(study.ask())
