"""What happens in a cross-validated training, for whoever wants to show or track it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding
from foldwise.modules.gan_records import GanRecord
from foldwise.modules.records import EpochRecord
from foldwise.tasks.fold_models import ModelCard
from foldwise.tasks.gan_models import GanCard
from foldwise.tasks.search.trial import StudyResult, StudySpec, TrialRecord


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
    seconds: float | None = None  # that its training took in all; None: it was skipped


@dataclass(frozen=True)
class GanFoldStarted:
    """A fold's generator begins, or goes on after the epochs in `history`.

    Comes again, with an empty history, where an attempt was given up and a new one begins.
    """

    repeat: int
    fold: int
    attempt: int  # from 0
    history: tuple[GanRecord, ...]
    # One of each for every step of these epochs.
    generator_losses: tuple[float, ...]
    discriminator_losses: tuple[float, ...]
    findings: tuple[Finding, ...]  # that the attempts before were given up for


@dataclass(frozen=True)
class GanEpochFinished:
    """An epoch of a generator has ended and its state is on the disk."""

    repeat: int
    fold: int
    record: GanRecord
    # One of each for every step of this epoch; a step is one of the generator.
    generator_losses: tuple[float, ...]
    discriminator_losses: tuple[float, ...]
    first_step: int  # of the epoch, counted from 0 over all epochs of the attempt
    # Samples of the same latents each time, uint8 (H, W, C) with C of 1 or 3; None: not at this
    # epoch, or no pictures. The first one is of the generator before any step.
    first_grid: npt.NDArray[np.uint8] | None
    grid: npt.NDArray[np.uint8] | None
    findings: tuple[Finding, ...]  # of this epoch


@dataclass(frozen=True)
class GanFoldFinished:
    """A fold's generator is on the disk."""

    card: GanCard
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


@dataclass(frozen=True)
class StudyStarted:
    """The trials of a study are about to begin, or to go on after those that have ended."""

    spec: StudySpec
    sampler: str
    num_trials: int  # that are planned, on all machines together
    finished: tuple[TrialRecord, ...]  # before
    num_workers: int  # processes of this machine


@dataclass(frozen=True)
class TrialFinished:
    """A trial has ended: it was completed, pruned, or has failed."""

    record: TrialRecord
    num_done: int  # of the study, this one included


@dataclass(frozen=True)
class SearchNotice:
    """Something that whoever waits should know: a worker has died, others' trials still run."""

    message: str


@dataclass(frozen=True)
class StudyFinished:
    """A study has its winner."""

    result: StudyResult


@dataclass(frozen=True)
class SearchFinished:
    """All studies are done, or an error has ended the search."""


TrainingEvent = (
    TrainingStarted
    | FoldStarted
    | EpochFinished
    | FoldFinished
    | GanFoldStarted
    | GanEpochFinished
    | GanFoldFinished
    | TrainingFinished
    | MethodStarted
    | ComparisonFinished
    | StudyStarted
    | TrialFinished
    | SearchNotice
    | StudyFinished
    | SearchFinished
)
Observer = Callable[[TrainingEvent], None]


def ignore(event: TrainingEvent) -> None:
    """Observe nothing."""


@contextmanager
def comparing(observer: Observer) -> Iterator[None]:
    """Tell that a comparison has ended, also where an error or Ctrl-C ends it."""
    is_complete = False
    try:
        yield
        is_complete = True
    finally:
        observer(ComparisonFinished(is_complete))
