"""The folder of the networks of a comparison: by remedy, by seed, by fold; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from foldwise.tasks.fold_models import FoldModels


@dataclass(frozen=True)
class RemedyModels:
    """A folder with one sub-folder per remedy and seed.

    Networks of remedies that are no longer named stay: to name one again costs nothing.
    """

    root: Path

    def of(self, method: str, seed: int) -> FoldModels:
        """Return the networks of one remedy and seed."""
        return FoldModels(self._folder(method) / f"seed_{seed}")

    def seconds_path(self, method: str, seed: int) -> Path:
        """Return where it is written how long the networks of one remedy and seed took."""
        return self._folder(method) / f"seed_{seed}_seconds.json"

    def _folder(self, method: str) -> Path:
        return self.root / method.replace(" ", "")
