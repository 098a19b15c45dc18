"""A balanced data set made long-tailed, to study imbalance where the truth is known."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.hash_order import hash_order


def long_tail(
    table: pd.DataFrame, classes: tuple[str, ...], factor: float
) -> npt.NDArray[np.int64]:
    """Return the positions that are kept, in order.

    Of class i of K, int(n factor^(-i / (K - 1))) training samples are kept, n being the size of
    the largest class, as in Cui et al., "Class-balanced loss based on effective number of
    samples", CVPR 2019. Which ones is decided by their ids alone. Samples of an official test or
    validation part all stay.

    Args:
        table: Columns `sample_id`, `label` and perhaps `official_split`.
        classes: All classes; the first keeps all, the last the fewest.
        factor: The imbalance ratio of what is kept, above 1.
    """
    training = np.ones(len(table), dtype=bool)
    if "official_split" in table:
        training = ~table["official_split"].isin(["val", "test"]).to_numpy()
    labels = table["label"].to_numpy(dtype=object)
    largest = max(int((training & (labels == name)).sum()) for name in classes)
    rank = hash_order(table["sample_id"].tolist())
    kept = ~training
    for i, name in enumerate(classes):
        members = np.flatnonzero(training & (labels == name))
        number = max(1, int(largest * factor ** (-i / (len(classes) - 1))))
        kept[members[np.argsort(rank[members])[:number]]] = True
    return np.flatnonzero(kept)
