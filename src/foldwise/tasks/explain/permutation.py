"""How much a score falls when a column is shuffled among samples that no network has seen.

Permutation importance: Breiman, Random Forests (2001); Fisher, Rudin and Dominici (JMLR 2019).

N: samples, F: columns, M: networks (one per repeat and fold).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import Samples
from foldwise.metrics.regression_intervals import fold_limits
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.explain.config import PermutationConfig
from foldwise.tasks.explain.embedding_map import fold_rows
from foldwise.tasks.explain.findings import Array, ColumnImportance, Importances
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import Predictor

_LIKE_A_FALL = "bias"  # a metric of either sign without bounds


class _Scored:
    """A network as scikit-learn sees an estimator: it was fitted before."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def fit(self, *_: object) -> "_Scored":
        """Change nothing."""
        return self

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return class numbers (N,), or the first number that is predicted."""
        if self.predictor.card.number_outputs is None:
            found: npt.NDArray[Any] = self.predictor.probabilities(x).argmax(axis=1)
            return found
        return self.predictor.forecast(x).point[:, 0]


def permutation_importances(
    models: FoldModels,
    keys: Iterable[tuple[int, int]],
    samples: Samples,
    predictions: pd.DataFrame,
    columns: Sequence[int],
    config: PermutationConfig,
    seed: int,
) -> Importances:
    """Return the importances of some columns, the most important first.

    Args:
        models: The networks.
        keys: (repeat, fold) of each.
        samples: A table.
        predictions: The predictions table, for who is out of which fold.
        columns: Which of the F columns are shuffled.
        config: Shuffles, and how many samples.
        seed: Of draws and shuffles.
    """
    by_network: dict[tuple[int, int], Array] = {}
    for repeat, fold in keys:
        rows = _drawn(samples, predictions, (repeat, fold), config, seed)
        predictor = Predictor(models.folder(repeat, fold))
        one = derive_seed(seed, "explain", "permutation", repeat, fold)
        by_network[repeat, fold] = column_drops(predictor, samples, rows, columns, config, one)
    repeats = sorted({repeat for repeat, _ in by_network})
    drops = np.stack(  # (repeats, folds, columns)
        [[by_network[key] for key in sorted(by_network) if key[0] == repeat] for repeat in repeats]
    )
    found = [
        ColumnImportance(
            samples.features[column].name,
            float(drops[..., place].mean()),
            *_limits(drops[..., place], config.confidence, 1.0 if samples.classes else np.inf),
        )
        for place, column in enumerate(columns)
    ]
    found.sort(key=lambda importance: (-importance.mean, importance.column))
    metric = "balanced accuracy" if samples.classes else "R²"
    return Importances(
        tuple(found), metric, len(by_network), config.num_repeats, len(samples.features)
    )


def column_drops(
    predictor: Predictor,
    samples: Samples,
    rows: npt.NDArray[np.int64],
    columns: Sequence[int],
    config: PermutationConfig,
    seed: int,
) -> Array:
    """Return by how much the score of one network falls for each column, (columns,).

    As scikit-learn's `permutation_importance` has it: the score of the samples as they are, less
    the mean score over the shuffles.
    """
    from sklearn.inspection import permutation_importance
    from sklearn.metrics import balanced_accuracy_score, r2_score

    is_class = predictor.card.number_outputs is None
    score = balanced_accuracy_score if is_class else r2_score
    x = np.array(samples.x[rows])
    targets = samples.y[rows] if is_class else _first_targets(samples)[rows]

    def scorer(
        model: "_OfColumns", some: npt.NDArray[np.float32], target: npt.NDArray[Any]
    ) -> float:
        return float(score(target, model.predict(some)))

    model = _OfColumns(_Scored(predictor), x, columns)
    found = permutation_importance(
        model,
        x[:, columns],
        targets,
        scoring=scorer,
        n_repeats=config.num_repeats,
        random_state=seed % 2**32,
    )
    drops: Array = found["importances_mean"]
    return drops


class _OfColumns:
    """A network of which some columns are given; the others stay as they are in the samples."""

    def __init__(self, model: _Scored, x: npt.NDArray[np.float32], columns: Sequence[int]) -> None:
        self.model, self.x, self.columns = model, x, list(columns)

    def fit(self, *_: object) -> "_OfColumns":
        """Change nothing."""
        return self

    def predict(self, some: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return what the network predicts."""
        whole = self.x.copy()
        whole[:, self.columns] = some
        return self.model.predict(whole)


def _drawn(
    samples: Samples,
    predictions: pd.DataFrame,
    key: tuple[int, int],
    config: PermutationConfig,
    seed: int,
) -> npt.NDArray[np.int64]:
    rows = samples.positions(fold_rows(predictions, *key)["sample_id"].astype(object))
    if len(rows) <= config.max_samples:
        return rows
    draw = numpy_generator(seed, "explain", "permutation samples", *key)
    return np.sort(draw.choice(rows, config.max_samples, replace=False))


def _first_targets(samples: Samples) -> Array:
    return samples.table[samples.target_names[0]].to_numpy(np.float64)


def _limits(values: Array, confidence: float, largest: float) -> tuple[float | None, float | None]:
    """Return t limits for the mean over folds, of values (repeats, folds); None: there are none.

    Args:
        values: Falls of a score.
        confidence: E.g. 0.95.
        largest: That a fall can be, or a rise.
    """
    found = fold_limits(values, confidence, _LIKE_A_FALL)
    if found is None:
        return None, None
    return max(-largest, found[0]), min(largest, found[1])
