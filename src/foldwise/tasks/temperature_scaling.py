"""A temperature for each fold's network, fitted where the network was not.

S: rows, K: classes, M: networks.
"""

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.metrics.temperature import apply_temperature, fit_temperature
from foldwise.tasks.model_rows import ModelRows, PartsOfModels


def fit_temperatures(parts: PartsOfModels) -> pd.DataFrame | None:
    """Return one row per network: `repeat, fold, num_inner, temperature`; None without inner rows.

    A network without an inner validation part keeps its probabilities: its temperature is 1.
    """
    if parts.inner is None:
        return None
    records = []
    for number, (repeat, fold) in enumerate(parts.models):
        rows = parts.inner.model == number
        scored = parts.inner.scored
        temperature = fit_temperature(scored.probabilities[rows], scored.target[rows])
        records.append(
            {
                "repeat": repeat,
                "fold": fold,
                "num_inner": int(rows.sum()),
                "temperature": temperature,
            }
        )
    return pd.DataFrame(records)


def scaled(rows: ModelRows, temperatures: pd.DataFrame) -> Array:
    """Return the probabilities of rows at the temperatures of their networks, (S, K)."""
    found = np.empty_like(rows.scored.probabilities)
    for number, temperature in enumerate(temperatures["temperature"]):
        of_model = rows.model == number
        found[of_model] = apply_temperature(rows.scored.probabilities[of_model], temperature)
    return found
