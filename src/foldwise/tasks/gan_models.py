"""The folder of trained generators, one per fold; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from foldwise.data.findings import Finding
from foldwise.models.gan.config import GanModelConfig
from foldwise.tasks.fold_folders import FoldCard, FoldFolders, read_sound_card


class GanCard(FoldCard):
    """All that is needed to draw samples from one fold's generator, and where it comes from.

    `history` holds a `GanRecord` of each epoch of the attempt that was kept.
    """

    model: GanModelConfig
    class_counts: tuple[int, ...]  # of the classes in the training part
    num_restarts: int = 0  # attempts that were given up before
    findings: tuple[Finding, ...] = ()  # what was seen during the fit, given up attempts included

    @property
    def is_conditional(self) -> bool:
        """Whether the generator is told which class to draw."""
        return self.model.conditional


@dataclass(frozen=True)
class GanModels(FoldFolders[GanCard]):
    """A folder with one sub-folder per fold: `weights.safetensors` and `model.json`.

    The weights are named `generator.*` (the running mean, if there is one) and `discriminator.*`.
    """

    @staticmethod
    def read_card(folder: Path) -> GanCard:
        """Read a fold's card and verify its weights."""
        return read_gan_card(folder)

    @property
    def missing(self) -> str:
        """What is said where nothing is there."""
        return f"{self.root} holds no trained generator. Run the stage 'train_gan' first."


def read_gan_card(folder: Path) -> GanCard:
    """Read a fold's card and verify its weights.

    Raises:
        ModelError: A file is missing or damaged.
    """
    return read_sound_card(folder, GanCard, "train_gan")
