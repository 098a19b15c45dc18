"""Nodes of the stage `split`."""

from foldwise.data.folds import Folds, SplitConfig, make_folds
from foldwise.data.samples import Samples


def split(samples: Samples, config: SplitConfig) -> Folds:
    """Hold out a test part and cut the rest into audited, stratified folds."""
    return make_folds(samples.table, config)
