"""What if the network may abstain: accuracy on the samples of which it is most certain.

S: samples.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.intervals import ProportionMethod, proportion_interval
from foldwise.metrics.selective import RiskCoverage, keep_most_certain, risk_coverage
from foldwise.tasks.predictions_table import Scored

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.5)


@dataclass(frozen=True)
class Abstention:
    """Errors against the share of samples that is decided, by the probability of the decision."""

    curve: RiskCoverage
    table: pd.DataFrame  # one row per wanted coverage, see `_row`


def abstain(
    scored: Scored, units: Codes | None, confidence: float, method: ProportionMethod
) -> Abstention:
    """Leave out what the network is least certain of, less and less of it.

    Args:
        scored: Targets and probabilities.
        units: The number of the independent unit of each sample, (S,); None if each is one.
        confidence: Of the intervals of accuracy.
        method: Of these.
    """
    certainty = scored.probabilities.max(axis=1)
    right = scored.probabilities.argmax(axis=1) == scored.target
    rows = []
    for wanted in COVERAGES:
        found = keep_most_certain(certainty, wanted)
        kept = found.kept
        yes, trials = per_unit(right[kept], None if units is None else units[kept])
        low, high, how = proportion_interval(yes, trials, confidence, method)
        rows.append(
            {
                "wanted_coverage": wanted,
                "coverage": found.coverage,
                "num_kept": int(kept.sum()),
                "threshold": found.threshold,
                "accuracy": float(right[kept].mean()),
                "accuracy_low": low,
                "accuracy_high": high,
                "method": how,
            }
        )
    return Abstention(risk_coverage(certainty, ~right), pd.DataFrame(rows))


def per_unit(successes: Array, units: Codes | None) -> tuple[Array, Array]:
    """Return successes and trials of each unit, from the successes of each sample, (S,)."""
    yes = np.asarray(successes, dtype=np.float64)
    if units is None:
        return yes, np.ones(len(yes))
    of_unit = np.unique(units, return_inverse=True)[1]
    sums = np.bincount(of_unit, yes), np.bincount(of_unit)
    return sums[0].astype(np.float64), sums[1].astype(np.float64)
