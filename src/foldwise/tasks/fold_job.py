"""What the training of one fold is made of."""

from dataclasses import dataclass

from foldwise.data.folds import FoldParts
from foldwise.modules.data_module import Part
from foldwise.tasks.pretrained import PretrainedWeights


@dataclass(frozen=True)
class FoldJob:
    """One fold's training: what goes in, and the fingerprint of all that."""

    parts: FoldParts
    training: Part
    validation: Part
    fingerprint: str
    pretrained: PretrainedWeights | None = None  # that the network starts from
    channel: str | None = None  # whose changes are predicted; None: the targets as they are

    @property
    def key(self) -> tuple[int, int]:
        """(repeat, fold)."""
        return self.parts.repeat, self.parts.fold
