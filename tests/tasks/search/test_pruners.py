"""Pruners end trials on steps that are epochs over all parts, or parts."""

import optuna
import pytest
from study_cases import a_config

from foldwise.tasks.search.pruners import build_pruner
from foldwise.tasks.search.quiet import quiet_optuna
from foldwise.tasks.search.trial import SearchError

PARTS, EPOCHS = 5, 6


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, optuna.pruners.MedianPruner),
        ({"sampler": "grid"}, optuna.pruners.NopPruner),
        ({"objectives": ["latency_ms"]}, optuna.pruners.NopPruner),
        ({"pruner": "none"}, optuna.pruners.NopPruner),
        ({"pruner": "median", "sampler": "grid"}, optuna.pruners.MedianPruner),
        ({"pruner": "hyperband"}, optuna.pruners.HyperbandPruner),
        ({"pruner": "wilcoxon"}, optuna.pruners.WilcoxonPruner),
    ],
)
def test_what_is_pruned_by(values, kind, recwarn):
    assert isinstance(build_pruner(a_config(**values), PARTS, EPOCHS), kind)
    assert not recwarn.list


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_a_bad_trial_ends_early_and_a_good_one_does_not(pruner):
    study = _study(pruner)
    for _ in range(20):
        assert _steps_of(study, 0.8) == PARTS * EPOCHS
    # Of hyperband's four brackets one ends no trial.
    bad = [_steps_of(study, 0.1) for _ in range(12)]
    assert sum(bad) / len(bad) < PARTS * EPOCHS / 2
    assert _steps_of(study, 0.9) == PARTS * EPOCHS


def test_the_median_waits_for_five_trials_and_a_third_of_the_first_part():
    study = _study("median")
    for value in (0.9, 0.8, 0.7, 0.6, 0.5):
        assert _steps_of(study, value) == PARTS * EPOCHS  # each worse than all before
    assert _steps_of(study, 0.1) == 2 + 1


def test_wilcoxon_compares_with_the_best_trial_part_by_part():
    study = _study("wilcoxon")
    assert _steps_of(study, 0.9, num_steps=8) == 8
    assert _steps_of(study, 0.1, num_steps=8) < 8
    assert _steps_of(study, 0.95, num_steps=8) == 8


def test_wilcoxon_needs_five_parts():
    with pytest.raises(SearchError, match=r"a trial has 4 parts\. Allowed: at least 5 parts"):
        build_pruner(a_config(pruner="wilcoxon"), 4, EPOCHS)


def _study(pruner):
    with quiet_optuna():
        return optuna.create_study(
            direction="maximize", pruner=build_pruner(a_config(pruner=pruner), PARTS, EPOCHS)
        )


def _steps_of(study, value, num_steps=PARTS * EPOCHS):
    """Return after how many steps a trial of this score ended."""
    trial = study.ask()
    for step in range(num_steps):
        trial.report(value + 0.001 * step, step)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return step + 1
    study.tell(trial, value)
    return num_steps
