"""The folder of a family's trained networks, one per fold; free of torch."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foldwise.atomic import (
    atomic_directory,
    one_at_a_time,
    read_sealed_json,
    sha256_file,
    sweep_strays,
    write_sealed_json,
)
from foldwise.config import Config
from foldwise.data.preprocessing import Preprocessing
from foldwise.data.samples import Feature, Modality
from foldwise.errors import UserError
from foldwise.models.config import ModelConfig
from foldwise.modules.number_outputs import NumberOutputs
from foldwise.modules.test_time_config import TestTimeConfig

WEIGHTS, CARD = "weights.safetensors", "model.json"


class ModelError(UserError):
    """A trained network is missing, incomplete or damaged."""


@dataclass(frozen=True)
class FoldKey:
    """Which fold of which samples a network is fitted for."""

    samples_hash: str
    folds_hash: str
    repeat: int
    fold: int


class ModelCard(Config):
    """All that is needed to use one fold's weights, and where they come from."""

    model: ModelConfig
    classes: tuple[str, ...]  # none: numbers are predicted
    modality: Modality = "image"
    features: tuple[Feature, ...] = ()  # columns of a table, or channels of a series
    shape: tuple[int, ...]  # of one sample, as ingest stores it
    size_policy: str  # how ingest brought images to (H, W)
    preprocessing: Preprocessing  # fitted on the training part, or of older weights
    test_time: TestTimeConfig = TestTimeConfig()  # which changed copies are predicted as well
    decision_weights: tuple[float, ...] | None = None  # of the classes' probabilities; None: alike
    number_outputs: NumberOutputs | None = None  # what the outputs of a regression mean
    num_trainable: int  # parameters that were trained
    repeat: int
    fold: int
    fingerprint: str  # of everything that the weights depend on
    samples_hash: str
    folds_hash: str
    started_from: tuple[FoldKey, ...] = ()  # where its first weights were fitted, and theirs
    best_epoch: int
    history: tuple[dict[str, Any], ...]  # EpochRecord of each epoch
    versions: dict[str, str]
    weights_sha256: str

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
class FoldModels:
    """A folder with one sub-folder per fold: `weights.safetensors` and `model.json`."""

    root: Path

    def folder(self, repeat: int, fold: int) -> Path:
        """Return where a fold's network lies."""
        name = f"fold_{fold}" if repeat == 0 else f"repeat_{repeat}_fold_{fold}"
        return self.root / name

    def cards(self) -> list[ModelCard]:
        """Return the cards of all trained folds in order, their weights verified.

        Raises:
            ModelError: There is none, or one is damaged.
        """
        folders = self._folders()
        if not folders:
            raise ModelError(f"{self.root} holds no trained network. Run the stage 'train' first.")
        return sorted((read_card(f) for f in folders), key=lambda card: (card.repeat, card.fold))

    def _folders(self) -> list[Path]:
        """Return the folders of all folds, without the hidden ones that are being written."""
        folders = self.root.glob("*fold_*")
        return sorted(f for f in folders if f.is_dir() and not f.name.startswith("."))

    def finished(self, repeat: int, fold: int, fingerprint: str) -> ModelCard | None:
        """Return the card of a sound network with this fingerprint, else None."""
        try:
            card = read_card(self.folder(repeat, fold))
        except ModelError:
            return None
        return card if card.fingerprint == fingerprint else None

    def prune(self, jobs: list[tuple[int, int]]) -> None:
        """Remove what does not belong to any of the (repeat, fold) pairs."""
        sweep_strays(self.root)
        wanted = {self.folder(repeat, fold) for repeat, fold in jobs}
        for folder in set(self._folders()) - wanted:
            shutil.rmtree(folder)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let one process at a time train here; a second one waits."""
        self.root.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(self.root):
            yield


def read_card(folder: Path) -> ModelCard:
    """Read a fold's card and verify its weights.

    Raises:
        ModelError: A file is missing or damaged.
    """
    try:
        card = ModelCard.model_validate(read_sealed_json(folder / CARD))
        found = sha256_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename} is missing. Run the stage 'train' first.") from None
    except (ValidationError, ValueError) as error:
        raise ModelError(f"{folder / CARD} is damaged ({error}).") from None
    if found != card.weights_sha256:
        raise ModelError(f"{folder / WEIGHTS} is damaged: its SHA-256 is not that of its card.")
    return card


def write_model(folder: Path, card: ModelCard, save_weights: Any) -> ModelCard:  # noqa: ANN401
    """Write weights and card as one folder, all or nothing; return the card with the checksum."""
    with atomic_directory(folder) as temporary:
        save_weights(temporary / WEIGHTS)
        card = card.model_copy(update={"weights_sha256": sha256_file(temporary / WEIGHTS)})
        write_sealed_json(temporary / CARD, card.model_dump(mode="json"))
    return card
