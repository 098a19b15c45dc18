"""Parameters of the training of each family of networks; free of torch."""

from pydantic import NonNegativeInt

from foldwise.config import Config
from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.preprocessing import (
    ImageInputConfig,
    SequenceInputConfig,
    TableInputConfig,
)
from foldwise.models.config import (
    CnnModelConfig,
    GruConfig,
    MlpConfig,
    MlpModelConfig,
    RnnModelConfig,
    SmallCnnConfig,
)
from foldwise.modules.config import FitConfig
from foldwise.modules.loss_config import AutoLossConfig, LossConfig
from foldwise.modules.test_time_config import TestTimeConfig
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.recipe import Recipe, TargetMode
from foldwise.tasks.transfer_config import NoTransfer, TransferConfig


class TrainCnnConfig(Config):
    """A convolutional network and how it is fitted."""

    model: CnnModelConfig = SmallCnnConfig()
    inputs: ImageInputConfig = ImageInputConfig()
    transfer: TransferConfig = NoTransfer()
    fit: FitConfig = FitConfig()
    loss: LossConfig = AutoLossConfig()
    test_time: TestTimeConfig = TestTimeConfig()
    seed: NonNegativeInt = 0
    use_best: bool = False  # train with what search_cnn has found

    def recipe(
        self,
        augment: AugmentConfig,
        balance: BalanceConfig,
        generator: TrainGanConfig | None = None,
    ) -> Recipe:
        """Return everything that is chosen about a training."""
        return Recipe(
            model=self.model,
            inputs=self.inputs,
            fit=self.fit,
            loss=self.loss,
            augment=augment,
            seed=self.seed,
            balance=balance,
            transfer=self.transfer,
            test_time=self.test_time,
            generator=generator,
        )


class _TrainOthersConfig(Config):
    """What networks for samples other than pictures have in common."""

    fit: FitConfig = FitConfig()
    loss: LossConfig = AutoLossConfig()
    target: TargetMode = "auto"  # of numbers
    target_channel: str | None = None  # that a forecast is of; null: found by its values
    seed: NonNegativeInt = 0
    use_best: bool = False  # train with what search_<family> has found

    def _recipe(
        self,
        model: RnnModelConfig | MlpModelConfig,
        inputs: SequenceInputConfig | TableInputConfig,
        augment: AugmentConfig,
        balance: BalanceConfig,
        generator: TrainGanConfig | None = None,
    ) -> Recipe:
        return Recipe(
            model=model,
            inputs=inputs,
            fit=self.fit,
            loss=self.loss,
            target=self.target,
            target_channel=self.target_channel,
            augment=augment,
            seed=self.seed,
            balance=balance,
            generator=generator,
        )


class TrainRnnConfig(_TrainOthersConfig):
    """A network for sequences and how it is fitted."""

    model: RnnModelConfig = GruConfig()
    inputs: SequenceInputConfig = SequenceInputConfig()

    def recipe(
        self,
        augment: AugmentConfig,
        balance: BalanceConfig,
        generator: TrainGanConfig | None = None,
    ) -> Recipe:
        """Return everything that is chosen about a training."""
        return self._recipe(self.model, self.inputs, augment, balance, generator)


class TrainMlpConfig(_TrainOthersConfig):
    """A network of dense layers and how it is fitted."""

    model: MlpModelConfig = MlpConfig()
    inputs: TableInputConfig = TableInputConfig()

    def recipe(self, augment: AugmentConfig, balance: BalanceConfig) -> Recipe:
        """Return everything that is chosen about a training."""
        return self._recipe(self.model, self.inputs, augment, balance)
