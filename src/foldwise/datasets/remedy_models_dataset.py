"""The folder of a comparison's networks as a catalogue entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from foldwise.tasks.fold_models import ModelError
from foldwise.tasks.remedy_models import RemedyModels


class RemedyModelsDataset(AbstractDataset[RemedyModels, RemedyModels]):
    """Gives the folder; training fills it fold by fold, so that nothing is lost when killed."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path of the folder."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> RemedyModels:
        """Return the folder, whether or not there is anything in it."""
        return RemedyModels(self._filepath)

    def save(self, data: RemedyModels) -> None:
        """Check that the networks lie here.

        Raises:
            ModelError: They lie in another folder.
        """
        if data.root.resolve() != self._filepath.resolve():
            raise ModelError(f"The networks lie in {data.root}, but belong in {self._filepath}.")

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
