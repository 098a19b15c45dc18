"""Can the target be predicted from what a model should not need?

A small decision tree is cross-validated on single properties, such as the width of an image, and
on all of a kind together. A score clearly above chance is a shortcut: a network may take it in
place of what it is meant to learn (Geirhos et al., Shortcut learning in deep neural networks,
Nature Machine Intelligence 2, 2020).

B: samples looked at, D: entries of a property, R: scores, one for each fold of each repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.shortcut_config import ShortcutsConfig
from foldwise.data.audit.shortcut_folds import Fold, scored_rows, shortcut_folds
from foldwise.data.audit.shortcut_properties import Kind, Property, shortcut_properties
from foldwise.data.audit.shortcut_words import parts_by_target, values_by_target
from foldwise.data.samples import Samples

__all__ = ["TOGETHER", "Shortcuts", "ShortcutsConfig", "find_shortcuts"]

IntArray = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

TOGETHER = "together"  # a property's name, where all of its kind are taken
_COLUMNS = ("property", "kind", "score", "low", "high", "gain", "gain_low", "by_target")
_KINDS: tuple[Kind, ...] = ("visible", "collected", "order")
_MIN_LEAF = 3  # samples


@dataclass(frozen=True)
class Shortcuts:
    """How well each property alone predicts the target."""

    # property, kind, score, low, high, gain (share of the way from chance to perfect), gain_low
    # (its lower limit, for all properties at once), by_target (text); the best first
    table: pd.DataFrame
    metric: str  # of score, low and high
    chance: float
    confidence: float  # of low to high
    num_samples: int  # looked at
    left_out: tuple[str, ...] = ()  # classes of too few members


def find_shortcuts(
    samples: Samples, config: ShortcutsConfig, units: IntArray | None = None, seed: int = 0
) -> Shortcuts:
    """Score each property alone, and all of a kind together, on predicting the target.

    Args:
        samples: What is to be looked at; `x` is read in pieces.
        config: Folds, tree and thresholds.
        units: The number of the unit of each sample, (N,): what is tied by a group or by being
            (nearly) equal is never on both sides of a fold. None ties nothing.
        seed: Of the samples drawn, the folds and the trees.
    """
    rows, left_out = scored_rows(samples, units, config, seed)
    scores = _Scores(samples, rows, units, config, seed) if len(rows) else None
    table = scores.table() if scores else pd.DataFrame(columns=_COLUMNS)
    num_classes = len(samples.classes) - len(left_out)
    return Shortcuts(
        table=table,
        metric="balanced accuracy" if samples.classes else "R2",
        chance=1 / num_classes if samples.classes and num_classes else 0.0,
        confidence=config.confidence,
        num_samples=len(rows),
        left_out=left_out,
    )


class _Scores:
    """The cross-validation of all properties on the same folds."""

    def __init__(
        self,
        samples: Samples,
        rows: IntArray,
        units: IntArray | None,
        config: ShortcutsConfig,
        seed: int,
    ) -> None:
        self._config = config
        self._seed = seed
        target = samples.table.iloc[rows]
        self._parts = parts_by_target(target, samples.classes, samples.target_names)
        self._is_classification = bool(samples.classes)
        if samples.classes:
            self._y: npt.NDArray[Any] = pd.factorize(target["label"])[0]
        else:
            self._y = target[list(samples.target_names)].to_numpy(np.float64)
        own = None if units is None else units[rows]
        self._folds = shortcut_folds(self._y, own, config, seed)
        self._properties = shortcut_properties(samples, rows)

    def table(self) -> pd.DataFrame:
        """Return a row for each property, the best first."""
        if not self._folds:
            return pd.DataFrame(columns=_COLUMNS)
        tried = [*self._properties, *_taken_together(self._properties)]
        rows = [self._row(one, len(tried)) for one in tried]
        table = pd.DataFrame(rows, columns=_COLUMNS)
        return table.sort_values("score", ascending=False, kind="stable", ignore_index=True)

    def _row(self, one: Property, num_tried: int) -> tuple[Any, ...]:
        gains = np.array([self._gain(one.values, fold) for fold in self._folds])
        num_folds, alpha = self._config.num_folds, 1 - self._config.confidence
        gain, low, high = corrected_interval(gains, num_folds, alpha / 2)
        _, strict_low, _ = corrected_interval(gains, num_folds, alpha / num_tried)  # one-sided
        chance = 1 / (self._y.max() + 1) if self._is_classification else 0.0
        shown = chance + (1 - chance) * np.clip([gain, low, high], None, 1)
        described = values_by_target(one, self._parts)
        return (one.name, one.kind, *map(float, shown), gain, strict_low, described)

    def _gain(self, values: Numbers, fold: Fold) -> float:
        """Return how far from chance (0) to perfect (1) a tree gets on one fold."""
        from sklearn.metrics import r2_score

        predicted = (
            self._tree().fit(values[fold.train], self._y[fold.train]).predict(values[fold.test])
        )
        actual = self._y[fold.test]
        if not self._is_classification:
            return float(r2_score(actual, predicted.reshape(actual.shape)))
        return balanced_gain(actual, predicted)

    def _tree(self) -> Any:  # noqa: ANN401  (scikit-learn has no types)
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        shape = {"min_samples_leaf": _MIN_LEAF, "random_state": self._seed % 2**32}
        if not self._is_classification:
            return DecisionTreeRegressor(max_depth=self._config.max_depth, **shape)
        # A leaf for each class at least.
        depth = max(self._config.max_depth, int(np.ceil(np.log2(self._y.max() + 1))) + 1)
        return DecisionTreeClassifier(max_depth=depth, class_weight="balanced", **shape)


def _taken_together(properties: Sequence[Property]) -> list[Property]:
    """Return, for each kind with several properties, one that holds the entries of all."""
    merged = []
    for kind in _KINDS:
        members = [one.values for one in properties if one.kind == kind]
        if len(members) > 1:
            merged.append(Property(TOGETHER, kind, np.concatenate(members, axis=1)))
    return merged


def balanced_gain(actual: IntArray, predicted: IntArray) -> float:
    """Return (mean recall - chance) / (1 - chance) over the classes that occur; NaN of one class.

    Whatever is guessed without looking, the expectation is 0 or, if classes are named that do not
    occur, below: so folds without some class cannot feign a shortcut.

    >>> balanced_gain(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]))
    0.5
    """
    present = np.unique(actual)
    if len(present) < 2:
        return float("nan")
    recall = np.mean([(predicted[actual == code] == code).mean() for code in present])
    chance = 1 / len(present)
    return float((recall - chance) / (1 - chance))


def corrected_interval(scores: Numbers, num_folds: int, tail: float) -> tuple[float, float, float]:
    """Return the mean of the scores of all folds of all repeats, (R,), and its limits.

    Folds share training samples, so that their scores are not independent: the variance of the
    mean is taken as (1/R + test/train) times that of the scores (Nadeau and Bengio, Inference for
    the generalization error, Machine Learning 52, 2003; for repeated folds Bouckaert and Frank,
    PAKDD 2004). Student's t has the degrees of freedom of one repeat only, as another repeat
    brings no other samples: with those of all repeats, noise in 30 samples was called a shortcut
    too often. As the spread is that of whole folds, it holds for tied samples too.

    Args:
        scores: One for each fold; NaN where a fold has none.
        num_folds: Of one repeat.
        tail: Probability beyond each of the two limits.
    """
    from scipy.stats import t

    known = scores[np.isfinite(scores)]
    if len(known) < 2:
        return float("nan"), float("nan"), float("nan")
    mean = float(known.mean())
    error = np.sqrt((1 / len(known) + 1 / (num_folds - 1)) * known.var(ddof=1))
    reach = float(t.ppf(1 - tail, num_folds - 1) * error)
    return mean, mean - reach, mean + reach
