"""What the samples are, in figures, before anything is done with them.

N: samples, C: channels, H: height, W: width.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import Samples

Card = dict[str, Any]  # a JSON object
_CHUNK_BYTES = 2**22  # of pixels counted at a time


def data_card(samples: Samples, skipped_files: pd.DataFrame) -> Card:
    """Describe the samples; `skipped_files` has the columns `path` and `reason`."""
    counts = class_counts(samples)
    mean, std = _pixel_mean_and_std(samples.x)
    return {
        "num_samples": len(samples),
        "num_distinct_samples": int(samples.table["sha256"].nunique()),
        "classes": counts,
        "imbalance_ratio": round(max(counts.values()) / min(counts.values()), 4),
        "shape": [int(length) for length in samples.x.shape[1:]],
        "size_policy": samples.size_policy,
        "original_size": _original_size(samples.table),
        "num_groups": int(samples.table["group"].nunique()) or None,
        "official_splits": _counts(samples.table["official_split"]) or None,
        "pixels_description_only": {
            "note": "Over all samples and never used for normalisation: that is fitted on the "
            "training part of each fold.",
            "mean_per_channel": mean,
            "std_per_channel": std,
        },
        "content_hash": samples.content_hash,
        "num_skipped_files": len(skipped_files),
        "skipped_files": skipped_files[["path", "reason"]].to_dict("records"),
    }


def class_counts(samples: Samples) -> dict[str, int]:
    """Return the number of samples of each class, in the order of the classes."""
    counts = samples.table["label"].value_counts()
    return {name: int(counts.get(name, 0)) for name in samples.classes}


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().sort_index().items()}


def _original_size(table: pd.DataFrame) -> Card | None:
    """Return the range of heights and widths in the files, in pixels."""
    if "meta_height" not in table:
        return None
    sides = {"height": table["meta_height"], "width": table["meta_width"]}
    return {
        name: {
            "min": int(values.min()),
            "median": float(values.median()),
            "max": int(values.max()),
        }
        for name, values in sides.items()
    }


def _pixel_mean_and_std(x: npt.NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation per channel of pixels in 0..1, from exact counts."""
    counts = np.zeros((x.shape[1], 256), np.int64)
    step = max(1, _CHUNK_BYTES // int(np.prod(x.shape[1:])))
    for start in range(0, len(x), step):
        for channel in range(x.shape[1]):
            pixels = x[start : start + step, channel].ravel()
            counts[channel] += np.bincount(pixels, minlength=256)
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    std = np.sqrt(np.maximum(variance, 0))
    return [round(float(m), 6) for m in mean], [round(float(s), 6) for s in std]
