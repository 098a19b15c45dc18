"""Samples that say the same as another one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import target_columns


def without_repeats(table: pd.DataFrame, hashes: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the positions of the first sample of each content and target, in order.

    Equal contents with different targets all stay: which of them is right, nobody knows. So do
    those of different official parts, as a test part is not to change.

    Args:
        table: Perhaps with columns `label` or targets, and `official_split`.
        hashes: Of the contents, (N,).
    """
    names = [name for name in ("label", "official_split") if name in table]
    said = table[[*names, *target_columns(table)]].assign(sha256=list(hashes))
    return np.flatnonzero(~said.duplicated().to_numpy())
