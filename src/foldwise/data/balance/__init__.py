"""The imbalance remedies: which there are, and what they make of a fold's training part."""

from foldwise.data.balance.config import BalanceConfig, BalanceError, parse_remedy
from foldwise.data.balance.plan import plan_balance
from foldwise.data.balance.weights import inverse_frequency

__all__ = ["BalanceConfig", "BalanceError", "inverse_frequency", "parse_remedy", "plan_balance"]
