"""The generator that fills up the rare classes of one fold's training part.

M: made samples.
"""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding
from foldwise.data.samples import Samples
from foldwise.seeds import derive_seed
from foldwise.tasks.fit_gan import CollapsedError, fit_generator
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.synthetic_filter import Draw

logger = logging.getLogger(__name__)


class FittedDraw(NamedTuple):
    """What makes samples of a class, and what was seen while it was fitted."""

    draw: Draw
    findings: tuple[Finding, ...] = ()


def fit_draw(job: FoldJob, samples: Samples, recipe: Recipe, folder: Path) -> FittedDraw:
    """Fit a generator on a fold's training part, or go on where that was interrupted.

    Args:
        job: The parts of the fold; the training part alone is looked at.
        samples: The samples.
        recipe: The generator and the seed.
        folder: Where the state after each epoch is kept.

    Raises:
        CollapsedError: The generator does not converge, and `on_collapse` says so.
        GanTrainingError: It cannot be fitted on such samples.
    """
    config = recipe.generator
    assert config is not None
    where = f"repeat {job.key[0]}, fold {job.key[1]}"
    logger.info("Fitting a generator (%s) for the rare classes of %s.", config.model.name, where)
    seed = derive_seed(recipe.seed, *job.key, "generator")
    try:
        fitted = fit_generator(samples, np.unique(job.training.rows), config, seed, folder)
    except CollapsedError as error:
        raise CollapsedError(
            f"balance.method is 'gan', but the generator of {where} is not fit "
            f"for use. {error} train_gan.fit.on_collapse=restart tries other first weights; "
            "with warn it is used as it is, and what it makes is sifted."
        ) from None
    sampler = fitted.sampler

    def draw(labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[Any]:
        return sampler.generate(labels, sampler.latents(len(labels), seed))

    return FittedDraw(draw, fitted.findings)
