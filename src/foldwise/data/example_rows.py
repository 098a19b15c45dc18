"""Which samples are shown as examples: of each class, or of each fifth of the target's range."""

import numpy as np
import numpy.typing as npt

from foldwise.data.samples import Samples
from foldwise.seeds import numpy_generator

_SEED = 0  # the examples of one data set are always the same
_NUM_BINS = 5  # of a regression's target

Rows = npt.NDArray[np.int64]


def rows_by_stratum(samples: Samples) -> dict[str, Rows]:
    """Return the row numbers of each class, in order, or of each quantile bin of the target.

    Where several steps ahead are forecast, the first one is binned.
    """
    if samples.classes:
        labels = samples.table["label"].to_numpy(dtype=object)
        return {name: np.flatnonzero(labels == name) for name in samples.classes}
    target = samples.table[samples.target_names[0]].to_numpy(np.float64)
    edges = np.unique(np.quantile(target, np.linspace(0, 1, _NUM_BINS + 1)))
    bins = np.searchsorted(edges[1:-1], target, side="right")
    return {
        f"{edges[i]:.4g} to {edges[i + 1]:.4g}": np.flatnonzero(bins == i)
        for i in range(len(edges) - 1)
        if (bins == i).any()
    } or {f"{edges[0]:.4g}": np.arange(len(target))}


def draw_examples(name: str, members: Rows, num_examples: int) -> Rows:
    """Return some of the members, sorted; the same ones on every call."""
    generator = numpy_generator(_SEED, "contact_sheet", name)
    drawn = generator.choice(members, min(num_examples, len(members)), replace=False)
    return np.sort(drawn)
