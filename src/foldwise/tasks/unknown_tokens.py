"""How much of the texts that are held out no network of their fold knows."""

from typing import Any

import numpy as np

from foldwise.data.folds import Folds, fold_parts, held_out_ids
from foldwise.data.preprocessing import InputConfig, TokenPreprocessing, fit_preprocessing
from foldwise.data.samples import Samples


def describe_unknown_tokens(samples: Samples, folds: Folds, config: InputConfig) -> dict[str, Any]:
    """Return `unknown_tokens`, a number, and `unknown_tokens_share`; nothing without texts.

    Counted are the tokens of each outer fold, and for each fold those of the test part, that the
    fold's training part lacks or that its vocabulary has no room for.
    """
    if samples.modality != "tokens":
        return {}
    unknown, total = 0, 0
    for parts in fold_parts(folds, samples.table):
        training = samples.positions(parts.train)
        fitted = fit_preprocessing(samples, training, config)
        assert isinstance(fitted, TokenPreprocessing)
        ids = np.concatenate([parts.oof, held_out_ids(folds)])
        rows = samples.positions(ids)
        counts = fitted.count_unknown(samples.x, samples.tokens, rows)
        unknown, total = unknown + counts[0], total + counts[1]
    return {"unknown_tokens": unknown, "unknown_tokens_share": unknown / max(1, total)}
