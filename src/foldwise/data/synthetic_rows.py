"""Which samples were made, not collected: they may be fitted on, and nothing else.

N: samples.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.bad_input import listing
from foldwise.data.split_config import SplitError

Mask = npt.NDArray[np.bool_]

SYNTHETIC = "synthetic"
# The user's own column of that name travels as `meta_*`.
SYNTHETIC_COLUMNS = (SYNTHETIC, f"meta_{SYNTHETIC}")
_TRUE = ("true", "yes", "1", "1.0")


def synthetic_rows(table: pd.DataFrame) -> Mask:
    """Mark the samples whose column `synthetic` says true (or yes, or 1), (N,).

    >>> synthetic_rows(pd.DataFrame({"meta_synthetic": [True, "no", None, "TRUE"]}))
    array([ True, False, False,  True])
    """
    found = np.zeros(len(table), dtype=bool)
    for name in SYNTHETIC_COLUMNS:
        if name in table:
            texts = table[name].astype(str).str.strip().str.lower()
            found |= texts.isin(_TRUE).to_numpy(dtype=bool)
    return found


def require_real(ids: npt.NDArray[np.object_], synthetic: Mask, part: Mask, name: str) -> None:
    """Refuse made samples in a part that scores or choices rest on.

    Args:
        ids: Of all samples, (N,).
        synthetic: Which of them were made, (N,).
        part: Which of them are in the part, (N,).
        name: Of the part, for the message.

    Raises:
        SplitError: It names the part and some of the samples.
    """
    wrong = ids[synthetic & part]
    if len(wrong):
        raise SplitError(
            f"{len(wrong)} samples whose column 'synthetic' is true stand in {name}: "
            f"{listing(wrong, limit=3)}. Made samples may be fitted on only; a score of them says "
            "nothing about real ones. Leave them out at the source, or, where the source or a "
            "column gives the parts, mark them as 'train'."
        )
