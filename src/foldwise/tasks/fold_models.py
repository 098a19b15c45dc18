"""The folder of a family's trained networks, one per fold; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from foldwise.data.samples import SamplesError, read_samples
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
from foldwise.tasks.synthetic_record import SYNTHETIC, SyntheticRecord

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
    synthetic: SyntheticRecord | None = None  # made samples in its training part

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
    """Read a fold's card and verify its weights, and the made samples that were stored with them.

    Raises:
        ModelError: A file is missing or damaged.
    """
    card = read_sound_card(folder, ModelCard, "train")
    if card.synthetic is not None and card.synthetic.samples_hash is not None:
        _require_made(folder / SYNTHETIC, card.synthetic.samples_hash)
    return card


def _require_made(folder: Path, expected: str) -> None:
    try:
        found = read_samples(folder).content_hash
    except SamplesError as error:
        told = str(error).replace("'ingest'", "'train'")
        raise ModelError(f"The made samples of a fold are not what was stored. {told}") from None
    if found != expected:
        raise ModelError(f"{folder} is damaged: its samples are not those of the model's card.")
