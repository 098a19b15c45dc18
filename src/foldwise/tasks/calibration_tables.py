"""Calibration, thresholds and abstention as tables for files."""

import numpy as np
import pandas as pd

from foldwise.tasks.calibration import Calibration
from foldwise.tasks.operating_points import no_curves, no_points
from foldwise.tasks.probability_calibration import ProbabilityScores

AS_PREDICTED, AT_TEMPERATURE = "as predicted", "at temperature"
_MAX_POINTS = 500  # of a risk-coverage curve
_RELIABILITY = (
    *("part", "probabilities", "binning", "low", "high", "confidence", "frequency"),
    *("frequency_low", "frequency_high", "num_samples", "method"),
)
_RISK = ("part", "threshold", "coverage", "risk")


def scores_of_parts(calibration: Calibration) -> dict[tuple[str, str], ProbabilityScores]:
    """Return the scores by part and by which probabilities they are of, in order."""
    found = {}
    for name, part in calibration.parts.items():
        found[name, AS_PREDICTED] = part.before
        if part.after is not None:
            found[name, AT_TEMPERATURE] = part.after
    return found


def reliability_table(calibration: Calibration) -> pd.DataFrame:
    """Return one row per part, kind of probabilities, binning and bin that is not empty."""
    tables = [
        scores.points.assign(part=part, probabilities=kind)
        for (part, kind), scores in scores_of_parts(calibration).items()
    ]
    if not tables:
        return pd.DataFrame(columns=list(_RELIABILITY))
    return pd.concat(tables, ignore_index=True)[list(_RELIABILITY)]


def risk_coverage_table(calibration: Calibration) -> pd.DataFrame:
    """Return the points of the risk-coverage curve of each part, at most 500."""
    tables = []
    for name, part in calibration.parts.items():
        curve = part.abstention.curve
        size = len(curve.coverage)
        keep = np.unique(np.linspace(0, size - 1, min(size, _MAX_POINTS)).round().astype(np.int64))
        columns = {column: getattr(curve, column)[keep] for column in _RISK[1:]}
        tables.append(pd.DataFrame({"part": name, **columns}))
    if not tables:
        return pd.DataFrame(columns=list(_RISK))
    return pd.concat(tables, ignore_index=True)


def threshold_tables(calibration: Calibration) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the curves of metrics against thresholds, and the chosen points."""
    if calibration.points is None:
        return no_curves(), no_points()
    return calibration.points.curves, calibration.points.points
