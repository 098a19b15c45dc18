"""The folds as a catalogue entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from foldwise.data.folds import Folds, read_folds, write_folds


class FoldsDataset(AbstractDataset[Folds, Folds]):
    """Loads and saves `Folds`: a Parquet file and the JSON beside it."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path of the Parquet file."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Folds:
        """Read both files; they must belong together."""
        return read_folds(self._filepath)

    def save(self, data: Folds) -> None:
        """Write both files."""
        write_folds(self._filepath, data)

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
