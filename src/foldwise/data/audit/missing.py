"""Which values are missing, openly (NaN) or behind a number that stands for it.

N: samples, T: time steps, F: features or channels.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.check import Check, Subject, chunks, is_modality
from foldwise.data.audit.values import Values, numeric_columns
from foldwise.data.findings import Finding

_LEVEL = 0.01  # of the tests, all features taken together
_EFFECT = 0.1  # least difference between the classes, or of the area under the curve from 1/2
_SENTINELS = (-1, -9, -99, -999, -9999, -99999, 9, 99, 999, 9999, 99999)
_LOWEST = 20  # distinct values beside the gap, whose usual distance it is compared with
_GAP = 5.0  # usual distances
_GAP_SHARE = 0.25  # of the way to the lowest twentieth: not merely the end of a thin tail
_LEAST_REPEATS = 3
_MOST_SHARE = 0.6  # of the values; more zeros are the usual state of an amount, not a gap
_MIN_DISTINCT = 20  # values of what may be called continuous

Flags = npt.NDArray[np.bool_]


def missing_flags(subject: Subject) -> Flags:
    """Return which samples miss a feature, or any step of a channel; shape (N, F)."""
    x = subject.samples.x
    flags = np.zeros((len(x), x.shape[-1]), dtype=bool)
    for part in chunks(x):
        missing = np.isnan(x[part])
        flags[part] = missing.any(axis=1) if missing.ndim == 3 else missing
    return flags


def find_missing_values(subject: Subject) -> list[Finding]:
    """Tell how many values are missing, by feature."""
    rates = missing_flags(subject).mean(axis=0)
    if not rates.any():
        return []
    names = _names(subject)
    order = [i for i in np.argsort(-rates, kind="stable") if rates[i] > 0]
    listed = ", ".join(f"'{names[i]}' {rates[i]:.1%}" for i in order[:5])
    more = f" and {len(order) - 5} more" if len(order) > 5 else ""
    return [
        Finding(
            check="missing_values",
            severity="warn" if rates.max() > subject.config.missing_share else "info",
            message=f"{len(order)} of {len(rates)} features miss values, in a share of "
            f"the samples: {listed}{more}.",
            advice="Fill them with what the training part of each fold shows, and tell the "
            "network which are missing.",
            values={names[i]: float(rates[i]) for i in order[:50]},
        )
    ]


def find_missing_by_class(subject: Subject) -> list[Finding]:
    """Find features whose absence goes with the class, or with the number to be predicted.

    Tested by Pearson's chi-squared for classes and by Mann and Whitney's U for numbers, held at
    one level together by Holm's procedure (Scand. J. Statist. 6, 1979); and it has to matter.
    """
    flags, names = missing_flags(subject), _names(subject)
    tested = [i for i in range(flags.shape[1]) if 0 < flags[:, i].sum() < len(flags)]
    classes = subject.samples.task == "classification"
    test = _class_test if classes else _number_test
    results = [test(subject, flags[:, i]) for i in tested]
    is_significant = holm([p for p, _, _ in results], _LEVEL)
    found = [
        (effect, names[i], told)
        for i, (_, effect, told), significant in zip(tested, results, is_significant, strict=True)
        if significant and effect >= _EFFECT
    ]
    return [_missing_by_class(sorted(found, reverse=True))] if found else []


def _missing_by_class(found: Sequence[tuple[float, str, str]]) -> Finding:
    listed = "; ".join(f"'{name}' {told}" for _, name, told in found[:5])
    more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
    return Finding(
        check="missing_by_class",
        severity="warn",
        message=f"Whether a value is missing goes with what is to be predicted: {listed}{more}.",
        advice="A network will learn the gap. If it comes from how the data was collected, it "
        "will not be there in use.",
        values={name: effect for effect, name, _ in found[:50]},
    )


def _class_test(subject: Subject, flags: Flags) -> tuple[float, float, str]:
    """Return the p value, the difference of the rates, and how to tell it."""
    from scipy.stats import chi2_contingency

    sizes = np.bincount(subject.y, minlength=len(subject.samples.classes))
    missing = np.bincount(subject.y, weights=flags, minlength=len(sizes))
    p = float(chi2_contingency(np.stack([missing, sizes - missing])).pvalue)
    large = np.flatnonzero(sizes >= min(10, sizes.max()))  # the rate of a few says nothing
    rates = missing / sizes
    low, high = large[rates[large].argmin()], large[rates[large].argmax()]
    names = subject.samples.classes
    told = f"in {rates[high]:.0%} of '{names[high]}' and {rates[low]:.0%} of '{names[low]}'"
    return p, float(rates[high] - rates[low]), told


def _number_test(subject: Subject, flags: Flags) -> tuple[float, float, str]:
    """Return the p value, how far the area under the curve is from 1/2, and how to tell it."""
    from scipy.stats import mannwhitneyu

    target = subject.table[subject.samples.target_names[0]].to_numpy(np.float64)
    result = mannwhitneyu(target[flags], target[~flags])
    area = float(result.statistic) / (flags.sum() * (~flags).sum())
    medians = f"{np.median(target[flags]):.4g} and else {np.median(target[~flags]):.4g}"
    return float(result.pvalue), abs(area - 0.5), f"where missing the median target is {medians}"


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Tell which of several tests reject at one level for all of them together.

    >>> holm([0.01, 0.04, 0.03], 0.05)
    [True, False, False]
    """
    order = np.argsort(p_values, kind="stable")
    rejected = [False] * len(p_values)
    for rank, i in enumerate(order):
        if p_values[i] > level / (len(p_values) - rank):
            break
        rejected[i] = True
    return rejected


def find_zeros_as_missing(subject: Subject) -> list[Finding]:
    """Find positive features in which 0 is repeated and far from all other values."""
    counts = {
        name: int((values == 0).sum())
        for name, values in numeric_columns(subject.samples)
        if np.nanmin(values) == 0 and _stands_apart(values, 0)
    }
    listed = ", ".join(f"'{name}' {count}" for name, count in counts.items())
    told = f"{listed} of {len(subject.samples)}"
    return _stand_for_missing("zeros_as_missing", "Zeros", counts, told)


def find_sentinel_values(subject: Subject) -> list[Finding]:
    """Find numbers such as -1 or 999 that are repeated and far from all other values."""
    found = {
        f"{name} = {value}": int((values == value).sum())
        for name, values in numeric_columns(subject.samples)
        for value in _extreme_sentinels(values)
        if _stands_apart(values, value)
    }
    told = ", ".join(f"'{name}' {count} times" for name, count in found.items())
    return _stand_for_missing("sentinel_values", "Numbers", found, told)


def _stand_for_missing(check: str, what: str, counts: dict[str, int], told: str) -> list[Finding]:
    """Return the finding about repeated values that stand apart, or none without such."""
    if not counts:
        return []
    return [
        Finding(
            check=check,
            severity="warn",
            message=f"{what} that are repeated and far from all other values may stand for "
            f"missing ones: {told}.",
            advice="Make them empty cells, so that they are filled and not learned.",
            values=counts,
        )
    ]


def _extreme_sentinels(values: Values) -> Iterator[int]:
    ends = (np.nanmin(values), np.nanmax(values))
    return (value for value in _SENTINELS if value in ends)


def _stands_apart(values: Values, value: float) -> bool:
    """Tell whether an extreme value is repeated and separated by a gap from a continuous rest."""
    is_value = values == value
    share = is_value.sum() / (~np.isnan(values)).sum()
    if is_value.sum() < _LEAST_REPEATS or share > _MOST_SHARE:
        return False
    rest = np.unique(values[~is_value & ~np.isnan(values)])
    if len(rest) < _MIN_DISTINCT:
        return False
    away = np.sort(np.abs(rest - value))
    usual = np.median(np.diff(away[:_LOWEST]))
    return bool(away[0] >= _GAP * usual and away[0] >= _GAP_SHARE * np.quantile(away, 0.05))


def _names(subject: Subject) -> list[str]:
    return [feature.name for feature in subject.samples.features]


_can_miss = is_modality("table", "series")
_is_table = is_modality("table")

CHECKS = (
    Check("missing_values", "missing values, by feature", find_missing_values, _can_miss),
    Check(
        "missing_by_class",
        "features whose absence goes with what is to be predicted",
        find_missing_by_class,
        _can_miss,
    ),
    Check(
        "zeros_as_missing",
        "zeros that stand for missing values",
        find_zeros_as_missing,
        _is_table,
    ),
    Check(
        "sentinel_values",
        "numbers such as -1 or 999 that stand for missing values",
        find_sentinel_values,
        _is_table,
    ),
)
