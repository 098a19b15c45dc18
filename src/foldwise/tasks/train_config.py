"""Parameters of the training of one family of networks; free of torch."""

from pydantic import NonNegativeInt

from foldwise.config import Config
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.models.config import CnnModelConfig, SmallCnnConfig
from foldwise.modules.config import FitConfig
from foldwise.modules.test_time_config import TestTimeConfig
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.transfer_config import NoTransfer, TransferConfig


class TrainCnnConfig(Config):
    """A convolutional network and how it is fitted."""

    model: CnnModelConfig = SmallCnnConfig()
    transfer: TransferConfig = NoTransfer()
    fit: FitConfig = FitConfig()
    test_time: TestTimeConfig = TestTimeConfig()
    seed: NonNegativeInt = 0

    def recipe(self, augment: AugmentConfig, balance: BalanceConfig) -> Recipe:
        """Return everything that is chosen about a training."""
        return Recipe(
            model=self.model,
            fit=self.fit,
            augment=augment,
            seed=self.seed,
            balance=balance,
            transfer=self.transfer,
            test_time=self.test_time,
        )
