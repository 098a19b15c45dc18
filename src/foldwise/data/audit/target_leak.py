"""Which feature of a table alone predicts what is to be predicted.

N: samples, F: features.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.check import Check, Subject, is_modality
from foldwise.data.audit.shortcut_config import ShortcutsConfig
from foldwise.data.audit.shortcut_folds import Fold, scored_rows, shortcut_folds
from foldwise.data.findings import Finding
from foldwise.seeds import derive_seed, numpy_generator

_SCREEN_ABOVE = 200  # features; then only the best on fewer rows are looked at closely
_SCREENED_ROWS = 1000
_KEPT = 50
_SEARCH = ShortcutsConfig(num_samples=10_000, num_folds=5, num_repeats=1)
_NUM_BINS = 32
_MIN_ROWS = 20
_MAX_LEAVES = 256


def find_target_leaks(subject: Subject) -> list[Finding]:
    """Find features from which a small cross-validated tree knows the target."""
    scores = single_feature_scores(subject)
    found = {name: score for name, score in scores.items() if score >= subject.config.leak_score}
    if not found:
        return []
    measure = "balanced accuracy" if subject.samples.task == "classification" else "R2"
    listed = ", ".join(f"'{name}' ({score:.3f})" for name, score in found.items())
    return [
        Finding(
            check="target_leak",
            severity="warn",
            message=f"These features alone predict the target, by {measure}: {listed}.",
            advice="Ask whether they are known at the time of the prediction, or are the target "
            "in another form. If so, leave them out.",
            values=dict(found),
        )
    ]


def single_feature_scores(subject: Subject) -> dict[str, float]:
    """Return balanced accuracy or R2 of a tree on each feature alone, the best first.

    Of many features only the fifty that do best on a few rows are told. At most 10,000 rows are
    looked at: what predicts almost all of them predicts almost all others. A unit is never on both
    sides of a fold: else a tree would know a group by what is the same in all its rows.
    """
    rows = _drawn_rows(subject)
    if len(rows) < _MIN_ROWS:
        return {}
    folds = _folds(subject, rows)
    numbers = list(range(subject.samples.x.shape[1]))
    if len(numbers) > _SCREEN_ABOVE:
        explained = _explained(subject, rows[:_SCREENED_ROWS])
        numbers = np.argsort(-explained, kind="stable")[:_KEPT].tolist()
    names = [subject.samples.features[number].name for number in numbers]
    found = [_score(subject, rows, folds, number) for number in numbers]
    return dict(sorted(zip(names, found, strict=True), key=lambda pair: (-pair[1], pair[0])))


def _drawn_rows(subject: Subject) -> npt.NDArray[np.int64]:
    """Return rows in random order; without classes of fewer units than there are folds."""
    rows, _ = scored_rows(subject.samples, subject.units, _SEARCH, subject.config.seed)
    return numpy_generator(subject.config.seed, "target leak").permutation(rows)


def _folds(subject: Subject, rows: npt.NDArray[np.int64]) -> list[Fold]:
    is_class = subject.samples.task == "classification"
    y = pd.factorize(subject.y[rows])[0] if is_class else _target(subject)[rows, None]
    return shortcut_folds(y, subject.units[rows], _SEARCH, subject.config.seed)


def _explained(subject: Subject, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of the target's variance between the bins of each feature, shape (F,).

    Far faster than a tree (the correlation ratio eta squared: Pearson 1905); of
    classes it is the mean share of their indicators, so that a rare one counts like the others.
    """
    if subject.samples.task == "classification":
        target = np.eye(len(subject.samples.classes))[subject.y[rows]]
    else:
        target = _target(subject)[rows, None]
    target = target - target.mean(axis=0)  # (rows, classes or 1)
    total = (target**2).sum(axis=0)
    values = subject.samples.x[rows].astype(np.float64)
    return np.array([_between(values[:, i], target, total) for i in range(values.shape[1])])


def _between(
    values: npt.NDArray[np.float64],
    target: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
) -> float:
    known = np.isfinite(values)
    if not (known.any() and (total > 0).any()):
        return 0.0
    edges = np.quantile(values[known], np.linspace(0, 1, _NUM_BINS))
    bins = np.where(known, np.searchsorted(edges, values, side="right"), _NUM_BINS + 1)
    is_in = np.eye(_NUM_BINS + 2)[bins]  # (rows, bins); the last one: missing
    counts = np.maximum(is_in.sum(axis=0), 1)
    between = ((is_in.T @ target) ** 2 / counts[:, None]).sum(axis=0)
    return float((between[total > 0] / total[total > 0]).mean())


def _score(subject: Subject, rows: npt.NDArray[np.int64], folds: list[Fold], number: int) -> float:
    from sklearn.metrics import balanced_accuracy_score, r2_score

    is_class = subject.samples.task == "classification"
    y = subject.y[rows] if is_class else _target(subject)[rows]
    if not folds or (y == y[0]).all():
        return 0.0
    values = subject.samples.x[rows, number].astype(np.float64)[:, None]
    values[~np.isfinite(values)] = np.nan
    if np.isnan(values).all():
        return 0.0
    predicted = np.empty_like(y)
    for fold in folds:
        tree = _tree(subject, len(fold.train)).fit(values[fold.train], y[fold.train])
        predicted[fold.test] = tree.predict(values[fold.test])
    return float((balanced_accuracy_score if is_class else r2_score)(y, predicted))


def _target(subject: Subject) -> npt.NDArray[np.float64]:
    return subject.table[subject.samples.target_names[0]].to_numpy(np.float64)


def _tree(subject: Subject, num_rows: int) -> Any:  # noqa: ANN401  (scikit-learn is untyped)
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    seed = derive_seed(subject.config.seed, "target leak", "tree") % 2**32
    leaves = max(2, min(_MAX_LEAVES, num_rows // 2))
    if subject.samples.task == "classification":
        return DecisionTreeClassifier(
            max_leaf_nodes=leaves, class_weight="balanced", random_state=seed
        )
    return DecisionTreeRegressor(max_leaf_nodes=leaves, random_state=seed)


CHECKS = (
    Check(
        "target_leak",
        "a feature that alone predicts the target",
        find_target_leaks,
        is_modality("table"),
    ),
)
