"""The distance of generated from real samples, as a search compares generators.

N: real samples, M: generated samples, D: features.
"""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.fold_parts import FoldParts
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.metrics.generation import frechet_distance
from foldwise.modules.data_module import Part
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.feature_space import network_features, space_jobs
from foldwise.tasks.fit_fold import FittedFold, fit_fold
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.gan_config import TrainGanConfig

Rows = npt.NDArray[np.int64]
Draw = Callable[[Rows, int], npt.NDArray[Any]]  # from labels (M,) and a seed to samples (M, ...)

_MOST_COMPARED = 5000


class GeneratorSpace:
    """What a network that tells the classes of one training part sees of samples.

    The network is that of `evaluate_gan`: it is fitted on the training part alone, in the same
    way for all candidates, when it is first needed.
    """

    def __init__(
        self, samples: Samples, folds: Folds, parts: FoldParts, training: TrainGanConfig
    ) -> None:
        """Take the training part, and of the generators' parameters the hardware."""
        self._samples, self._parts = samples, parts
        fit = training.fit
        config = EvaluateGanConfig(accelerator=fit.accelerator, num_threads=fit.num_threads)
        _, self._recipe = next(iter(space_jobs(samples, folds, config).values()))

    def prepare(self) -> None:
        """Fit the network, if that was not done."""
        _ = self._network

    def distances(self, draw: Draw, rows: Rows, num_compared: int, *purpose: int) -> float:
        """Return the mean Frechet distance between generated and real samples; lower is better.

        The expected distance falls with the number of samples. Only distances of equally many can
        be compared, so more real samples are split into sets of `num_compared`, over which the
        mean is taken; each has as many generated ones, with the same classes.

        Args:
            draw: Draws samples.
            rows: Of the real samples, (N,).
            num_compared: How many form a set; fewer where there are fewer, or more than 5,000.
            *purpose: Of the draws: the same for all candidates.
        """
        size = min(num_compared, len(rows), _MOST_COMPARED)
        seed = derive_seed(0, *purpose, "search_frechet")
        order = numpy_generator(seed, "rows").permutation(rows)
        found = []
        for number in range(len(rows) // size):
            taken = np.sort(order[number * size : (number + 1) * size])
            drawn = draw(self._samples.y[taken], derive_seed(seed, "drawn", number))
            real = np.asarray(self._samples.x[taken])
            found.append(frechet_distance(self._features(real), self._features(drawn)))
        return float(np.mean(found))

    def _features(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        table = pd.DataFrame(index=range(len(x)))
        fitted = self._network
        return network_features(
            fitted.network, replace(self._samples, x=x, table=table), fitted.preprocessing
        )

    @functools.cached_property
    def _network(self) -> FittedFold:
        training, validation = (
            self._part(ids) for ids in (self._parts.train, self._parts.validation)
        )
        job = FoldJob(self._parts, training, validation, "")
        return fit_fold(job, self._samples, self._recipe, None, lambda _: None, lambda _: None)

    def _part(self, ids: npt.NDArray[np.object_]) -> Part:
        rows = self._samples.positions(ids)
        return Part(rows, self._samples.y[rows])
