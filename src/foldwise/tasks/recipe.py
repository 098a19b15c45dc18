"""Everything that the user chooses about a training; free of torch."""

import math
from dataclasses import dataclass, field
from typing import Literal

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig
from foldwise.data.balance.config import Gan, LdamDrw, MixupBalanced
from foldwise.data.preprocessing import ImageInputConfig, InputConfig
from foldwise.errors import UserError
from foldwise.models.config import ModelConfig
from foldwise.modules.config import FitConfig
from foldwise.modules.loss_config import AutoLossConfig, LossConfig
from foldwise.modules.test_time_config import TestTimeConfig
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.transfer_config import NoTransfer, TransferConfig

# What a network for numbers predicts. value: the numbers | change: how far each is from the last
# value of the channel that it goes on from, in units of that channel's deviation within the
# window | auto: change where the targets go on from a channel, else value
TargetMode = Literal["auto", "value", "change"]


class RecipeError(UserError):
    """Choices of different stages do not go together."""


@dataclass(frozen=True)
class Recipe:
    """Everything that the user chooses about a training.

    Raises:
        RecipeError: Batches would be mixed twice, the fit may end before classes are weighed, or
            there is no generator that rare classes could be filled up by.
    """

    model: ModelConfig
    fit: FitConfig
    augment: AugmentConfig
    seed: int
    inputs: InputConfig = field(default_factory=ImageInputConfig)
    loss: LossConfig = field(default_factory=AutoLossConfig)
    target: TargetMode = "auto"
    target_channel: str | None = None  # that forecasts go on from; None: found by its values
    # What of the remedy works in the loss, or after the fit; the plan holds the rest.
    balance: BalanceConfig = field(default_factory=BalanceConfig)
    transfer: TransferConfig = field(default_factory=NoTransfer)
    test_time: TestTimeConfig = field(default_factory=TestTimeConfig)
    generator: TrainGanConfig | None = None  # that `gan` fills rare classes up by; others: unread

    def __post_init__(self) -> None:
        """Refuse choices that do not go together, before anything is trained."""
        remedy = self.balance.remedy
        if isinstance(remedy, MixupBalanced) and self.augment.mix.is_on:
            raise RecipeError(
                "balance.method is 'mixup_balanced', which mixes batches, but augment.mix mixes "
                "them as well. Set augment.mix.probability=0, or take another method."
            )
        if isinstance(remedy, LdamDrw):
            _require_reweighting(remedy, self.fit)
        if isinstance(remedy, Gan):
            _require_generator(self.generator)


def _require_reweighting(remedy: LdamDrw, fit: FitConfig) -> None:
    """Refuse a patience that may end before the epoch from which classes are weighed."""
    first = math.ceil(remedy.reweight_from * fit.max_epochs)  # from 0; the last may be before it
    if 0 < fit.patience < first < fit.max_epochs:
        raise RecipeError(
            f"balance.method is 'ldam_drw', which weighs classes after {first} of "
            f"{fit.max_epochs} epochs, but fit.patience={fit.patience} may end the fit after "
            f"{fit.patience + 1}. Allowed: patience=0 (never stop early), patience of at "
            f"least {first}, or an earlier balance.reweight_from (1: never weigh)."
        )


def _require_generator(generator: TrainGanConfig | None) -> None:
    """Refuse to fill classes up where nothing makes samples of a class."""
    if generator is None:
        raise RecipeError(
            "balance.method is 'gan', which fills rare classes up with made samples, but a "
            "generator is trained by train_cnn, train_rnn and compare_balance only. Take another "
            "method here, e.g. oversample, or smote for tables."
        )
    if not generator.model.conditional:
        raise RecipeError(
            "balance.method is 'gan', which asks for samples of one class, but train_gan.model "
            f"({generator.model.name}) is told no class. Set train_gan.model.conditional=true, or "
            "take cgan for images and recurrent for series."
        )
