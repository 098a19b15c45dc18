"""The cases of one file of labelled series, whatever its format.

T: time steps of one case, F: channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.bad_input import BadFile, IngestError, printable

_MISSING = ("", "?", "nan")


@dataclass(frozen=True)
class SeriesCases:
    """The cases of a file, in its order."""

    path: Path
    series: Sequence[npt.NDArray[Any]]  # each (T, F)
    labels: Sequence[str]  # as spelled; numbers where it is a regression
    lines: Sequence[int]  # of the file, from 1, as an editor counts
    num_channels: int
    length: int | None = None  # that the header promises of every case
    classes: Sequence[str] | None = None  # that the header names; none: it names none
    is_regression: bool = False

    def problem(self, case: int) -> BadFile | None:
        """Tell what is wrong with a case, if anything is."""
        label, num_steps = self.labels[case], len(self.series[case])
        reason = None
        if label.lower() in _MISSING:
            reason = "its label is missing"
        elif self.is_regression and not _is_number(label):
            reason = f"its target '{printable(label)}' is no number"
        elif self.classes is not None and label not in self.classes:
            reason = f"its class '{printable(label)}' is not among those of the header"
        elif num_steps == 0:
            reason = "it has no values"
        elif self.length is not None and num_steps != self.length:
            reason = f"it has {num_steps} steps, but the header promises {self.length} of each"
        elif _has_infinite(self.series[case]):
            reason = "it holds a value that is infinite, or too large for 32 bits"
        if reason is None:
            return None
        return BadFile(f"{printable(self.path.name)}, line {self.lines[case]}", reason)


def refuse(path: Path, reason: object) -> IngestError:
    """Return the error that a file cannot be read at all."""
    return IngestError(f"'{path}' cannot be read: {printable(str(reason))}.")


def _has_infinite(series: npt.NDArray[Any]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isinf(series.astype(np.float32)).any())


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
