"""The samples folder as a catalogue entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from foldwise.data.samples import Samples, SamplesError, read_samples, write_samples


class SamplesDataset(AbstractDataset[Samples, Samples]):
    """Loads and saves `Samples`; every load verifies the bytes."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """Take the path of the folder."""
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Samples:
        """Read the folder; the arrays stay on the disk, memory-mapped."""
        return read_samples(self._filepath)

    def save(self, data: Samples) -> None:
        """Write the folder, unless the same samples are there already."""
        if not self._holds(data):
            write_samples(self._filepath, data)

    def _holds(self, data: Samples) -> bool:
        try:
            there = read_samples(self._filepath)
        except SamplesError:
            return False
        return (
            there.content_hash == data.content_hash
            and there.size_policy == data.size_policy
            and there.table.equals(data.table)
        )

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
