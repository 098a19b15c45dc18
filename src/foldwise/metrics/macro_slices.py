"""Means over classes of parts of the samples (slices), each beside that of all other samples.

N: rows, V: slices, U: units (see `intervals`), K: classes, C: cells of the confusion matrix that
occur. All is in closed form, as in `slices`.

Source: Price, R. M., Bonett, D. G. (2004). An improved confidence interval for a linear function
    of binomial proportions. Comput. Stat. Data Anal. 45 (smoothed counts).
"""

import itertools
from typing import Literal, NamedTuple

import numpy as np

from foldwise.metrics import intervals
from foldwise.metrics.classification import Array, Codes, Mask
from foldwise.metrics.effective_size import design_effect, unit_sums
from foldwise.metrics.intervals import UNDEFINED
from foldwise.metrics.slices import SliceScore, Slicing, welch_p_value

MacroMetric = Literal["balanced_accuracy", "macro_f1"]

_FEW = 5  # samples of a class, whose own variance says little
_NAN = float("nan")


def macro_scores(
    metric: MacroMetric,
    target: Codes,
    predicted: Codes,
    num_classes: int,
    slicing: Slicing,
    confidence: float,
) -> list[SliceScore]:
    """Return a mean over classes of each slice, by its influence function (the delta method).

    The mean is over the classes that occur among the targets of the slice, in the rest as well;
    where the rest lacks one of them there is nothing to compare with. Variances are those of
    smoothed counts, times the design effect of the units.

    Args:
        metric: Which mean.
        target: Class codes, (N,).
        predicted: Class codes, (N,).
        num_classes: K.
        slicing: The slices.
        confidence: Of the intervals.
    """
    pairs, cells = np.unique(target * num_classes + predicted, return_inverse=True)
    table = _Table(metric, pairs // num_classes, pairs % num_classes, num_classes)
    totals = np.bincount(cells, minlength=len(pairs)).astype(np.float64)
    every = np.arange(slicing.num_slices + 1)
    order = np.argsort(slicing.codes, kind="stable")
    edges = np.searchsorted(slicing.codes[order], every)
    unit_sizes = np.bincount(slicing.units)
    found = []
    for start, end in itertools.pairwise(edges):
        rows = order[start:end]
        counts = np.bincount(cells[rows], minlength=len(pairs)).astype(np.float64)
        inside = table.mean(counts, None)
        outside = table.mean(totals - counts, inside.classes)
        sums = unit_sums(slicing.units[rows], inside.influence[cells[rows]], len(unit_sizes))
        sizes = np.bincount(slicing.units[rows], minlength=len(unit_sizes))
        within = _Spread.of(inside, sums, sizes)
        influence = outside.influence[cells]
        sums = unit_sums(slicing.units, influence, len(unit_sizes))
        sums -= unit_sums(slicing.units[rows], influence[rows], len(unit_sizes))
        beyond = _Spread.of(outside, sums, unit_sizes - sizes)
        found.append(_macro_score(inside, outside, within, beyond, confidence))
    return found


class _Mean(NamedTuple):
    """A mean over classes, what a sample of each cell adds to it, and its smoothed variance."""

    value: float
    classes: Mask  # (K,), those it is over
    influence: Array  # (C,)
    seen: float  # variance of independent samples, of the counts as they are
    smoothed_value: float
    smoothed: float  # the same of smoothed counts


class _Table(NamedTuple):
    """The cells of a confusion matrix that occur, and a mean over classes of it."""

    metric: MacroMetric
    targets: Codes  # (C,)
    predictions: Codes  # (C,)
    num_classes: int  # K

    def mean(self, counts: Array, classes: Mask | None) -> _Mean:
        """Return the mean of counts (C,) over the classes given, or those that occur."""
        size, is_hit = self.num_classes, self.targets == self.predictions
        margins = np.stack(
            [
                unit_sums(self.targets[is_hit], counts[is_hit], size),
                unit_sums(self.targets, counts, size),
                unit_sums(self.predictions, counts, size),
            ]
        )
        if classes is None:
            classes = margins[1] > 0
        if not classes.any() or (margins[1][classes] == 0).any():
            return _Mean(_NAN, classes, np.full(len(counts), _NAN), _NAN, _NAN, _NAN)
        value, slopes = self._slopes(margins, classes)
        influence = self._influence(slopes)
        # 2 / K hits and as many misses are added to each class, spread over the other classes.
        number = int(classes.sum())
        added = np.array([2.0, 4.0, 4.0] if number > 1 else [1.0, 1.0, 1.0]) / max(number, 1)
        smoothed_value, slopes = self._slopes(margins + added[:, None] * classes, classes)
        squares = counts * self._influence(slopes) ** 2
        smoothed = float(squares.sum()) + _added_variance(slopes[:, classes])
        # A class of one or two samples always agrees with itself: then its errors are taken to
        # vary as those of all classes do.
        few = classes & (margins[1] < _FEW)
        of_classes = unit_sums(self.targets, squares, size)[few]
        usual = value * (1 - value) / margins[1][few] / number**2
        smoothed += float(np.maximum(usual - of_classes, 0).sum())
        seen = float((counts * influence**2).sum())
        return _Mean(value, classes, influence, seen, smoothed_value, smoothed)

    def _slopes(self, margins: Array, classes: Mask) -> tuple[float, Array]:
        """Return the mean and its derivatives by hits, targets and predictions, (3, K)."""
        hits, targets, predictions = margins
        slopes = np.zeros_like(margins)
        sizes = targets if self.metric == "balanced_accuracy" else (targets + predictions) / 2
        ratio = np.divide(hits, sizes, out=np.zeros_like(hits), where=classes)
        np.divide(1 / classes.sum(), sizes, out=slopes[0], where=classes)
        slopes[1] = -ratio * slopes[0]
        if self.metric == "macro_f1":
            slopes[1] /= 2
            slopes[2] = slopes[1]
        return float(ratio[classes].mean()), slopes

    def _influence(self, slopes: Array) -> Array:
        is_hit = self.targets == self.predictions
        of_margins = slopes[1][self.targets] + slopes[2][self.predictions]
        return np.asarray(of_margins + np.where(is_hit, slopes[0][self.targets], 0.0))


def _added_variance(slopes: Array) -> float:
    """Return what the smoothing cells add to a variance, from the slopes (3, K) of K classes."""
    number = slopes.shape[1]
    hits, a, b = slopes
    diagonal = float(((hits + a + b) ** 2).sum())
    if number == 1:
        return diagonal
    both = float(((a + b) ** 2).sum())
    squares = number * float((a**2).sum() + (b**2).sum()) + 2 * float(a.sum() * b.sum())
    return float(2 / number * (diagonal + (squares - both) / (number - 1)))


class _Spread(NamedTuple):
    """The variance of a mean over units."""

    variance: float
    num_units: int

    @classmethod
    def of(cls, mean: _Mean, sums: Array, sizes: Codes) -> "_Spread":
        """Return it from the influence of each unit (U,) and the units' sizes (U,)."""
        present = sizes > 0
        num_units = int(present.sum())
        if not np.isfinite(mean.value):
            return cls(_NAN, num_units)
        if num_units == sizes.sum():
            return cls(mean.smoothed, num_units)
        copies = float((sizes.astype(np.float64) ** 2).sum() / sizes.sum())
        effect = design_effect(sums[present], mean.seen, copies)
        return cls(mean.smoothed * effect, num_units)


def _macro_score(
    inside: _Mean, outside: _Mean, within: _Spread, beyond: _Spread, confidence: float
) -> SliceScore:
    if not np.isfinite(inside.value):
        return SliceScore(_NAN, *UNDEFINED, outside.value, _NAN)
    interval = intervals.linear_variance_interval(
        inside.value, inside.smoothed_value, within.variance, confidence, within.num_units
    )
    p_value = welch_p_value(
        inside.value - outside.value,
        within.variance,
        beyond.variance,
        (within.num_units, beyond.num_units),
    )
    return SliceScore(inside.value, *interval, outside.value, p_value)
