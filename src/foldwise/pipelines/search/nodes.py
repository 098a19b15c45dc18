"""Nodes of the stages `search` and `report_search`, for each family of networks.

The families differ in the type of their parameters, which Kedro reads off the signatures.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.config import Config
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.data.training_sizes import training_sizes
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.events import Observer
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.installed_versions import installed_versions
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.search import result as task
from foldwise.tasks.search.config import SearchConfig
from foldwise.tasks.search.hidden_password import hide_password
from foldwise.tasks.search.scores import SearchScores, search_metrics
from foldwise.tasks.search.scores import search_scores as scores_of
from foldwise.tasks.search.trial import Problem, SearchFamily, StudyResult
from foldwise.tasks.train_config import TrainCnnConfig, TrainMlpConfig, TrainRnnConfig

logger = logging.getLogger(__name__)

_PACKAGES = ("foldwise", "optuna", "torch", "numpy", "scipy", "scikit-learn", "pandas")


def pose_cnn(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainCnnConfig,
    workspace: Path,
) -> Problem:
    """Return what is searched: the data, and the parameters where nothing is suggested."""
    base = {"train_cnn": config, "augment": augment, "balance": balance}
    return _problem("cnn", samples, folds, base, workspace)


def pose_rnn(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainRnnConfig,
    workspace: Path,
) -> Problem:
    """Return what is searched: the data, and the parameters where nothing is suggested."""
    base = {"train_rnn": config, "augment": augment, "balance": balance}
    return _problem("rnn", samples, folds, base, workspace)


def pose_mlp(
    samples: Samples,
    folds: Folds,
    balance: BalanceConfig,
    augment: AugmentConfig,
    config: TrainMlpConfig,
    workspace: Path,
) -> Problem:
    """Return what is searched: the data, and the parameters where nothing is suggested."""
    base = {"train_mlp": config, "augment": augment, "balance": balance}
    return _problem("mlp", samples, folds, base, workspace)


def pose_gan(samples: Samples, folds: Folds, config: TrainGanConfig, workspace: Path) -> Problem:
    """Return what is searched: the data, and the parameters where nothing is suggested."""
    return _problem("gan", samples, folds, {"train_gan": config}, workspace)


def search(
    problem: Problem, config: SearchConfig, workspace: Path, observer: Observer
) -> tuple[list[StudyResult], Path, dict[str, Any], pd.DataFrame, str]:
    """Run the trials of all studies; what is done stays, what was interrupted goes on.

    Returns:
        The results and the folder; the studies as JSON, their trials as a table, and the best
        parameters as YAML.
    """
    from foldwise.tasks.search.run_search import run_search

    results = run_search(problem, config, workspace, observer)
    return results, workspace, *_tables(problem, results, config)


def predict_winner(
    problem: Problem,
    results: list[StudyResult],
    models: Path,
    observer: Observer,
    find_run: FindRun | None = None,
) -> pd.DataFrame:
    """Train with the best parameters and the defaults; predict the outer folds, here alone."""
    from foldwise.tasks.search.outer_score import outer_scores

    logger.info(
        "The best parameters and the defaults are trained on each outer fold, to compare them "
        "where no trial was scored."
    )
    return outer_scores(problem, results, models, observer, find_run)


def score_search(
    studies: dict[str, Any],
    trials: pd.DataFrame,
    predictions: pd.DataFrame,
    samples: Samples,
    folds: Folds,
    evaluation: EvaluateConfig,
) -> SearchScores:
    """Score winner and defaults on the outer folds, their difference, and the optimism."""
    sizes = training_sizes(folds, samples.table)
    return scores_of(studies, trials, predictions, folds, sizes, evaluation)


def tabulate_search_scores(scores: SearchScores) -> dict[str, Any]:
    """Return what the search has come to as JSON."""
    return search_metrics(scores)


# Kedro resolves the annotations of every node: naming the figure's type would load matplotlib.
def draw_search(scores: SearchScores) -> tuple[Any, ...]:
    """Return Optuna's figures and the values that were tried; a sentence where there is none."""
    from foldwise.tasks.search.study_figures import NAMES, study_figures

    found = study_figures(scores)
    return tuple(found.or_sentence(name) for name in NAMES)


def write_cnn_search(
    scores: SearchScores,
    best: str,
    samples: Samples,
    folds: Folds,
    config: SearchConfig,
    training: TrainCnnConfig,
) -> str:
    """Return the search as one HTML page."""
    return _page(scores, best, samples, folds, config, training)


def write_rnn_search(
    scores: SearchScores,
    best: str,
    samples: Samples,
    folds: Folds,
    config: SearchConfig,
    training: TrainRnnConfig,
) -> str:
    """Return the search as one HTML page."""
    return _page(scores, best, samples, folds, config, training)


def write_mlp_search(
    scores: SearchScores,
    best: str,
    samples: Samples,
    folds: Folds,
    config: SearchConfig,
    training: TrainMlpConfig,
) -> str:
    """Return the search as one HTML page."""
    return _page(scores, best, samples, folds, config, training)


def write_gan_search(
    scores: SearchScores,
    best: str,
    samples: Samples,
    folds: Folds,
    config: SearchConfig,
    training: TrainGanConfig,
) -> str:
    """Return the search as one HTML page."""
    return _page(scores, best, samples, folds, config, training)


def _problem(
    family: SearchFamily,
    samples: Samples,
    folds: Folds,
    base: Mapping[str, Config],
    workspace: Path,
) -> Problem:
    # The workspace lies in the folder of its experiment.
    return Problem(family, samples, folds, base, workspace.parent.name)


def _tables(
    problem: Problem, results: list[StudyResult], config: SearchConfig
) -> tuple[dict[str, Any], pd.DataFrame, str]:
    from foldwise.tasks.search.best_params import BestFacts, best_params_text

    main = results[0]
    facts = BestFacts(
        study=main.spec.name,
        trial=main.winner_number,
        inner=dict(zip(main.spec.objectives, main.inner, strict=True)),
        samples=problem.samples.content_hash,
        folds=problem.folds.content_hash,
    )
    best = best_params_text(problem.family, main.winner, problem.base, facts)
    storage = hide_password(config.storage)
    record = task.studies_record(problem.family, results, config, storage)
    return record, task.trials_table(results, config), best


def _page(
    scores: SearchScores,
    best: str,
    samples: Samples,
    folds: Folds,
    config: SearchConfig,
    training: Config,
) -> str:
    from foldwise.tasks.search.report import render_search

    family = scores.family
    parameters = {
        **config.model_copy(update={"space": ()}).flat(f"search_{family}"),
        f"search_{family}.space": f"{len(config.space)} parameters",
        **training.flat(f"train_{family}"),
        **folds.flat_parameters,
    }
    return render_search(
        scores,
        best,
        provenance={
            "Data": {"samples": samples.content_hash, "folds": folds.content_hash},
            "Parameters that the search started from": parameters,
            "Versions": installed_versions(_PACKAGES),
        },
    )
