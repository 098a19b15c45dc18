"""The folder of trained networks as a catalogue entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from foldwise.tasks.fold_folders import FoldFolders, ModelError
from foldwise.tasks.fold_models import FoldModels


class FoldModelsDataset(AbstractDataset[FoldFolders[Any], FoldFolders[Any]]):
    """Gives the folder; training fills it fold by fold, so that nothing is lost when killed."""

    kind: type[FoldFolders[Any]] = FoldModels

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path of the folder."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> FoldFolders[Any]:
        """Return the folder, whether or not there is anything in it."""
        return self.kind(self._filepath)

    def save(self, data: FoldFolders[Any]) -> None:
        """Check that the networks lie here and are sound.

        Raises:
            ModelError: A network is missing or damaged, or lies in another folder.
        """
        if data.root.resolve() != self._filepath.resolve():
            raise ModelError(f"The networks lie in {data.root}, but belong in {self._filepath}.")
        data.cards()

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
