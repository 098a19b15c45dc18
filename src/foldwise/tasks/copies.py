"""Which generated samples are copies of training samples.

N: training samples, M: samples that are looked at, D: features.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foldwise.data.channel_spread import channel_spread
from foldwise.data.row_slices import row_slices
from foldwise.data.samples import Samples
from foldwise.metrics.generation import copy_limit, nearest_neighbours
from foldwise.tasks.feature_space import FeatureSpace

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_CHUNK_BYTES = 2**27  # of samples at a time
_SOME = 1000  # training series that tell the spread of each channel


class NearestTraining(NamedTuple):
    """The training sample that is nearest in the features, and how near in both spaces."""

    rows: Rows  # (M,), of the samples
    in_features: Floats  # (M,)
    in_values: Floats  # (M,) root mean square of the differences; pixels count in 0..1


class CopyCheck:
    """Tells copies of training samples from samples that are merely like them.

    A copy is nearer to its nearest training sample than all but a few held-out real samples are to
    theirs: in the features of the space, and in the values themselves.
    """

    def __init__(
        self,
        space: FeatureSpace,
        samples: Samples,
        training: Rows,
        held_out: Rows,
        level: float = 0.01,
    ) -> None:
        """Measure the held-out samples.

        Args:
            space: Where samples are compared.
            samples: The samples.
            training: Rows of those that the generator saw, (N,).
            held_out: Rows of some that it did not see.
            level: Share of the held-out ones that is as near as a copy, in each space.
        """
        self._space, self._samples, self._training = space, samples, training
        self._features = features_of_rows(space, samples, training)
        self._scale = _scale(samples, training)
        nearest = self.nearest(samples.x[held_out])
        self.held_out = nearest
        self.limit = copy_limit(nearest.in_features, nearest.in_values, level=level)

    def nearest(self, x: Array, features: Array | None = None) -> NearestTraining:
        """Return the nearest training sample of each of the samples (M, ...).

        Args:
            x: As `Samples.x` holds them.
            features: Theirs, (M, D), where they are known.
        """
        found = self._space.features(x) if features is None else features
        neighbours = nearest_neighbours(found, self._features)
        rows = self._training[neighbours.indices[:, 0]]
        return NearestTraining(rows, neighbours.distances[:, 0], self._apart(x, rows))

    def is_copy(self, nearest: NearestTraining) -> npt.NDArray[np.bool_]:
        """Tell of each sample whether it is a copy, (M,)."""
        return self.limit.is_copy(nearest.in_features, nearest.in_values)

    def _apart(self, x: Array, rows: Rows) -> Floats:
        distances = np.empty(len(rows))
        for part in _slices(x):
            gap = (x[part].astype(np.float32) - self._samples.x[rows[part]]) / self._scale
            # What a real series lacks is no difference.
            squares = np.nan_to_num(gap).reshape(len(gap), -1) ** 2
            distances[part] = np.sqrt(squares.mean(axis=1, dtype=np.float64))
        return distances


def features_of_rows(space: FeatureSpace, samples: Samples, rows: Rows) -> Array:
    """Return features (N, D) of some samples, which may be more than fit into memory."""
    step = max(1, _CHUNK_BYTES // (samples.x.dtype.itemsize * int(np.prod(samples.x.shape[1:]))))
    chunks = [rows[start : start + step] for start in range(0, len(rows), step)]
    return np.concatenate([space.features(np.asarray(samples.x[chunk])) for chunk in chunks])


def _slices(x: Array) -> list[slice]:
    return list(row_slices(len(x), int(np.prod(x.shape[1:])) * x.dtype.itemsize, _CHUNK_BYTES))


def _scale(samples: Samples, training: Rows) -> npt.NDArray[np.float32]:
    """Return what differences are divided by: the range of pixels, or each channel's deviation."""
    if samples.modality == "image":
        return np.array([255.0], dtype=np.float32)
    some = samples.x[training[:: max(1, len(training) // _SOME)]]
    return channel_spread(some).astype(np.float32)
