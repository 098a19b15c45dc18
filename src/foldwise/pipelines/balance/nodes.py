"""Nodes of the stage `balance`."""

import pandas as pd

from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples


def balance(samples: Samples, folds: Folds, config: BalanceConfig) -> pd.DataFrame:
    """Plan the imbalance remedy of each fold from its training part."""
    return plan_balance(samples.table, folds, config)
