"""A path as a catalogue entry, for nodes that keep their own work in a folder."""

from pathlib import Path
from typing import Any, Never

from kedro.io import AbstractDataset, DatasetError


class PathDataset(AbstractDataset[Never, Path]):
    """Gives the path, whether or not there is anything."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path."""
        return self._filepath

    def save(self, data: Never) -> None:
        """Refuse: a path is only read."""
        raise DatasetError(f"{self._filepath} is a place to work in and cannot be saved.")

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
