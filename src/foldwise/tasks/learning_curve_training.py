"""Train on fractions of each fold's training part, and predict what was and was not trained on.

torch is imported where it is used, so that looking at the graph costs nothing.
"""

import dataclasses
import itertools
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foldwise.atomic import atomic_directory
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.fold_parts import FoldParts
from foldwise.data.folds import Folds, fold_parts
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.modules.config import FitConfig
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.cut_training_part import cut_training_part
from foldwise.tasks.events import MethodStarted, Observer, comparing, ignore
from foldwise.tasks.fit_steps import steps_per_epoch
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.learning_curve_config import LearningCurveConfig
from foldwise.tasks.pretrained import FindRun
from foldwise.tasks.recipe import Recipe

logger = logging.getLogger(__name__)

_MOST_SCORED = 5000  # training samples of a fold that are predicted as well


class LearningCurveError(UserError):
    """The training parts cannot be cut as asked."""


def fraction_models(root: Path, fraction: float) -> FoldModels:
    """Return where the networks of one fraction are kept."""
    return FoldModels(root / f"fraction_{fraction:g}")


def train_fractions(
    samples: Samples,
    folds: Folds,
    recipe: Recipe,
    config: LearningCurveConfig,
    root: Path,
    trained: FoldModels | None = None,
    observer: Observer = ignore,
    find_run: FindRun | None = None,
) -> Path:
    """Train one network per fraction and fold into `root` and return it.

    The folds, the inner validation parts and the recipe are the same for all; the training parts
    are cut. Networks that are there already, of the same inputs, are not trained again; one that
    was interrupted goes on.

    Args:
        samples: The samples.
        folds: Which of them are held out where.
        recipe: Network, fit, augmentation, remedy and seed, as of a training on all.
        config: The fractions, and what is kept equal.
        root: Where the networks are kept.
        trained: Networks of a training on all: those of the same inputs are taken as they are.
        observer: Is told of what happens.
        find_run: From an MLflow run's id to its networks, for weights to start from.

    Raises:
        DivergedError: A loss became infinite or not a number; what was trained before is kept.
        LearningCurveError: The training parts cannot be cut so.
    """
    from foldwise.tasks.train import cross_validate

    # All of them first: that a fraction cannot be cut should not come out after hours.
    plans = plan_fractions(samples, folds, recipe.balance, config)
    recipes = {
        fraction: dataclasses.replace(recipe, fit=fit)
        for fraction, fit in fits_of(plans, recipe.fit, config).items()
    }
    with comparing(observer):
        for number, fraction in enumerate(config.fractions, start=1):
            observer(MethodStarted(f"fraction {fraction:g}", None, number, len(plans)))
            models, own = fraction_models(root, fraction), recipes[fraction]
            if fraction == 1 and trained is not None:
                _take_over(trained, models, samples, folds, plans[fraction], own, find_run)
            cross_validate(samples, folds, plans[fraction], own, models, observer, find_run)
    return root


def plan_fractions(
    samples: Samples, folds: Folds, balance: BalanceConfig, config: LearningCurveConfig
) -> dict[float, pd.DataFrame]:
    """Return the balance plan of each fraction: a remedy sees no more than its fraction.

    Raises:
        BalanceError: The remedy does not fit the samples.
        LearningCurveError: A fraction gives no more samples than the one before.
    """
    whole = list(fold_parts(folds, samples.table))
    cut = {
        fraction: [_cut(parts, samples, folds, fraction, config.seed) for parts in whole]
        for fraction in config.fractions
    }
    _require_growth(cut)
    return {
        fraction: plan_balance(samples.table, folds, balance, parts)
        for fraction, parts in cut.items()
    }


def fits_of(
    plans: dict[float, pd.DataFrame], fit: FitConfig, config: LearningCurveConfig
) -> dict[float, FitConfig]:
    """Return how each fraction is fitted: the budget decides how many epochs.

    With equal steps an epoch of a tenth of the samples is a tenth as long: there are ten times as
    many of them, and patience is ten times as long.
    """
    if config.budget == "epochs":
        return dict.fromkeys(plans, fit)
    steps = {fraction: steps_per_epoch(plan, fit) for fraction, plan in plans.items()}
    fits = {}
    for fraction, own in steps.items():
        factor = steps[1.0] / own
        changed = {
            "max_epochs": max(1, round(fit.max_epochs * factor)),
            "patience": round(fit.patience * factor),
        }
        fits[fraction] = fit.model_copy(update=changed)
    return fits


def predict_fractions(
    root: Path, samples: Samples, folds: Folds, config: LearningCurveConfig
) -> pd.DataFrame:
    """Return the predictions of all fractions: the predictions table with `fraction` in front.

    Parts are `oof` and `train`: what a network was fitted on, at most 5,000 samples of a fold,
    drawn. `num_training` tells how many there were.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing.
    """
    whole = list(fold_parts(folds, samples.table))
    tables = []
    for fraction in config.fractions:
        models = fraction_models(root, fraction)
        parts = [_cut(of_fold, samples, folds, fraction, config.seed) for of_fold in whole]
        tables.append(_predict(models, parts, samples, folds, config.seed, fraction))
    return pd.concat(tables, ignore_index=True)


# -- cutting --------------------------------------------------------------------------------------


def _cut(
    parts: FoldParts, samples: Samples, folds: Folds, fraction: float, seed: int
) -> FoldParts:
    own = derive_seed(seed, parts.repeat, parts.fold, "learning_curve")
    return cut_training_part(parts, samples, folds, fraction, own)


def _require_growth(cut: dict[float, list[FoldParts]]) -> None:
    fractions = list(cut)
    for smaller, larger in itertools.pairwise(fractions):
        for one, other in zip(cut[smaller], cut[larger], strict=True):
            if len(one.train) < len(other.train):
                continue
            raise LearningCurveError(
                f"learning_curve.fractions={smaller:g} gives as many training samples as "
                f"{larger:g} in repeat {one.repeat}, fold {one.fold}: {len(one.train)}. Every "
                "class keeps one independent unit (a group, a set of duplicates) at least, and "
                "units stay whole: name fractions that are further apart."
            )


# -- networks -------------------------------------------------------------------------------------


def _take_over(
    trained: FoldModels,
    models: FoldModels,
    samples: Samples,
    folds: Folds,
    plan: pd.DataFrame,
    recipe: Recipe,
    find_run: FindRun | None,
) -> None:
    """Copy the networks that a training on all has made of the very same inputs."""
    from foldwise.tasks.batch_size import with_batch_size
    from foldwise.tasks.train import fold_jobs

    jobs = fold_jobs(samples, folds, plan, with_batch_size(recipe, samples, plan), find_run)
    taken = 0
    with models.exclusive():
        for job in jobs:
            is_there = models.finished(*job.key, job.fingerprint) is not None
            if is_there or trained.finished(*job.key, job.fingerprint) is None:
                continue
            with atomic_directory(models.folder(*job.key)) as temporary:
                shutil.copytree(trained.folder(*job.key), temporary, dirs_exist_ok=True)
            taken += 1
    if taken:
        logger.info("%d of %d networks on all samples were trained before.", taken, len(jobs))


def _predict(
    models: FoldModels,
    all_parts: Sequence[FoldParts],
    samples: Samples,
    folds: Folds,
    seed: int,
    fraction: float,
) -> pd.DataFrame:
    from foldwise.tasks.predict import fold_predictors, predicted_rows

    tables = []
    for parts, predictor in fold_predictors(
        models, all_parts, samples, folds, stage="train_fractions"
    ):
        for part, ids in (("oof", parts.oof), ("train", _scored(parts, seed))):
            rows = samples.positions(ids)
            table = predicted_rows(predictor, samples, rows)
            steps = len(table) // max(1, len(ids))
            head = pd.DataFrame(
                {
                    "fraction": fraction,
                    "num_training": len(parts.train),
                    "sample_id": np.repeat(ids, steps),
                    "repeat": parts.repeat,
                    "fold": parts.fold,
                    "part": part,
                }
            )
            tables.append(pd.concat([head, table], axis=1))
    return pd.concat(tables, ignore_index=True)


def _scored(parts: FoldParts, seed: int) -> np.ndarray:
    """Return the training samples that are predicted as well, sorted."""
    if len(parts.train) <= _MOST_SCORED:
        return parts.train
    generator = numpy_generator(seed, parts.repeat, parts.fold, "scored")
    chosen = generator.choice(len(parts.train), _MOST_SCORED, replace=False)
    return parts.train[np.sort(chosen)]
