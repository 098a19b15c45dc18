"""What is odd about the numbers that a regression is to predict.

N: samples.
"""

import numpy as np
import numpy.typing as npt

from foldwise.data.audit.check import Check, Subject, is_regression, one_by_one, robust_z
from foldwise.data.findings import Finding

_FEW_VALUES = 10  # or fewer look like classes
_TAIL = 6.0  # reach of the outer percent in quartile ranges; normal 1.7, exponential 3.6
_MIN_ROWS = 100  # below, a tail is not told from chance
_OUTLIER_SHARE = 0.01  # more of them are a tail

Values = npt.NDArray[np.float64]


def _targets(subject: Subject) -> dict[str, Values]:
    names = subject.samples.target_names
    return {name: subject.table[name].to_numpy(np.float64) for name in names}


def find_constant_targets(subject: Subject) -> list[Finding]:
    """Find targets that never change."""
    return [
        Finding(
            check="target_constant",
            severity="error",
            message=f"{name} is {values[0]:g} for all {len(values)} samples.",
            advice="There is nothing to predict: see whether the right column was named.",
            values={"target": name, "value": float(values[0])},
        )
        for name, values in _targets(subject).items()
        if (values == values[0]).all()
    ]


def find_few_values(subject: Subject) -> list[Finding]:
    """Find targets that take so few values that they may be classes."""
    counts = {name: len(np.unique(values)) for name, values in _targets(subject).items()}
    return [
        Finding(
            check="target_few_values",
            severity="info",
            message=f"{name} takes only {count} distinct values in {len(subject.y)} samples.",
            advice="If these are classes, name the column as a label; if they are steps of a "
            "scale, a regression is one way to keep their order.",
            values={"target": name, "count": count},
        )
        for name, count in counts.items()
        if 1 < count <= _FEW_VALUES and len(subject.samples) >= 2 * count
    ]


def find_target_outliers(subject: Subject) -> list[Finding]:
    """Find targets with a few values very far from all others."""
    found = []
    for name, values in _targets(subject).items():
        z = robust_z(values)
        far = np.abs(z) > subject.config.outlier_z
        if 0 < far.sum() <= max(1, _OUTLIER_SHARE * len(values)):
            found.append(_outliers(subject, name, values, z, far))
    return found


def _outliers(
    subject: Subject, name: str, values: Values, z: Values, far: npt.NDArray[np.bool_]
) -> Finding:
    farthest = np.flatnonzero(far)[np.argsort(-np.abs(z[far]), kind="stable")]
    return Finding(
        check="target_outliers",
        severity="warn",
        message=f"{name} is farther than {subject.config.outlier_z:g} robust standard deviations "
        f"from its median {np.median(values):.4g} in {len(farthest)} samples; the farthest is "
        f"{values[farthest[0]]:.4g}.",
        advice="If they are mistakes, mend them; if they are true, a squared loss will look at "
        "little else: think of an absolute or a Huber loss.",
        values={"target": name, "count": len(farthest)},
        sample_ids=one_by_one(subject.table["sample_id"].iloc[farthest]),
    )


def find_heavy_tails(subject: Subject) -> list[Finding]:
    """Find targets whose outermost percent reaches very far."""
    found = []
    for name, values in _targets(subject).items():
        reach = _reach(values)
        if len(values) >= _MIN_ROWS and reach > _TAIL:
            message = (
                f"{name} has a heavy tail: its outermost percent lies {reach:.1f} quartile ranges "
                "from the median (of a normal distribution 1.7)."
            )
            advice = "Think of predicting its logarithm, or of a loss that is not squared."
            values_ = {"target": name, "reach": reach}
            found.append(
                Finding(
                    check="target_heavy_tail",
                    severity="info",
                    message=message,
                    advice=advice,
                    values=values_,
                )
            )
    return found


def _reach(values: Values) -> float:
    """Return how far the outer half percents reach, in quartile ranges."""
    bottom, low, median, high, top = np.quantile(values, [0.01, 0.25, 0.5, 0.75, 0.99])
    if high == low:
        return 0.0
    return float(max(top - median, median - bottom) / (high - low))


CHECKS = (
    Check("target_constant", "a target that never changes", find_constant_targets, is_regression),
    Check(
        "target_few_values",
        "a target of so few values that they may be classes",
        find_few_values,
        is_regression,
    ),
    Check(
        "target_outliers",
        "a few targets very far from all others",
        find_target_outliers,
        is_regression,
    ),
    Check("target_heavy_tail", "a target with a heavy tail", find_heavy_tails, is_regression),
)
