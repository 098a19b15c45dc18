"""A metric with its interval, and how intervals are made."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from foldwise.metrics.intervals import Interval, ProportionMethod


class Estimate(NamedTuple):
    """A metric, its limits and how they were found; NaN where undefined."""

    value: float
    low: float
    high: float
    method: str

    @classmethod
    def of(cls, value: float | np.floating[Any], interval: Interval) -> "Estimate":
        """Put a metric and its interval together."""
        return cls(float(value), *interval)


@dataclass(frozen=True)
class Resampling:
    """How intervals are made."""

    confidence: float
    num_resamples: int
    seed: int
    proportion_interval: ProportionMethod = "wilson"
