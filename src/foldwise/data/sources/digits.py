"""The handwritten digits inside scikit-learn: real data that needs no network."""

from typing import Literal

import numpy as np
import pandas as pd

from foldwise.config import Config
from foldwise.data.sources.image_size import ImageSize, fit_arrays
from foldwise.data.sources.source import Reading

_FULL_SCALE = 16  # the largest pixel value there


class DigitsSource(Config):
    """1797 grey images of 8 x 8 pixels, ten classes (Alpaydin and Kaynak, UCI 1998)."""

    kind: Literal["digits"] = "digits"
    image_size: ImageSize | None = None  # none: as they are

    def read(self) -> Reading:
        """Read the copy that is installed with scikit-learn."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        scaled = np.rint(digits.images * (255 / _FULL_SCALE)).astype(np.uint8)
        table = pd.DataFrame(
            {
                "sample_id": [f"digit_{i:04d}" for i in range(len(scaled))],
                "label": digits.target.astype(str),
            }
        )
        return Reading(
            x=fit_arrays(scaled[:, np.newaxis], self.image_size),  # (N, 8, 8) -> (N, 1, H, W)
            table=table,
            classes=tuple(str(name) for name in digits.target_names),
            size_policy="none" if self.image_size is None else "resize",
        )
