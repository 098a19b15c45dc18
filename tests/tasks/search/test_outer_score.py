"""What a search has found, on the outer folds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from baseline_samples import table_of
from event_recorder import Recorder
from project_copy import tree
from test_score_trial import CNN, base

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.fold_parts import fold_parts
from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Feature, Samples
from foldwise.tasks.events import ComparisonFinished, FoldFinished, MethodStarted
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import predict_folds, predict_parts
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.outer_score import outer_scores
from foldwise.tasks.search.recipes import recipe_of
from foldwise.tasks.search.score_trial import open_scorer, studies_of
from foldwise.tasks.search.standardised_error import standardised_errors
from foldwise.tasks.search.trial import Candidate, Fidelity, Problem, StudyResult
from foldwise.tasks.train import cross_validate
from foldwise.tasks.train_config import TrainRnnConfig


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


@pytest.mark.slow
@pytest.mark.parametrize("target", ["value", "change"])
def test_errors_of_numbers_come_in_the_unit_of_the_trials_too(tmp_path, target):
    samples = windows()
    config = SplitConfig(num_folds=2, scheme="stratified", test_fraction=0)
    folds = make_folds(samples.table, config)
    training = TrainRnnConfig.of(
        model={"name": "gru", "hidden_size": 4},
        fit={"max_epochs": 2, "batch_size": 16, "accelerator": "cpu", "precision": "float32"},
        target=target,
        target_channel="level",
    )
    problem = Problem("rnn", samples, folds, base("rnn", training), "waves")
    spec = studies_of(problem, SearchConfig())[0]
    candidate = Candidate({}, problem.base)
    result = StudyResult(spec, (), candidate, 0, (0.5,), (0,))
    found = outer_scores(problem, [result], tmp_path)
    winner = found[found["method"] == "winner"].reset_index(drop=True)
    # The inner part of each fold, put in the place of its outer one, has the error of the trial.
    models = FoldModels(tmp_path / "winner")
    inner = [replace(parts, oof=parts.validation) for parts in fold_parts(folds, samples.table)]
    table = predict_parts(models, samples, folds, inner)
    errors = pd.Series(standardised_errors(table, models, samples)).groupby(table["fold"]).mean()
    score = open_scorer(problem, spec)(candidate, Fidelity(), lambda *_: None)
    assert errors.to_numpy() == pytest.approx([p.score for p in score.parts], rel=1e-4)
    assert winner["standardised_error"].between(0, 10).all()


def windows(size=60, steps=12):
    """Sine waves of any height, whose next two values are to be foretold."""
    random = np.random.default_rng(0)
    time = np.arange(steps + 2) + random.uniform(0, 6, (size, 1))
    waves = 50 + random.uniform(1, 9, (size, 1)) * np.sin(time)
    x = waves[:, :steps, np.newaxis].astype(np.float32)
    targets = {f"target_{i + 1}": waves[:, steps + i] for i in range(2)}
    table = table_of(x, length=steps, **targets)
    return Samples(x, table, modality="series", features=(Feature(name="level"),))
