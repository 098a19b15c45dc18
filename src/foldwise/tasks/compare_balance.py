"""Train one network per remedy, seed and fold: the same folds, seeds and budget for each.

torch is imported where it is used, so that looking at the graph costs nothing.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import plan_balance
from foldwise.data.balance.fill import with_places
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples, require_images
from foldwise.modules.config import FitConfig
from foldwise.tasks.compare_config import REFERENCE, CompareBalanceConfig
from foldwise.tasks.events import MethodStarted, Observer, comparing, ignore
from foldwise.tasks.fit_steps import steps_per_epoch
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.remedy_costs import keep_seconds
from foldwise.tasks.remedy_models import RemedyModels
from foldwise.tasks.train_config import TrainCnnConfig

logger = logging.getLogger(__name__)


def train_remedies(
    samples: Samples,
    folds: Folds,
    config: CompareBalanceConfig,
    training: TrainCnnConfig,
    augment: AugmentConfig,
    models: RemedyModels,
    observer: Observer = ignore,
    find_run: Callable[[str], Path] | None = None,
    generator: TrainGanConfig | None = None,
) -> RemedyModels:
    """Train the networks of every remedy into `models` and return it.

    What differs between remedies is the remedy alone. Networks that are there already, of the
    same inputs, are not trained again; one that was interrupted goes on.

    Args:
        samples: The samples.
        folds: Which of them are held out where; the same for every remedy.
        config: The remedies and the seeds.
        training: Network, fit and seed, as of a training without a comparison.
        augment: The augmentation.
        models: Where the networks are kept.
        observer: Is told of what happens.
        find_run: From an MLflow run's id to its networks, for weights to start from.
        generator: What `gan` fills rare classes up by.

    Raises:
        BalanceError: A remedy does not fit the samples.
        DivergedError: A loss became infinite or not a number; what was trained before is kept.
        RecipeError: A remedy does not go with the fit or the augmentation.
        SamplesError: The samples are no pictures in classes.
    """
    from foldwise.tasks.synthetic_samples import require_fillable
    from foldwise.tasks.train import cross_validate

    require_images(samples, "compare_balance")
    seeds = seeds_of(config, training)
    # All of them first: that a remedy does not fit should not come out after hours.
    plans = {r.name: plan_balance(samples.table, folds, r) for r in config.methods}
    labels = samples.table.set_index("sample_id")["label"]
    places = {r.name: with_places(plans[r.name], labels, r.remedy) for r in config.methods}
    fits = fits_of(places, training.fit, config)
    arms = [
        (
            remedy.name,
            training.model_copy(update={"fit": fits[remedy.name], "seed": seed}).recipe(
                augment, remedy, generator
            ),
        )
        for remedy in config.methods
        for seed in seeds
    ]
    for _, recipe in arms:
        require_fillable(samples, recipe)
    with comparing(observer):
        for number, (name, recipe) in enumerate(arms, start=1):
            shown = recipe.seed if len(seeds) > 1 else None
            observer(MethodStarted(name, shown, number, len(arms)))
            workspace = models.of(name, recipe.seed)
            timed = keep_seconds(models.seconds_path(name, recipe.seed), observer)
            cross_validate(samples, folds, plans[name], recipe, workspace, timed, find_run)
    return models


def predict_remedies(
    models: RemedyModels,
    samples: Samples,
    folds: Folds,
    config: CompareBalanceConfig,
    training: TrainCnnConfig,
) -> pd.DataFrame:
    """Return the predictions of all remedies: the predictions table with `method` and `seed`.

    Raises:
        ModelError: The networks were trained on other samples or folds, or one is missing.
    """
    from foldwise.tasks.predict import predict_folds

    tables = []
    for method in config.names:
        for seed in seeds_of(config, training):
            table = predict_folds(models.of(method, seed), samples, folds)
            table.insert(0, "seed", seed)
            table.insert(0, "method", method)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def seeds_of(config: CompareBalanceConfig, training: TrainCnnConfig) -> tuple[int, ...]:
    """Return the seeds that every remedy is trained with."""
    return (training.seed,) if config.seeds is None else config.seeds


def fits_of(
    plans: Mapping[str, pd.DataFrame], fit: FitConfig, config: CompareBalanceConfig
) -> dict[str, FitConfig]:
    """Return how each method is fitted: the budget decides how many epochs.

    Args:
        plans: The balance plan of each method by its name, with a row for each made sample.
        fit: As the user wrote it; so it stays for a method that keeps the rows as they are.
        config: What is kept equal, steps or epochs.
    """
    if config.budget == "epochs":
        return dict.fromkeys(plans, fit)
    steps = {name: steps_per_epoch(plan, fit) for name, plan in plans.items()}
    fits = {}
    for name in plans:
        epochs = max(1, round(fit.max_epochs * steps[REFERENCE] / steps[name]))
        if epochs != fit.max_epochs:
            logger.info(
                "%s: %d epochs in place of %d, of %.2f times as many steps each.",
                name,
                epochs,
                fit.max_epochs,
                steps[name] / steps[REFERENCE],
            )
        fits[name] = fit.model_copy(update={"max_epochs": epochs})
    return fits
