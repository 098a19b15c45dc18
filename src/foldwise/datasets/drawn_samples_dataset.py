"""Samples drawn from a generator as a catalogue entry."""

from pathlib import Path
from typing import Any, Never

from kedro.io import AbstractDataset, DatasetError

from foldwise.tasks.drawn_samples import DrawnSamples, write_drawn_samples


class DrawnSamplesDataset(AbstractDataset[DrawnSamples, Never]):
    """Writes a folder of files for people and other programs; Foldwise reads it by `ingest`."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path of the folder."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Never:
        """Refuse: pictures and tables are for others."""
        raise DatasetError(
            f"{self._filepath} is for people and other programs: read it by the stage ingest."
        )

    def save(self, data: DrawnSamples) -> None:
        """Write the folder anew, all or nothing."""
        write_drawn_samples(self._filepath, data)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
