"""What a search has found, on the outer folds."""

import numpy as np
import pandas as pd
import pytest
from event_recorder import Recorder
from project_copy import tree
from test_score_trial import CNN, base

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.tasks.events import ComparisonFinished, FoldFinished, MethodStarted
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import predict_folds
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.outer_score import outer_scores
from foldwise.tasks.search.recipes import recipe_of
from foldwise.tasks.search.score_trial import studies_of
from foldwise.tasks.search.trial import Candidate, Problem, StudyResult
from foldwise.tasks.train import cross_validate


@pytest.fixture
def problem(samples, folds):
    return Problem("cnn", samples, folds, base("cnn", CNN), "digits")


def results_of(problem, seeds, config):
    """The main study's winner first, then those of the folds: each has a seed of its own."""
    specs = studies_of(problem, config)
    return [
        StudyResult(spec, (), with_seed(problem, seed), 0, (0.5,), (0,))
        for spec, seed in zip(specs, seeds, strict=True)
    ]


def with_seed(problem, seed):
    training = CNN.model_copy(update={"seed": seed})
    return Candidate({"train_cnn.seed": seed}, {**problem.base, "train_cnn": training})


def trained(problem, parameters, folder):
    plan = plan_balance(problem.samples.table, problem.folds, BalanceConfig())
    models = cross_validate(
        problem.samples, problem.folds, plan, recipe_of(problem, parameters), FoldModels(folder)
    )
    return predict_folds(models, problem.samples, problem.folds)


@pytest.mark.slow
def test_winner_and_defaults_are_cross_validated_and_nested_winners_fold_by_fold(
    problem, tmp_path
):
    config = SearchConfig(nested=True)
    results = results_of(problem, (1, 2, 3), config)
    recorder = Recorder()
    found = outer_scores(problem, results, tmp_path / "search", recorder)
    tables = dict(tuple(found.groupby("method", sort=False)))
    assert list(tables) == ["winner", "defaults", "nested"]
    expected = {
        seed: trained(problem, with_seed(problem, seed).parameters, tmp_path / str(seed))
        for seed in (0, 1, 2, 3)
    }
    same(tables["winner"], expected[1])
    same(tables["defaults"], expected[0])
    of_folds = [expected[2][expected[2]["fold"] == 0], expected[3][expected[3]["fold"] == 1]]
    same(tables["nested"], pd.concat(of_folds))
    started = [event.name for event in recorder.of(MethodStarted)]
    assert started == ["winner", "defaults", "nested"]
    assert recorder.of(ComparisonFinished) == [ComparisonFinished(is_complete=True)]

    before, again = tree(tmp_path / "search"), Recorder()
    same(outer_scores(problem, results, tmp_path / "search", again), found)
    assert all(event.was_skipped for event in again.of(FoldFinished))
    assert len(again.of(FoldFinished)) == 6
    assert tree(tmp_path / "search") == before


def same(found, expected):
    found = found.drop(columns="method", errors="ignore").reset_index(drop=True)
    expected = expected.drop(columns="method", errors="ignore").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.slow
def test_nested_networks_of_another_search_are_removed(problem, tmp_path):
    both = SearchConfig(nested=True)
    outer_scores(problem, results_of(problem, (1, 2, 3), both), tmp_path)
    first = SearchConfig(nested=True, folds=1)
    found = outer_scores(problem, results_of(problem, (1, 2), first), tmp_path)
    nested = found[found["method"] == "nested"]
    assert set(nested["fold"]) == {0}
    assert [card.fold for card in FoldModels(tmp_path / "nested").cards()] == [0]
    assert np.isfinite(nested[["p_bright", "p_dark"]].to_numpy()).all()
