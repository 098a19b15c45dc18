"""A stratified sample of a source, for a quick look."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.hash_order import hash_order


def stratified_sample(
    sample_ids: Sequence[str], strata: Sequence[object], limit: int
) -> npt.NDArray[np.int64]:
    """Return the positions of about `limit` samples, in order: every stratum keeps its share.

    Each stratum keeps one sample at least. Which ones are taken depends on the ids alone, so that
    a larger limit adds samples and takes none away.

    >>> stratified_sample(["a", "b", "c", "d"], ["x", "x", "x", "y"], 2).tolist()
    [1, 2, 3]
    """
    if limit >= len(sample_ids):
        return np.arange(len(sample_ids))
    groups = pd.Series(hash_order(sample_ids)).groupby(np.asarray(strata, dtype=str))
    order, sizes = groups.rank(), groups.transform("size")
    share = limit / len(sample_ids)
    return np.flatnonzero(order <= np.maximum(np.rint(sizes * share), 1))
