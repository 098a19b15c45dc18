"""The folder of fitted baselines: what each of them predicts in each fold."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from foldwise.atomic import (
    atomic_directory,
    read_sealed_json,
    sha256_file,
    sweep_strays,
    write_sealed_json,
)
from foldwise.config import Config

_CARD, _TABLE = "fit.json", "predictions.parquet"

FitKey = tuple[str, int, int]  # model, repeat, fold


class FitCard(Config):
    """How a baseline was fitted in one fold."""

    model: str
    repeat: int
    fold: int
    num_training: int  # rows of the training part
    num_fitted: int  # rows that were used of them
    is_fitted: bool
    note: str  # why it was not fitted, or what is to be known of it
    fingerprint: str  # of all that the predictions depend on
    table_sha256: str = ""


@dataclass(frozen=True)
class BaselineFolder:
    """A folder with one sub-folder per model and fold."""

    root: Path

    def folder(self, key: FitKey) -> Path:
        """Return where the predictions of a model in a fold lie."""
        model, repeat, fold = key
        name = f"fold_{fold}" if repeat == 0 else f"repeat_{repeat}_fold_{fold}"
        return self.root / model / name

    def read(self, key: FitKey, fingerprint: str) -> tuple[FitCard, pd.DataFrame] | None:
        """Return a sound fit with this fingerprint, or None."""
        folder = self.folder(key)
        try:
            card = FitCard.model_validate(read_sealed_json(folder / _CARD))
            is_sound = sha256_file(folder / _TABLE) == card.table_sha256
        except (OSError, ValueError, ValidationError):
            return None
        if not is_sound or card.fingerprint != fingerprint:
            return None
        return card, pd.read_parquet(folder / _TABLE)

    def write(self, card: FitCard, table: pd.DataFrame) -> None:
        """Write a fit, all or nothing."""
        with atomic_directory(self.folder((card.model, card.repeat, card.fold))) as temporary:
            table.to_parquet(temporary / _TABLE, index=False)
            sealed = card.model_copy(update={"table_sha256": sha256_file(temporary / _TABLE)})
            write_sealed_json(temporary / _CARD, sealed.model_dump(mode="json"))

    def prune(self, keys: Iterable[FitKey]) -> None:
        """Remove what belongs to none of the fits, and what dead processes left."""
        wanted = {self.folder(key) for key in keys}
        sweep_strays(self.root)
        for model in [path for path in self.root.iterdir() if path.is_dir()]:
            sweep_strays(model)
            for folder in [path for path in model.iterdir() if path not in wanted]:
                shutil.rmtree(folder)
            if not any(model.iterdir()):
                model.rmdir()
