"""How samples become what a network is given; nothing here is fitted."""

from typing import Literal

from pydantic import Field

from foldwise.config import Config
from foldwise.data.table_encoding import TableEncodingConfig
from foldwise.data.vocabulary import VocabularyConfig

# error: the training is refused | zero: the channel's mean of the training part | interpolate: on
# a line between the neighbours | previous: the value before
Missing = Literal["error", "zero", "interpolate", "previous"]
# By whose mean and deviation channels are standardised. training: those of the training part |
# window: each series by its own, so that level and spread are lost, which later or other series
# do not share (RevIN: Kim, T. et al. (2022). Reversible instance normalization for accurate
# time-series forecasting against distribution shift. ICLR) | auto: window for forecasts that are
# changes since a channel's last value, else training
Standardise = Literal["auto", "training", "window"]


class ImageInputConfig(Config):
    """Images as they are, for networks of convolutions."""

    # By whose mean and deviation channels are standardised. training: those of the training part |
    # image: each image by its own, so that exposure and contrast are lost, which other images need
    # not share. Pretrained weights bring their own way along.
    standardise: Literal["training", "image"] = "training"


class SequenceInputConfig(Config):
    """Series, texts, or images as sequences, step by step."""

    sequence_from: Literal["rows"] = "rows"  # of images: each row is a step
    missing: Missing = "error"  # values within a series
    standardise: Standardise = "auto"  # series
    max_length: int | None = Field(None, ge=1)  # steps or tokens; of longer ones the start is kept
    vocabulary: VocabularyConfig = VocabularyConfig()  # of texts


class TableInputConfig(Config):
    """Rows of a table; series and images as one long row."""

    table: TableEncodingConfig = TableEncodingConfig(categories="index")
    missing: Missing = "error"  # values within a series; those of a table are always filled
    standardise: Standardise = "auto"  # series; columns of a table by the training part


InputConfig = ImageInputConfig | SequenceInputConfig | TableInputConfig
