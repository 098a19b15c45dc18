"""Fit what travels with the weights, on a training part."""

import numpy as np
import numpy.typing as npt

from foldwise.data.preprocessing.config import (
    ImageInputConfig,
    InputConfig,
    SequenceInputConfig,
    TableInputConfig,
)
from foldwise.data.preprocessing.images import ImagePreprocessing, fit_images
from foldwise.data.preprocessing.series import SeriesPreprocessing, fit_series
from foldwise.data.preprocessing.table import TablePreprocessing
from foldwise.data.preprocessing.tokens import TokenPreprocessing
from foldwise.data.samples import Samples, SamplesError
from foldwise.data.table_encoding import fit_table_encoding
from foldwise.data.vocabulary import fit_vocabulary

AnyPreprocessing = (
    ImagePreprocessing | SeriesPreprocessing | TokenPreprocessing | TablePreprocessing
)
_TAKEN = {
    ImageInputConfig: ("train_cnn", ("image",)),
    SequenceInputConfig: ("train_rnn", ("series", "tokens", "image")),
    TableInputConfig: ("train_mlp", ("table", "series", "image")),
}
_KINDS = {"image": "images", "series": "series", "tokens": "texts", "table": "tables"}


def require_readable(samples: Samples, config: InputConfig) -> None:
    """Refuse samples of a kind that the networks of a family do not take.

    Raises:
        SamplesError: It names who takes them.
    """
    pipeline, taken = _TAKEN[type(config)]
    if samples.modality not in taken:
        others = [name for name, kinds in _TAKEN.values() if samples.modality in kinds]
        raise SamplesError(
            f"{pipeline} takes {_listed(taken)}, but the samples are {_KINDS[samples.modality]}. "
            f"These are for {' or '.join(others)}."
        )
    if samples.modality != "series" and not isinstance(config, ImageInputConfig):
        _require_no_windows(samples, config)


def fit_preprocessing(
    samples: Samples,
    rows: npt.NDArray[np.int64],
    config: InputConfig,
    *,
    is_forecast: bool = False,
) -> AnyPreprocessing:
    """Return what the inputs of a network undergo, fitted on the rows of a training part.

    Args:
        samples: The samples.
        rows: Of the training part.
        config: What the user chose.
        is_forecast: Whether changes since a channel's last value are predicted.

    Raises:
        SamplesError: The networks that the parameters are for do not take such samples.
    """
    require_readable(samples, config)
    match samples.modality:
        case "image":
            fitted = fit_images(samples.x, rows)
            if isinstance(config, ImageInputConfig):
                return fitted.model_copy(update={"standardise": config.standardise})
            layout = "rows" if isinstance(config, SequenceInputConfig) else "flat"
            return fitted.model_copy(update={"layout": layout})
        case "series":
            assert isinstance(config, SequenceInputConfig | TableInputConfig)
            is_flat = isinstance(config, TableInputConfig)
            max_length = None if isinstance(config, TableInputConfig) else config.max_length
            series = fit_series(samples.x, samples.lengths, rows, config.missing, max_length)
            automatic = "window" if is_forecast else "training"
            chosen = automatic if config.standardise == "auto" else config.standardise
            layout = "flat" if is_flat else "steps"
            return series.model_copy(update={"layout": layout, "standardise": chosen})
        case "tokens":
            assert isinstance(config, SequenceInputConfig)
            read = samples.x[:, : config.max_length]  # what is cut off teaches nothing
            vocabulary = fit_vocabulary(read, samples.tokens, rows, config.vocabulary)
            return TokenPreprocessing(vocabulary=vocabulary, max_length=config.max_length)
        case "table":
            assert isinstance(config, TableInputConfig)
            encoding = fit_table_encoding(samples.x, samples.features, rows, config.table)
            return TablePreprocessing(encoding=encoding)


def _require_no_windows(samples: Samples, config: SequenceInputConfig | TableInputConfig) -> None:
    if config.standardise == "window":
        raise SamplesError(
            "inputs.standardise is 'window', which is for series, but the samples are "
            f"{_KINDS[samples.modality]}. Allowed: auto, training."
        )


def _listed(modalities: tuple[str, ...]) -> str:
    names = [_KINDS[modality] for modality in modalities]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
