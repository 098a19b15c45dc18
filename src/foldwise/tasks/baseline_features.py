"""Samples as scikit-learn takes them; each row depends on its own sample alone.

What has to be fitted (scaling, categories, n-grams) belongs to the models and to training parts.
N: samples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from foldwise.data.samples import Samples
from foldwise.data.token_texts import texts_of
from foldwise.tasks.baseline_pixels import gradient_features, pixel_features
from foldwise.tasks.baseline_series import resampled, summary_features

Representation = Literal[
    "none",
    "pixels",
    "gradients",
    "columns",
    "texts",
    "positions",
    "summary",
    "resampled",
    "changes",
]


@dataclass
class Features:
    """The representations of some samples, each made once, when it is first asked for."""

    samples: Samples
    _made: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    _gradients: dict[int, npt.NDArray[np.float32]] = field(default_factory=dict)

    def of(self, name: Representation, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return a representation of some samples, (n, ...).

        Raises:
            ImportError: A package that makes it is not installed.
            ValueError: It cannot be made of these samples.
        """
        if name == "gradients":  # a millisecond each: not of samples that no model is fitted on
            new = np.array([row for row in rows.tolist() if row not in self._gradients], np.int64)
            made = gradient_features(self.samples.x[new]) if len(new) else ()
            self._gradients |= dict(zip(new.tolist(), made, strict=True))
            return np.array([self._gradients[row] for row in rows.tolist()])
        if name not in self._made:
            self._made[name] = _MAKERS[name](self.samples)
        found: npt.NDArray[Any] = self._made[name][rows]
        return found


def _changes(samples: Samples) -> npt.NDArray[np.float32]:
    """Return windows as what is left to their last values, (N, F * T)."""
    filled = resampled(samples.x, samples.lengths)
    return (filled - filled[:, :, -1:]).reshape(len(samples), -1)


_MAKERS: Mapping[Representation, Callable[[Samples], npt.NDArray[Any]]] = {
    "none": lambda samples: np.zeros((len(samples), 1)),
    "pixels": lambda samples: pixel_features(samples.x),
    "columns": lambda samples: np.asarray(samples.x),
    "texts": lambda samples: np.array(
        texts_of(samples.x, samples.lengths, samples.tokens), dtype=object
    ),
    "positions": lambda samples: np.asarray(samples.x),
    "summary": lambda samples: summary_features(samples.x, samples.lengths),
    "resampled": lambda samples: resampled(samples.x, samples.lengths),
    "changes": _changes,
}
