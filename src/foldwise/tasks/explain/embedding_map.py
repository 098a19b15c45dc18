"""A map of the features before the head.

PCA shows what varies most; t-SNE (van der Maaten and Hinton, JMLR 2008) keeps neighbours together,
and neither distances nor sizes of its clusters mean anything.

N: points, D: features.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import Samples
from foldwise.modules.hardware import reproducible
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.embedding_smote import embed
from foldwise.tasks.explain.chosen_samples import ExplainError
from foldwise.tasks.explain.config import EmbeddingMapConfig
from foldwise.tasks.explain.findings import Array, EmbeddingMap
from foldwise.tasks.explain.open_network import OpenNetwork
from foldwise.tasks.inference import evaluation_batches
from foldwise.tasks.predictions_table import PROBABILITY_PREFIX

_FEWEST = 3  # points of a map
_LEAST_POINTS = 10  # for neighbours to mean anything
_MOST_COMPONENTS = 50  # that t-SNE looks at, as its authors advise
_LARGE_ERRORS = 0.9  # quantile of a regression's errors above which a point is marked


def embedding_map(
    opened: OpenNetwork,
    samples: Samples,
    predictions: pd.DataFrame,
    config: EmbeddingMapConfig,
    seed: int,
) -> EmbeddingMap | None:
    """Lay the out-of-fold samples of one network out in the plane; None: there are under three.

    Args:
        opened: The network of the fold.
        samples: The samples.
        predictions: The predictions table.
        config: How many points, and how t-SNE looks at them.
        seed: Of the draw and of t-SNE.

    Raises:
        PartError: The network has no dense layer.
    """
    rows = fold_rows(predictions, opened.card.repeat, opened.card.fold)
    if len(rows) < _FEWEST:
        return None
    drawn = rows
    if len(rows) > config.max_points:
        draw = numpy_generator(seed, "explain", "embedding")
        drawn = rows.iloc[np.sort(draw.choice(len(rows), config.max_points, replace=False))]
    places = samples.positions(drawn["sample_id"].astype(object))
    with reproducible():
        batches = evaluation_batches(opened.network, samples, places, opened.card.preprocessing)
        features, _ = embed(opened.network, batches)
    components, shares = principal_components(features.astype(np.float64))
    is_flat = components.shape[1] < 2 or not np.ptp(components) > 0
    too_few = len(features) < _LEAST_POINTS or is_flat
    tsne = None if too_few else neighbour_map(components, config.perplexity, seed)
    first = np.pad(components, ((0, 0), (0, 2)))[:, :2]
    return EmbeddingMap(
        opened.card.fold,
        len(rows),
        features.shape[1],
        first,
        tsne,
        (float(shares[0]), float(shares[1]) if len(shares) > 1 else 0.0),
        *_meaning(drawn, samples),
    )


def fold_rows(predictions: pd.DataFrame, repeat: int, fold: int) -> pd.DataFrame:
    """Return the out-of-fold predictions of one network, one row for each sample, by id.

    Of several steps ahead, the first one counts.
    """
    is_own = (
        (predictions["part"] == "oof")
        & (predictions["repeat"] == repeat)
        & (predictions["fold"] == fold)
    )
    rows = predictions[is_own]
    order = ["sample_id", "step"] if "step" in rows else ["sample_id"]
    return rows.sort_values(order, kind="stable").drop_duplicates("sample_id")


def choose_fold(folds: Sequence[int], config: EmbeddingMapConfig) -> int:
    """Return the fold that is asked for.

    Raises:
        ExplainError: It has no network.
    """
    if config.fold not in folds:
        raise ExplainError(
            f"explain.embedding.fold is {config.fold}, but there are networks of the folds "
            f"{', '.join(map(str, sorted(folds)))}."
        )
    return config.fold


def principal_components(features: Array) -> tuple[Array, Array]:
    """Return the components of points (N, D), (N, up to 50), and their shares of the variance."""
    from sklearn.decomposition import PCA

    number = min(_MOST_COMPONENTS, *features.shape)
    if not features.std(axis=0).sum() > 0:  # all alike: there is no direction to speak of
        return np.zeros((len(features), number)), np.zeros(number)
    model = PCA(number, svd_solver="full").fit(features)
    found: Array = model.transform(features)
    return found, model.explained_variance_ratio_


def neighbour_map(points: Array, perplexity: float, seed: int) -> Array:
    """Return t-SNE of points (N, D), (N, 2).

    Args:
        points: At least a few.
        perplexity: How many neighbours count, roughly; at most a third of the others.
        seed: Of its descent.
    """
    from sklearn.manifold import TSNE

    model = TSNE(
        perplexity=min(perplexity, (len(points) - 1) / 3),
        init="pca",
        random_state=derive_seed(seed, "explain", "t-SNE") % 2**32,
    )
    found: Array = model.fit_transform(points.astype(np.float32)).astype(np.float64)
    return found


def _meaning(
    rows: pd.DataFrame, samples: Samples
) -> tuple[npt.NDArray[np.object_], Array, npt.NDArray[np.bool_]]:
    """Return the classes, or the targets, and which points are mistakes."""
    none = np.empty(0, dtype=object)
    if not samples.classes:
        targets = rows["target"].to_numpy(np.float64)
        errors = np.abs(rows["prediction"].to_numpy(np.float64) - targets)
        return none, targets, errors > np.quantile(errors, _LARGE_ERRORS)
    columns = [f"{PROBABILITY_PREFIX}{name}" for name in samples.classes]
    names = np.array(samples.classes, dtype=object)
    classes = rows["target"].to_numpy(dtype=object)
    predicted = names[rows[columns].to_numpy(np.float64).argmax(axis=1)]
    return classes, np.empty(0), predicted != classes
