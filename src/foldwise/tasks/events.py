"""What happens in a cross-validated training, for whoever wants to show or track it."""

from collections.abc import Callable
from dataclasses import dataclass

from foldwise.modules.records import EpochRecord
from foldwise.tasks.fold_models import ModelCard


@dataclass(frozen=True)
class TrainingStarted:
    """The first fold is about to begin."""

    num_folds: int
    max_epochs: int
    device: str
    precision: str


@dataclass(frozen=True)
class FoldStarted:
    """A fold begins, or goes on after the epochs in `history`."""

    repeat: int
    fold: int
    history: tuple[EpochRecord, ...]


@dataclass(frozen=True)
class EpochFinished:
    """An epoch has ended and its state is on the disk."""

    repeat: int
    fold: int
    record: EpochRecord


@dataclass(frozen=True)
class FoldFinished:
    """A fold's network is on the disk."""

    card: ModelCard
    was_skipped: bool  # it was trained before, and nothing that it depends on has changed


@dataclass(frozen=True)
class TrainingFinished:
    """All folds are done, or an error has ended the training."""


@dataclass(frozen=True)
class MethodStarted:
    """In a comparison: the trainings that follow are those of a method, until the next one."""

    name: str
    seed: int | None  # where each method is trained with several
    number: int  # of this one, from 1
    total: int


@dataclass(frozen=True)
class ComparisonFinished:
    """All methods are done, or an error has ended the comparison."""

    is_complete: bool


TrainingEvent = (
    TrainingStarted
    | FoldStarted
    | EpochFinished
    | FoldFinished
    | TrainingFinished
    | MethodStarted
    | ComparisonFinished
)
Observer = Callable[[TrainingEvent], None]


def ignore(event: TrainingEvent) -> None:
    """Observe nothing."""
