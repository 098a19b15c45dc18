"""Which made samples are kept: those of the class that was asked for, and no copies.

N: training samples, M: made samples, K: classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.balance.config import Gan
from foldwise.data.channel_spread import channel_spread
from foldwise.data.row_slices import row_slices
from foldwise.data.samples import Samples, array_hash
from foldwise.metrics.generation import copy_limit, nearest_neighbours, own_neighbours
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.synthetic_record import ClassFill

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]
Draw = Callable[[Rows, int], Array]  # classes (M,) and a seed -> samples (M, ...) as in Samples.x
Judge = Callable[[Array], Probabilities]  # samples (M, ...) -> probabilities (M, K)

_AT_ONCE = 512  # samples that are made and judged at a time
_AT_LEAST = 32
_CHUNK_BYTES = 2**27  # of training samples at a time, in float64
_LOOKED_AT = 1000  # training samples of a class whose distances to one another are looked at


class Copies:
    """Which made samples are copies of training samples of their class, by their values.

    A copy is nearer to one than two different training samples of a class ever come: than only
    `level` of them come to their nearest other, over all classes, equal ones left aside. Of a
    class of five samples alone one could not tell what is near. Channels of series are brought to
    one scale.
    """

    def __init__(
        self, samples: Samples, rows: Rows, labels: Rows, level: float, seed: int
    ) -> None:
        """Look at a training part.

        Args:
            samples: The samples.
            rows: Of the training part, (N,), each once.
            labels: Their classes, (N,).
            level: See above.
            seed: Of which samples are looked at, where a class has many.
        """
        self._x, self._rows, self._labels = samples.x, rows, labels
        rng = numpy_generator(seed, "copies")
        drawn = [rng.permutation(rows[labels == code])[:_LOOKED_AT] for code in np.unique(labels)]
        self._scale = _channel_scale(samples, np.concatenate(drawn))
        near = [
            own_neighbours(self._vectors(self._x[np.sort(of_class)]), 1).distances[:, 0]
            for of_class in drawn
            if len(of_class) > 1
        ]
        found = np.concatenate([np.empty(0), *near])
        apart = found[found > 0]
        self._limit = copy_limit(apart if len(apart) else np.zeros(1), level=level)

    def nearest(self, x: Array, code: int) -> tuple[npt.NDArray[np.float64], Rows]:
        """Return how far samples (M, ...) are from training samples of a class, and from which.

        Returns:
            Distances (M,), and rows of the samples (M,).
        """
        rows = self._rows[self._labels == code]
        vectors = self._vectors(x)
        distances, nearest = np.full(len(x), np.inf), np.zeros(len(x), dtype=np.int64)
        for part in row_slices(len(rows), vectors[:1].nbytes, _CHUNK_BYTES):
            found = nearest_neighbours(vectors, self._vectors(self._x[rows[part]]))
            is_nearer = found.distances[:, 0] < distances
            distances[is_nearer] = found.distances[is_nearer, 0]
            nearest[is_nearer] = rows[part][found.indices[is_nearer, 0]]
        return distances, nearest

    def is_copy(self, distances: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell by the distances to the nearest training samples, (M,)."""
        return self._limit.is_copy(distances)

    def _vectors(self, x: Array) -> npt.NDArray[np.float64]:
        scaled = x.astype(np.float64)
        scaled /= self._scale
        return np.nan_to_num(scaled, copy=False).reshape(len(x), -1)


def _channel_scale(samples: Samples, rows: Rows) -> npt.NDArray[np.float64]:
    """Return the deviation of each channel of series, (F,); of others, 1."""
    if samples.modality != "series":
        return np.ones(1)
    return channel_spread(samples.x[np.sort(rows)])


class Kept:
    """What has been kept of one class so far, and why the rest was not."""

    def __init__(self, name: str, real: int, wanted: int) -> None:
        self.name, self.real, self.wanted = name, real, wanted
        self.x: list[Array] = []
        self.confidences: list[float] = []
        self.nearest: list[int] = []  # row of the nearest training sample
        self._hashes: set[str] = set()
        self.tried = self.not_of_class = self.copies = 0

    def add(self, x: Array, confidence: float, nearest: int) -> None:
        """Keep a sample, unless the same one is kept already."""
        key = array_hash(x)
        if key in self._hashes:
            self.copies += 1
            return
        self._hashes.add(key)
        self.x.append(x)
        self.confidences.append(confidence)
        self.nearest.append(nearest)

    @property
    def fill(self) -> ClassFill:
        """The numbers alone."""
        return ClassFill(
            name=self.name,
            real=self.real,
            wanted=self.wanted,
            added=len(self.x),
            tried=self.tried,
            not_of_class=self.not_of_class,
            copies=self.copies,
        )


def fill_class(
    code: int, kept: Kept, draw: Draw, judge: Judge, copies: Copies, remedy: Gan, seed: int
) -> Kept:
    """Make samples of a class until enough are kept, or too many were tried.

    Args:
        code: Number of the class.
        kept: Where they go, with the number that is wanted.
        draw: Makes samples.
        judge: Tells of samples how probable each class is, all classes being equally common.
        copies: Of the training samples.
        remedy: How sure the judge has to be, and how many may be tried.
        seed: Of the latents.
    """
    limit, attempt = remedy.max_tries * kept.wanted, 0
    while len(kept.x) < kept.wanted and kept.tried < limit:
        lacking = max(_AT_LEAST, kept.wanted - len(kept.x))
        number = min(lacking, _AT_ONCE, limit - kept.tried)
        x = draw(np.full(number, code, np.int64), derive_seed(seed, "synthetic", code, attempt))
        found = judge(x)
        is_of_class = (found.argmax(axis=1) == code) & (found[:, code] >= remedy.confidence)
        distances, nearest = copies.nearest(x, code)
        is_copy = copies.is_copy(distances)
        for i in range(number):
            if len(kept.x) == kept.wanted:
                break
            kept.tried += 1
            if not is_of_class[i]:
                kept.not_of_class += 1
            elif is_copy[i]:
                kept.copies += 1
            else:
                kept.add(x[i], float(found[i, code]), int(nearest[i]))
        attempt += 1
    return kept


def as_if_even(probabilities: Probabilities, counts: Rows) -> Probabilities:
    """Return what probabilities would be if all classes were equally common, (M, K).

    p_k / n_k, made to sum to 1 (Saerens, Latinne and Decaestecker 2002, Neural Computation 14): a
    network that was fitted on few samples of a class takes hardly anything for it. A class
    without training samples has none.

    >>> as_if_even(np.array([[0.9, 0.1]]), np.array([90, 10]))
    array([[0.5, 0.5]])
    """
    weights = np.divide(1.0, counts, out=np.zeros(len(counts)), where=counts > 0)
    weighed = probabilities * weights
    total = weighed.sum(axis=1, keepdims=True)
    even: npt.NDArray[np.float64] = np.divide(
        weighed, total, out=np.zeros_like(weighed), where=total > 0
    )
    return even
