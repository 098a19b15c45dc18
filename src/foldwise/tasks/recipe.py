"""Everything that the user chooses about a training; free of torch."""

from dataclasses import dataclass, field

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.models.config import CnnModelConfig
from foldwise.modules.config import FitConfig
from foldwise.modules.test_time_config import TestTimeConfig
from foldwise.tasks.transfer_config import NoTransfer, TransferConfig


@dataclass(frozen=True)
class Recipe:
    """Everything that the user chooses about a training."""

    model: CnnModelConfig
    fit: FitConfig
    augment: AugmentConfig
    seed: int
    # What of the remedy works in the loss, or after the fit; the plan holds the rest.
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    transfer: TransferConfig = field(default_factory=NoTransfer)
    test_time: TestTimeConfig = field(default_factory=TestTimeConfig)
