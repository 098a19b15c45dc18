"""A folder with one sub-folder per fold: weights, and a card that says what they are; no torch."""

import contextlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

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
from foldwise.data.folds import FoldParts
from foldwise.data.preprocessing import Preprocessing
from foldwise.data.samples import Feature, Modality, Samples
from foldwise.errors import UserError

WEIGHTS, CARD = "weights.safetensors", "model.json"


class ModelError(UserError):
    """A trained network is missing, incomplete or damaged."""


class FoldCard(Config):
    """What the cards of all families of networks say."""

    classes: tuple[str, ...]  # none: numbers are predicted
    modality: Modality = "image"
    features: tuple[Feature, ...] = ()  # columns of a table, or channels of a series
    shape: tuple[int, ...]  # of one sample, as ingest stores it
    size_policy: str  # how ingest brought images to (H, W)
    preprocessing: Preprocessing  # fitted on the training part, or of older weights
    repeat: int
    fold: int
    fingerprint: str  # of everything that the weights depend on
    samples_hash: str
    folds_hash: str
    history: tuple[dict[str, Any], ...]  # the record of each epoch
    versions: dict[str, str]
    weights_sha256: str


Card = TypeVar("Card", bound=FoldCard)


@dataclass(frozen=True)
class FoldFolders(ABC, Generic[Card]):
    """A folder with one sub-folder per fold: `weights.safetensors` and `model.json`."""

    root: Path

    @staticmethod
    @abstractmethod
    def read_card(folder: Path) -> Card:
        """Read a fold's card and verify its weights.

        Raises:
            ModelError: A file is missing or damaged.
        """

    @property
    @abstractmethod
    def missing(self) -> str:
        """What is said where nothing is there."""

    def folder(self, repeat: int, fold: int) -> Path:
        """Return where a fold's network lies."""
        name = f"fold_{fold}" if repeat == 0 else f"repeat_{repeat}_fold_{fold}"
        return self.root / name

    def cards(self) -> list[Card]:
        """Return the cards of all trained folds in order, their weights verified.

        Raises:
            ModelError: There is none, or one is damaged.
        """
        folders = self._folders()
        if not folders:
            raise ModelError(self.missing)
        cards = (self.read_card(folder) for folder in folders)
        return sorted(cards, key=lambda card: (card.repeat, card.fold))

    def _folders(self) -> list[Path]:
        """Return the folders of all folds, without the hidden ones that are being written."""
        folders = self.root.glob("*fold_*")
        return sorted(f for f in folders if f.is_dir() and not f.name.startswith("."))

    def finished(self, repeat: int, fold: int, fingerprint: str) -> Card | None:
        """Return the card of a sound network with this fingerprint, else None."""
        try:
            card = self.read_card(self.folder(repeat, fold))
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


def state_folder(folder: Path, fingerprint: str) -> Path:
    """Return where this very job's epochs are kept; those of other fingerprints go.

    Args:
        folder: Of the fold.
        fingerprint: Of the job.
    """
    own = folder / f"resume_{fingerprint[:16]}"
    for other in set(folder.glob("resume_*")) - {own}:
        shutil.rmtree(other)
    return own


def facts_of(samples: Samples, parts: FoldParts, folds_hash: str) -> dict[str, Any]:
    """Return what the cards of all families say of the samples and of the fold."""
    return {
        "classes": samples.classes,
        "modality": samples.modality,
        "features": samples.features,
        "shape": samples.x.shape[1:],
        "size_policy": samples.size_policy,
        "repeat": parts.repeat,
        "fold": parts.fold,
        "samples_hash": samples.content_hash,
        "folds_hash": folds_hash,
    }


def read_sound_card(folder: Path, kind: type[Card], stage: str) -> Card:
    """Read a fold's card of some kind and verify its weights.

    Args:
        folder: Of the fold.
        kind: Of the card.
        stage: That would have written it.

    Raises:
        ModelError: A file is missing or damaged.
    """
    try:
        card = kind.model_validate(read_sealed_json(folder / CARD))
        found = sha256_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename} is missing. Run the stage '{stage}' first.") from None
    except (ValidationError, ValueError) as error:
        raise ModelError(f"{folder / CARD} is damaged ({error}).") from None
    if found != card.weights_sha256:
        raise ModelError(f"{folder / WEIGHTS} is damaged: its SHA-256 is not that of its card.")
    return card


def write_model(folder: Path, card: Card, save_weights: Callable[[Path], object]) -> Card:
    """Write weights and card as one folder, all or nothing; return the card with the checksum."""
    with atomic_directory(folder) as temporary:
        save_weights(temporary / WEIGHTS)
        card = card.model_copy(update={"weights_sha256": sha256_file(temporary / WEIGHTS)})
        write_sealed_json(temporary / CARD, card.model_dump(mode="json"))
    return card
