"""The generator that fills up the rare classes of one fold's training part.

M: made samples.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.samples import Samples
from foldwise.seeds import derive_seed
from foldwise.tasks.events import Observer
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.synthetic_filter import Draw


def fit_draw(
    job: FoldJob, samples: Samples, recipe: Recipe, folder: Path, observer: Observer
) -> Draw:
    """Fit a generator on a fold's training part; return what makes samples of a class by it.

    Args:
        job: The parts of the fold; the training part alone is looked at.
        samples: The samples.
        recipe: The generator and the seed.
        folder: Where an interrupted fit goes on.
        observer: Is told of its epochs.
    """
    # Here, since train_gan runs what trainings run, and they import this.
    from foldwise.tasks.train_gan import fit_generator

    assert recipe.generator is not None
    fitted = fit_generator(
        samples,
        np.unique(job.training.rows),
        recipe.generator,
        derive_seed(recipe.seed, *job.key, "generator"),
        folder,
        observer,
    )

    def draw(labels: npt.NDArray[np.int64], seed: int) -> npt.NDArray[Any]:
        return fitted.generate(labels, fitted.latents(len(labels), seed))

    return draw
