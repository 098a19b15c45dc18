"""Statistics that are fitted on a training part and travel with the weights."""

from typing import Annotated

from pydantic import Field

from foldwise.data.preprocessing.complete import refuse_missing, require_complete
from foldwise.data.preprocessing.config import (
    ImageInputConfig,
    InputConfig,
    SequenceInputConfig,
    TableInputConfig,
)
from foldwise.data.preprocessing.fit import (
    AnyPreprocessing,
    fit_preprocessing,
    require_readable,
)
from foldwise.data.preprocessing.images import ImagePreprocessing, fit_images
from foldwise.data.preprocessing.series import (
    MissingValueError,
    SeriesPreprocessing,
    fit_series,
)
from foldwise.data.preprocessing.table import TablePreprocessing
from foldwise.data.preprocessing.tokens import TokenPreprocessing

__all__ = [
    "AnyPreprocessing",
    "ImageInputConfig",
    "ImagePreprocessing",
    "InputConfig",
    "MissingValueError",
    "Preprocessing",
    "SequenceInputConfig",
    "SeriesPreprocessing",
    "TableInputConfig",
    "TablePreprocessing",
    "TokenPreprocessing",
    "fit_images",
    "fit_preprocessing",
    "fit_series",
    "refuse_missing",
    "require_complete",
    "require_readable",
]

Preprocessing = Annotated[AnyPreprocessing, Field(discriminator="kind")]
