"""What a property is for each class, or where the target is low and high, in words.

B: samples looked at.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.audit.shortcut_properties import Property

_MAX_CLASSES = 4  # named; of more only the two at the ends
_NUM_PARTS = 5  # of the range of a target

Values = npt.NDArray[np.float64]


def values_by_target(one: Property, targets: dict[str, npt.NDArray[np.int64]]) -> str:
    """Return the median, or the most frequent category, by class.

    Args:
        one: The property; of one with several entries there is nothing short to say.
        targets: The positions of the samples of each class, or of parts of a target's range.
    """
    if one.values.shape[1] > 1:
        return ""
    values = one.values[:, 0]
    typical = {name: _typical(one, values[rows]) for name, rows in targets.items()}
    known = {name: value for name, value in typical.items() if np.isfinite(value)}
    shown = list(known)
    if len(known) > _MAX_CLASSES:
        by_value = sorted(known, key=known.__getitem__)
        shown = [by_value[0], by_value[-1]]
    return ", ".join(f"{_written(one, known[name])} for {name}" for name in shown)


def _typical(one: Property, values: Values) -> float:
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan")
    if one.categories:
        return float(np.bincount(known.astype(np.int64)).argmax())
    return float(np.median(known))


def _written(one: Property, value: float) -> str:
    if one.categories:
        return f"'{one.categories[int(value)]}'"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def parts_by_target(
    target: pd.DataFrame, classes: tuple[str, ...], target_names: tuple[str, ...]
) -> dict[str, npt.NDArray[np.int64]]:
    """Return the positions of each class in quotes, or of the fifths at a target's ends."""
    if classes:
        labels = target["label"].to_numpy(dtype=object)
        return {f"'{name}'": np.flatnonzero(labels == name) for name in classes}
    ranks = target[target_names[0]].rank(method="first").to_numpy() - 1
    fifth = ranks * _NUM_PARTS // len(ranks)
    last = _NUM_PARTS - 1
    return {
        "low targets": np.flatnonzero(fifth == 0),
        "high targets": np.flatnonzero(fifth == last),
    }
