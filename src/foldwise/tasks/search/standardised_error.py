"""Errors in the unit that trials are scored in: of targets standardised by the training part.

N: samples, H: numbers to be predicted of each.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.samples import Samples
from foldwise.modules.number_outputs import NumberOutputs
from foldwise.tasks.fold_models import FoldModels

STANDARDISED_ERROR = "standardised_error"


def standardised_errors(
    table: pd.DataFrame, models: FoldModels, samples: Samples
) -> npt.NDArray[np.float64]:
    """Return the absolute error of each row of a predictions table of numbers.

    Each is on the scale of the training part of the network that predicts it, or where changes
    are foretold, in their unit: its mean over a part is what `val_mae` is of the inner part.

    Args:
        table: With the steps of a sample one after another.
        models: The networks that predict.
        samples: The samples.
    """
    errors = np.empty(len(table))
    num_steps = int(table["step"].max())
    for card in models.cards():
        assert card.number_outputs is not None
        is_own = ((table["repeat"] == card.repeat) & (table["fold"] == card.fold)).to_numpy()
        own = table[is_own]
        rows = samples.positions(own["sample_id"].iloc[::num_steps])
        said, meant = (
            _standardised(card.number_outputs, own[name], samples, rows)
            for name in ("prediction", "target")
        )
        errors[is_own] = np.abs(said - meant).reshape(-1)
    return errors


def _standardised(
    meaning: NumberOutputs, values: pd.Series, samples: Samples, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return values (N * H,) as the network has them, (N, H)."""
    numbers = values.to_numpy(np.float64).reshape(len(rows), -1)
    if meaning.anchor is not None:
        numbers = meaning.anchor.of_rows(samples, rows).changes(numbers)
    return meaning.scaling.scale(numbers)
