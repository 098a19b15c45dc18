"""Targets by predictions, kept as the cells that are not empty.

With ten thousand classes the whole matrix has a hundred million cells and takes 800 MB, but no
more cells than there are samples are filled. K: classes.
"""

from typing import NamedTuple

import numpy as np

from foldwise.metrics.classification import Array, Codes


class Confusion(NamedTuple):
    """The filled cells of a confusion matrix, by row and column."""

    targets: Codes  # (C,) class of the targets in each cell
    predictions: Codes  # (C,) class that they were predicted as
    counts: Codes  # (C,)
    num_classes: int

    @classmethod
    def of(cls, target: Codes, predicted: Codes, num_classes: int) -> "Confusion":
        """Count targets by predictions, from codes (N,)."""
        cells, counts = np.unique(target * num_classes + predicted, return_counts=True)
        return cls(cells // num_classes, cells % num_classes, counts, num_classes)

    def matrix(self) -> Codes:
        """Return the whole matrix, (K, K): 8 K^2 bytes."""
        cells = np.zeros((self.num_classes, self.num_classes), dtype=np.int64)
        cells[self.targets, self.predictions] = self.counts
        return cells

    def margins(self) -> Array:
        """Return hits, targets and predictions of each class, (3, K)."""
        hit = self.targets == self.predictions
        cells = (
            (self.targets[hit], self.counts[hit]),
            (self.targets, self.counts),
            (self.predictions, self.counts),
        )
        sums = [np.bincount(code, counts, self.num_classes) for code, counts in cells]
        return np.array(sums, dtype=np.float64)

    def largest(self, number: int) -> list[tuple[int, int, int]]:
        """Return the most frequent confusions as (target, prediction, count), largest first."""
        wrong = np.flatnonzero(self.targets != self.predictions)
        first = wrong[np.argsort(-self.counts[wrong], kind="stable")][:number]
        columns = (self.targets[first], self.predictions[first], self.counts[first])
        return list(zip(*(column.tolist() for column in columns), strict=True))
