"""Trials of generators: what they are scored by, and on what."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from foldwise.data.folds import SplitConfig, fold_parts, make_folds
from foldwise.data.samples import Samples, array_hash
from foldwise.metrics.generation import frechet_distance
from foldwise.tasks import feature_space
from foldwise.tasks.fit_gan import GanTrainingError
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.search import gan_trial
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.generator_space import GeneratorSpace
from foldwise.tasks.search.inner_parts import inner_parts
from foldwise.tasks.search.outer_generators import num_compared
from foldwise.tasks.search.outer_score import outer_scores
from foldwise.tasks.search.score_trial import open_scorer, studies_of
from foldwise.tasks.search.trial import Candidate, Fidelity, Problem, StudyResult
from foldwise.tasks.train_gan import train_gans

TRAINING = TrainGanConfig.of(
    model={"name": "cgan", "latent_size": 4, "widths": [8, 8], "hidden_size": 8},
    fit={"max_epochs": 2, "batch_size": 32, "sample_every": 1, "accelerator": "cpu"},
    num_folds=2,
)


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch):
    """Networks of spaces that are fitted in a moment."""
    monkeypatch.setattr(feature_space, "_MOST_EPOCHS", 3)


@pytest.fixture(scope="module")
def problem():
    found = load_digits()
    kept = found.target < 3
    x = np.rint(found.images[kept, np.newaxis] * (255 / 16)).astype(np.uint8)
    table = pd.DataFrame(
        {
            "sample_id": [f"s{i:04d}" for i in range(len(x))],
            "label": found.target[kept].astype(str),
            "group": None,
            "official_split": None,
            "source": "digits",
            "sha256": [array_hash(image) for image in x],
        }
    )
    samples = Samples(x, table, ("0", "1", "2"))
    folds = make_folds(table, SplitConfig(num_folds=2, test_fraction=0, validation_fraction=0.3))
    return Problem("gan", samples, folds, {"train_gan": TRAINING}, "digits")


def test_only_folds_that_get_a_generator_are_scored(problem):
    one = TRAINING.model_copy(update={"num_folds": 1})
    spec = studies_of(replace(problem, base={"train_gan": one}), SearchConfig())[0]
    assert (spec.folds, spec.num_parts, spec.max_epochs) == (((0, 0),), 1, 2)
    assert (spec.objectives, spec.directions) == (("frechet",), ("minimize",))
    assert studies_of(problem, SearchConfig())[0].folds == ((0, 0), (0, 1))


@pytest.mark.parametrize("inner_folds", [1, 3])
def test_outer_folds_are_compared_in_sets_as_large_as_inner_parts(problem, inner_folds):
    (spec,) = studies_of(problem, SearchConfig(inner_folds=inner_folds))
    outer = {p.fold: p for p in fold_parts(problem.folds, problem.samples.table)}
    for part in inner_parts(problem, spec):
        size = num_compared(outer[part.parts.fold], spec)
        assert size == pytest.approx(len(part.parts.validation), abs=2)


def test_real_samples_are_nearer_than_noise_and_equal_for_all_candidates(problem):
    samples = problem.samples
    parts = next(fold_parts(problem.folds, samples.table))
    space = GeneratorSpace(samples, problem.folds, parts, TRAINING)
    rows = samples.positions(pd.Series(parts.validation, dtype=object))
    pool = samples.positions(pd.Series(parts.train, dtype=object))

    def remembered(labels, seed):
        random = np.random.default_rng(seed)
        return np.stack([samples.x[random.choice(pool[samples.y[pool] == k])] for k in labels])

    def noise(labels, seed):
        return np.random.default_rng(seed).integers(0, 255, (len(labels), 1, 8, 8), dtype=np.uint8)

    real = space.distances(remembered, rows, len(rows), 0)
    assert real < space.distances(noise, rows, len(rows), 0) / 5
    assert space.distances(remembered, rows, len(rows), 0) == real
    # The distance of smaller sets is larger, so sets of equal size are compared.
    halves = space.distances(remembered, rows, len(rows) // 2, 0)
    assert halves > real


@pytest.mark.slow
def test_a_trial_fits_the_generators_of_a_training_and_scores_them_on_inner_parts(
    problem, tmp_path, monkeypatch
):
    fitted = []
    fit = gan_trial.fit_generator
    monkeypatch.setattr(
        gan_trial, "fit_generator", lambda *args: fitted.append(fit(*args)) or fitted[-1]
    )
    config = SearchConfig(objectives=("num_parameters", "latency_ms"))
    scorer = open_scorer(problem, studies_of(problem, config)[0])
    told = []
    candidate = Candidate({}, problem.base)
    score = scorer(candidate, Fidelity(), lambda part, scores: told.append((part, scores)))
    assert told == [(0, (score.parts[0].score,) * 2)]  # a fit that is over is pruned after
    assert [part.fold for part in score.parts] == [0, 1]
    assert score.values[0] == np.mean([part.score for part in score.parts])
    assert score.values[1] == sum(p.numel() for p in fitted[0].networks.generator.parameters())
    assert 0 < score.values[2] < 1000
    models = train_gans(problem.samples, problem.folds, TRAINING, GanModels(tmp_path))
    for card, own in zip(models.cards(), fitted, strict=True):
        assert card.history[-1]["generator_loss"] == own.state.history[-1].generator_loss

    spec = studies_of(problem, SearchConfig(nested=True))
    results = [StudyResult(s, (), candidate, 0, score.values, (0,)) for s in spec]
    table = outer_scores(problem, results, tmp_path / "outer")
    assert list(table.columns) == ["method", "repeat", "fold", "score"]
    assert list(table["method"]) == ["winner"] * 2 + ["defaults"] * 2 + ["nested"] * 2
    assert table["score"].to_numpy().reshape(3, 2) == pytest.approx(
        np.tile(table["score"].to_numpy()[:2], (3, 1)), abs=0
    )
    assert (table["score"] != [part.score for part in score.parts] * 3).all()
    assert (table["score"] > 0).all()


def test_a_generator_that_collapses_is_scored_as_it_is(problem):
    # One step of a fit of nothing: all samples alike, which a training would stop at.
    stuck = TrainGanConfig.of(
        model={"name": "cgan", "latent_size": 4, "widths": [8, 8], "hidden_size": 8},
        fit={
            "max_epochs": 4,
            "batch_size": 32,
            "sample_every": 1,
            "accelerator": "cpu",
            "generator": {"lr": 0.5},
            "on_collapse": "stop",
        },
    )
    scorer = open_scorer(problem, studies_of(problem, SearchConfig(folds=1))[0])
    bad = scorer(Candidate({}, {"train_gan": stuck}), Fidelity(), lambda *_: None)
    good = scorer(Candidate({}, problem.base), Fidelity(), lambda *_: None)
    assert bad.parts[0].num_epochs == 4
    assert np.isfinite(bad.values[0])
    assert bad.values[0] > good.values[0]


def test_fewer_epochs_and_samples_are_given_when_asked(problem):
    scorer = open_scorer(problem, studies_of(problem, SearchConfig(folds=1))[0])
    found = scorer(Candidate({}, problem.base), Fidelity(1, 60), lambda *_: None)
    assert found.parts[0].num_epochs == 1


def test_tables_are_refused(problem):
    wrong = replace(problem, samples=replace(problem.samples, modality="table"))
    spec = studies_of(wrong, SearchConfig())[0]
    with pytest.raises(GanTrainingError, match="tables"):
        open_scorer(wrong, spec)


def test_the_distance_is_that_of_features_of_the_classifier(problem):
    samples = problem.samples
    parts = next(fold_parts(problem.folds, samples.table))
    space = GeneratorSpace(samples, problem.folds, parts, TRAINING)
    rows = samples.positions(pd.Series(parts.validation, dtype=object))
    drawn = samples.x[::-1][: len(rows)]
    found = space.distances(lambda labels, seed: drawn, rows, len(rows), 0)
    features = space._features(np.asarray(samples.x[np.sort(rows)]))
    assert found == pytest.approx(frechet_distance(features, space._features(drawn)), rel=1e-6)
