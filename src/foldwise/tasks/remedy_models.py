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
        return FoldModels(self.root / method.replace(" ", "") / f"seed_{seed}")
