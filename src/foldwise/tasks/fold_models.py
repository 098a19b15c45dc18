"""The folder of a family's trained networks, one per fold; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from foldwise.models.config import ModelConfig
from foldwise.modules.number_outputs import NumberOutputs
from foldwise.modules.test_time_config import TestTimeConfig
from foldwise.tasks.fold_folders import (
    CARD,
    WEIGHTS,
    FoldCard,
    FoldFolders,
    ModelError,
    read_sound_card,
    write_model,
)

__all__ = [
    "CARD",
    "WEIGHTS",
    "FoldKey",
    "FoldModels",
    "ModelCard",
    "ModelError",
    "read_card",
    "write_model",
]


@dataclass(frozen=True)
class FoldKey:
    """Which fold of which samples a network is fitted for."""

    samples_hash: str
    folds_hash: str
    repeat: int
    fold: int


class ModelCard(FoldCard):
    """All that is needed to use one fold's weights, and where they come from."""

    model: ModelConfig
    test_time: TestTimeConfig = TestTimeConfig()  # which changed copies are predicted as well
    decision_weights: tuple[float, ...] | None = None  # of the classes' probabilities; None: alike
    number_outputs: NumberOutputs | None = None  # what the outputs of a regression mean
    num_trainable: int  # parameters that were trained
    started_from: tuple[FoldKey, ...] = ()  # where its first weights were fitted, and theirs
    best_epoch: int

    @property
    def num_outputs(self) -> int:
        """Of the network: classes, or numbers."""
        meaning = self.number_outputs
        if meaning is None:
            return len(self.classes)
        return len(meaning.offsets) * meaning.loss.num_per_target

    @property
    def seen(self) -> tuple[FoldKey, ...]:
        """All folds whose training parts have left something in the weights."""
        own = FoldKey(self.samples_hash, self.folds_hash, self.repeat, self.fold)
        return (*self.started_from, own)


@dataclass(frozen=True)
class FoldModels(FoldFolders[ModelCard]):
    """A folder with one sub-folder per fold: `weights.safetensors` and `model.json`."""

    @staticmethod
    def read_card(folder: Path) -> ModelCard:
        """Read a fold's card and verify its weights."""
        return read_card(folder)

    @property
    def missing(self) -> str:
        """What is said where nothing is there."""
        return f"{self.root} holds no trained network. Run the stage 'train' first."


def read_card(folder: Path) -> ModelCard:
    """Read a fold's card and verify its weights.

    Raises:
        ModelError: A file is missing or damaged.
    """
    return read_sound_card(folder, ModelCard, "train")
