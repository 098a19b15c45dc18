"""Whether the probabilities of one part of the predictions mean what they say.

S: samples, K: classes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from foldwise.metrics import calibration as measured
from foldwise.metrics.brier_parts import BrierParts, brier_parts
from foldwise.metrics.calibration import (
    CalibrationError,
    CalibrationTest,
    ClassErrors,
    calibration_test,
    class_calibration_errors,
    copies_per_sample,
    equal_mass_edges,
    equal_width_edges,
    frequency_intervals,
    top_label,
)
from foldwise.metrics.classification import Array, Codes, Mask
from foldwise.metrics.scoring_rules import brier_losses, log_losses
from foldwise.seeds import numpy_generator
from foldwise.tasks.calibration_config import CalibrationConfig
from foldwise.tasks.predictions_table import Scored

BINNINGS = ("equal width", "equal mass")


@dataclass(frozen=True)
class ProbabilityScores:
    """How good the probabilities are, of the decided class unless something else is said."""

    points: pd.DataFrame  # of both binnings: one row per bin, see `reliability_points`
    test: CalibrationTest  # its errors are in the order of `BINNINGS`
    mean_confidence: float
    accuracy: float
    log_loss: float  # nats
    brier_score: float
    brier: BrierParts
    classes: ClassErrors

    @property
    def width_error(self) -> CalibrationError:
        """The calibration error that is usually meant: bins of equal width."""
        return self.test.errors[0]

    @property
    def mass_error(self) -> CalibrationError:
        """The one of bins of about equally many samples, which decides what is said."""
        return self.test.errors[1]


def score_probabilities(
    scored: Scored,
    units: Codes | None,
    config: CalibrationConfig,
    confidence: float,
    seed: int,
) -> ProbabilityScores:
    """Return calibration, its test and the proper scores of a set of predictions.

    Args:
        scored: Targets and probabilities.
        units: The number of the independent unit of each sample, (S,); None if each is one.
        config: Bins and resamples.
        confidence: Of the intervals of the points.
        seed: Of the resamples.
    """
    target, probabilities = scored.target, scored.probabilities
    scores, hits = top_label(target, probabilities)
    edges = (equal_width_edges(config.bins), equal_mass_edges(scores, config.bins))
    rng = numpy_generator(seed, "calibration")
    test = calibration_test(scores, hits, edges, units, config.num_resamples, rng)
    points = [
        reliability_points(scores, hits, one, units, confidence).assign(binning=name)
        for name, one in zip(BINNINGS, edges, strict=True)
    ]
    copies = copies_per_sample(units, test.correlation)
    return ProbabilityScores(
        points=pd.concat(points, ignore_index=True),
        test=test,
        mean_confidence=float(scores.mean()),
        accuracy=float(hits.mean()),
        log_loss=float(log_losses(target, probabilities).mean()),
        brier_score=float(brier_losses(target, probabilities).mean()),
        brier=brier_parts(target, probabilities, config.bins),
        classes=class_calibration_errors(target, probabilities, config.bins, copies),
    )


def reliability_points(
    scores: Array, hits: Mask, edges: Array, units: Codes | None, confidence: float
) -> pd.DataFrame:
    """Return one row per bin that is not empty: its limits, mean score, frequency, interval."""
    points = measured.reliability(scores, hits, edges)
    table = pd.DataFrame(points._asdict())
    found = frequency_intervals(scores, hits, edges, units, confidence)
    table["frequency_low"] = [interval.low for interval in found]
    table["frequency_high"] = [interval.high for interval in found]
    table["method"] = [interval.method for interval in found]
    return table


def is_miscalibrated(scores: ProbabilityScores, confidence: float) -> bool:
    """Tell whether a calibrated network would look as bad in less than 1 - `confidence` of cases.

    Two tests are made, of the mean gap and of the bins: each has half of what may go wrong.
    """
    least = min(scores.mass_error.p_value, scores.test.gap_p_value)
    return least < _level(confidence)


def verdict(scores: ProbabilityScores, confidence: float, where: str) -> str:
    """Say in one sentence whether the network is too sure, not sure enough, or neither.

    Something is said to be wrong only where `is_miscalibrated`.

    Args:
        scores: Of one part.
        confidence: E.g. 0.95.
        where: The part in words, e.g. "out of fold".
    """
    test, error = scores.test, scores.mass_error
    if not is_miscalibrated(scores, confidence):
        return (
            f"There is no sign that the probabilities are wrong ({where}): the calibration error "
            f"of {error.value:.3f} is what a network whose every probability is true would show "
            f"by chance ({error.expected:.3f} on average)."
        )
    if test.gap_p_value >= _level(confidence):
        return (
            f"Some probabilities are wrong ({where}), though right on average: "
            f"{_example(scores, 0)}."
        )
    direction = "over-confident" if test.gap > 0 else "under-confident"
    sign = 1 if test.gap > 0 else -1
    return f"The network is {direction} ({where}): {_example(scores, sign)}."


def _level(confidence: float) -> float:
    """Return the level of each of two tests (Bonferroni)."""
    return (1 - confidence) / 2


def _example(scores: ProbabilityScores, sign: int) -> str:
    """Return what is said and what happens where they are furthest apart, beyond doubt.

    Args:
        scores: Of one part.
        sign: 1 if too much is to be said, -1 if too little, 0 if either.
    """
    points = scores.points[scores.points["binning"] == BINNINGS[1]]
    said, happens = points["confidence"].to_numpy(), points["frequency"].to_numpy()
    gap = said - happens
    doubtful = (points["frequency_low"] <= said) & (said <= points["frequency_high"])
    weight = points["num_samples"].to_numpy() * np.abs(gap)
    weight[doubtful.to_numpy() | (sign * gap < 0)] = 0
    if weight.max(initial=0) <= 0:
        return (
            f"on average it says {_percent(scores.mean_confidence)} and is right in "
            f"{_percent(scores.accuracy)}"
        )
    row = points.iloc[int(weight.argmax())]
    return (
        f"when it says {_percent(row['confidence'])} it is right in {_percent(row['frequency'])} "
        f"({_percent(row['frequency_low'])} to {_percent(row['frequency_high'])}, of "
        f"{int(row['num_samples'])} predictions)"
    )


def _percent(share: float) -> str:
    """Return a share as %, with a decimal where it is close to 0 or 1 and that tells something.

    >>> _percent(0.905), _percent(0.9971), _percent(1.0)
    ('90 %', '99.7 %', '100 %')
    """
    is_close = 0 < share < 0.02 or 0.98 < share < 1
    return f"{100 * share:.1f} %" if is_close else f"{100 * share:.0f} %"
