"""What is odd about the features of a table, each looked at by itself, column by column.

N: samples, F: features.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.check import Check, Subject, is_modality, one_by_one, robust_z
from foldwise.data.bad_input import listing
from foldwise.data.findings import Finding
from foldwise.data.samples import Samples
from foldwise.seeds import numpy_generator

_CORRELATED = 1 - 1e-6  # squared: the same up to scale and rounding
_SCREENED = 1 - 1e-4  # the same, in single precision: pairs to be compared on all rows
_SCREENED_VALUES, _MIN_SCREENED_ROWS = 1_000_000, 100
_BLOCK = 1000  # features that are compared with all others at once
_OUTLIER_SHARE = 0.01  # more of them are a tail, not outliers

Values = npt.NDArray[np.float64]


def column(samples: Samples, number: int) -> Values:
    """Return one feature of all samples, shape (N,); NaN where it is missing or not finite."""
    values = samples.x[:, number].astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def numeric_columns(samples: Samples) -> Iterator[tuple[str, Values]]:
    """Yield name and values of each numeric feature that has any."""
    for number, feature in enumerate(samples.features):
        if feature.kind == "numeric":
            values = column(samples, number)
            if not np.isnan(values).all():
                yield feature.name, values


def find_constant_features(subject: Subject) -> list[Finding]:
    """Find features that never change, or are always missing."""
    names = []
    for number, feature in enumerate(subject.samples.features):
        values = column(subject.samples, number)
        known = values[~np.isnan(values)]
        if not len(known) or (known == known[0]).all():
            names.append(feature.name)
    if not names:
        return []
    return [
        Finding(
            check="constant_features",
            severity="warn",
            message=f"{len(names)} of {len(subject.samples.features)} features never change or "
            f"are always missing: {listing(names, 5)}.",
            advice="Leave them out.",
            values={"count": len(names), "features": ", ".join(names)},
        )
    ]


def find_duplicate_features(subject: Subject) -> list[Finding]:
    """Find features that are another one, up to scale and offset."""
    samples = subject.samples
    pairs = [pair for pair in _candidates(subject) if _is_same(samples, *pair)]
    if not pairs:
        return []
    names = [f"{samples.features[i].name} = {samples.features[j].name}" for i, j in pairs]
    return [
        Finding(
            check="duplicate_features",
            severity="warn",
            message=f"{len(pairs)} pairs of features are the same or perfectly correlated: "
            f"{listing(names, 5)}.",
            advice="Keep one of each pair: the other adds nothing but weight.",
            values={"count": len(pairs), "features": "; ".join(names)},
        )
    ]


def _candidates(subject: Subject) -> list[tuple[int, int]]:
    """Return the pairs of features that correlate almost perfectly on a part of the rows."""
    scaled = _scaled_part(subject)
    pairs = []
    for start in range(0, scaled.shape[1], _BLOCK):
        squared = (scaled[:, start : start + _BLOCK].T @ scaled) ** 2
        first, second = np.nonzero(squared > _SCREENED)
        pairs += [(start + i, j) for i, j in zip(first.tolist(), second.tolist(), strict=True)]
    return [(i, j) for i, j in pairs if i < j]


def _scaled_part(subject: Subject) -> npt.NDArray[np.float32]:
    """Return some rows with each feature centred and of length 1, (rows, F); 0 where missing."""
    x = subject.samples.x
    most = max(_MIN_SCREENED_ROWS, _SCREENED_VALUES // x.shape[1])
    rows = np.arange(len(x))
    if len(x) > most:
        generator = numpy_generator(subject.config.seed, "duplicate features")
        rows = np.sort(generator.choice(len(x), most, replace=False))
    values = x[rows].astype(np.float64)
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, values - mean, 0)
    norm = np.linalg.norm(centred, axis=0)
    return (centred / np.where(norm > 0, norm, 1)).astype(np.float32)


def _is_same(samples: Samples, first: int, second: int) -> bool:
    if samples.features[first].kind != samples.features[second].kind:
        return False
    a, b = column(samples, first), column(samples, second)
    known = ~np.isnan(a)
    if (known != ~np.isnan(b)).any():
        return False
    if samples.features[first].kind == "categorical":
        return bool((a[known] == b[known]).all())
    return bool(np.corrcoef(a[known], b[known])[0, 1] ** 2 > _CORRELATED)


def find_outliers(subject: Subject) -> list[Finding]:
    """Find features with a few values very far from all others."""
    counts: dict[str, int] = {}
    farthest: list[tuple[float, int]] = []
    for name, values in numeric_columns(subject.samples):
        z = np.abs(np.nan_to_num(robust_z(values)))
        far = np.flatnonzero(z > subject.config.outlier_z)
        if 0 < len(far) <= max(1, _OUTLIER_SHARE * len(values)):
            counts[name] = len(far)
            farthest += [(float(-z[i]), int(i)) for i in far[np.argsort(-z[far])][:100]]
    if not counts:
        return []
    rows = list(dict.fromkeys(row for _, row in sorted(farthest)))
    listed = ", ".join(f"'{name}' {count}" for name, count in counts.items())
    return [
        Finding(
            check="outliers",
            severity="info",
            message=f"Values farther than {subject.config.outlier_z:g} robust standard deviations "
            f"from the median, by feature: {listed}.",
            advice="If they are mistakes, mend them; if they are true, clip or transform the "
            "feature.",
            values=counts,
            sample_ids=one_by_one(subject.table["sample_id"].iloc[rows]),
        )
    ]


_is_table = is_modality("table")


CHECKS = (
    Check(
        "constant_features",
        "features that never change or are always missing",
        find_constant_features,
        _is_table,
    ),
    Check(
        "duplicate_features",
        "features that are the same or perfectly correlated",
        find_duplicate_features,
        _is_table,
    ),
    Check("outliers", "a few values very far from all others", find_outliers, _is_table),
)
