"""The handwritten digits inside scikit-learn: real data that needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import model_validator

from foldwise.config import unknown_names_message
from foldwise.data.readers.image_size import ImageSize, fit_arrays
from foldwise.data.sources.source import Reading, SourceConfig

_FULL_SCALE = 16  # the largest pixel value there


class DigitsSource(SourceConfig):
    """1797 grey images of 8 x 8 pixels, ten classes (Alpaydin and Kaynak, UCI 1998)."""

    kind: Literal["digits"] = "digits"
    image_size: ImageSize | None = None  # none: as they are

    @model_validator(mode="before")
    @classmethod
    def _ask_for_kind(cls, data: Any) -> Any:  # noqa: ANN401  (pydantic passes raw input)
        """Say why there is no path: most who give one have forgotten the kind."""
        if not isinstance(data, Mapping) or "path" not in data:
            return data
        from foldwise.data.sources import KINDS_OF_PATHS

        allowed = list(cls.model_fields)
        unknown = [str(key) for key in data if key not in allowed]
        raise ValueError(
            f"{unknown_names_message(unknown, allowed)} ingest.source.kind is 'digits', the "
            f"default, which reads no files; kinds that take a path: {', '.join(KINDS_OF_PATHS)}."
        )

    def inputs(self) -> Sequence[Path]:
        """Return nothing: the digits never change."""
        return ()

    def read(self, scratch: Path) -> Reading:
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
