"""A folder that a node fills itself, as a catalogue entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError


class WorkingFolderDataset(AbstractDataset[Path, Path]):
    """Gives the folder's path; a node that takes up its own earlier work there returns it."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path of the folder."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Return the path, whether or not there is anything."""
        return self._filepath

    def save(self, data: Path) -> None:
        """Check that this is the folder that was filled.

        Raises:
            DatasetError: It is another one, or there is none.
        """
        if data.resolve() != self._filepath.resolve() or not data.is_dir():
            raise DatasetError(f"The work lies in {data}, but belongs in {self._filepath}.")

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
