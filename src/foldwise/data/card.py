"""What the samples are, in figures, before anything is done with them.

N: samples, C: channels, H: height, W: width.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.row_slices import row_slices
from foldwise.data.samples import Samples

Card = dict[str, Any]  # a JSON object
_CHUNK_BYTES = 2**22  # of pixels counted at a time
_MAX_DESCRIBED = 100_000  # series


def data_card(samples: Samples, skipped_files: pd.DataFrame) -> Card:
    """Describe the samples; `skipped_files` has the columns `path` and `reason`."""
    return {
        "modality": samples.modality,
        "task": samples.task,
        "num_samples": len(samples),
        "num_distinct_samples": int(samples.table["sha256"].nunique()),
        **_targets(samples),
        "shape": [int(length) for length in samples.x.shape[1:]],
        "num_groups": int(samples.table["group"].nunique()) or None,
        "official_splits": _counts(samples.table["official_split"]) or None,
        "time": _time_span(samples.table),
        **_DESCRIPTIONS[samples.modality](samples),
        "content_hash": samples.content_hash,
        "num_skipped_files": len(skipped_files),
        "skipped_files": skipped_files[["path", "reason"]].to_dict("records"),
    }


def class_counts(samples: Samples) -> dict[str, int]:
    """Return the number of samples of each class, in the order of the classes."""
    counts = samples.table["label"].value_counts()
    return {name: int(counts.get(name, 0)) for name in samples.classes}


def _targets(samples: Samples) -> Card:
    if samples.classes:
        counts = class_counts(samples)
        ratio = round(max(counts.values()) / min(counts.values()), 4)
        return {"classes": counts, "imbalance_ratio": ratio}
    return {"targets": {name: _summary(samples.table[name]) for name in samples.target_names}}


def _summary(values: pd.Series) -> Card:
    """Return quantiles and missing values of a column of numbers."""
    numbers = values.astype(np.float64)
    known = numbers[np.isfinite(numbers)]
    quantiles: Iterable[float] = known.quantile([0, 0.25, 0.5, 0.75, 1]) if len(known) else []
    names = ("min", "lower_quartile", "median", "upper_quartile", "max")
    return {
        **{name: float(f"{q:.6g}") for name, q in zip(names, quantiles, strict=False)},
        "num_missing": int(len(numbers) - len(known)),
    }


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().sort_index().items()}


def _time_span(table: pd.DataFrame) -> list[str] | None:
    if "time" not in table:
        return None
    last = table["time_end"] if "time_end" in table else table["time"]
    return [str(table["time"].min()), str(last.max())]


def _describe_images(samples: Samples) -> Card:
    mean, std = _pixel_mean_and_std(samples.x)
    return {
        "size_policy": samples.size_policy,
        "original_size": _original_size(samples.table),
        "pixels_description_only": {
            "note": "Over all samples and never used for normalisation: that is fitted on the "
            "training part of each fold.",
            "mean_per_channel": mean,
            "std_per_channel": std,
        },
    }


def _describe_series(samples: Samples) -> Card:
    lengths = samples.lengths
    channels = {}
    for channel, feature in enumerate(samples.features):
        values = np.asarray(samples.x[:_MAX_DESCRIBED, :, channel])
        inside = np.arange(values.shape[1]) < lengths[: len(values), None]
        channels[feature.name] = _summary(pd.Series(values[inside]))
    span = {"min": int(lengths.min()), "max": int(lengths.max())}
    return {"length": span, "channels_description_only": channels}


def _describe_table(samples: Samples) -> Card:
    features: Card = {}
    for column, feature in enumerate(samples.features):
        values = pd.Series(np.asarray(samples.x[:, column]))
        if feature.kind == "numeric":
            features[feature.name] = _summary(values)
        else:
            counts = values.value_counts()
            features[feature.name] = {
                "categories": {n: int(counts.get(i, 0)) for i, n in enumerate(feature.categories)},
                "num_missing": int(values.isna().sum()),
            }
    return {"features_description_only": features}


def _describe_tokens(samples: Samples) -> Card:
    lengths = samples.lengths
    return {
        "num_distinct_tokens": len(samples.tokens) - 1,
        "length": {
            "min": int(lengths.min()),
            "median": float(np.median(lengths)),
            "max": int(lengths.max()),
        },
    }


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
    for part in row_slices(len(x), int(np.prod(x.shape[1:])), _CHUNK_BYTES):
        for channel in range(x.shape[1]):
            pixels = x[part, channel].ravel()
            counts[channel] += np.bincount(pixels, minlength=256)
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    std = np.sqrt(np.maximum(variance, 0))
    return [round(float(m), 6) for m in mean], [round(float(s), 6) for s in std]


_DESCRIPTIONS = {
    "image": _describe_images,
    "series": _describe_series,
    "table": _describe_table,
    "tokens": _describe_tokens,
}
