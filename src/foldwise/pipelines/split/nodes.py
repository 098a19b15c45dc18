"""Nodes of the stage `split`."""

from typing import Any

import pandas as pd

from foldwise.data.audit.audit import require_no_errors
from foldwise.data.folds import Folds, SplitConfig, make_folds
from foldwise.data.samples import Samples


def split(
    samples: Samples, duplicates: pd.DataFrame, audit_record: dict[str, Any], config: SplitConfig
) -> Folds:
    """Refuse what the audit calls an error; else hold out a test part and cut the rest."""
    require_no_errors(audit_record, samples)
    return make_folds(samples.table, config, duplicates)
