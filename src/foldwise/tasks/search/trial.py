"""What a search is of, and what its parts hand to one another; free of torch and Optuna."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from foldwise.config import Config
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.errors import UserError

SearchFamily = Literal["cnn", "rnn", "mlp", "gan"]
# What is compared on the outer folds; nested: of each fold, what a search within it has found.
OUTER_METHODS = WINNER, DEFAULTS, NESTED = "winner", "defaults", "nested"
# What a suggestion can be; a list or a mapping stands for a group of parameters.
Value = str | int | float | bool | None | list[Any] | dict[str, Any]


class SearchError(UserError):
    """A search cannot begin, or cannot go on."""


class SurplusTrialError(Exception):
    """Another worker has taken the last trial that was planned."""


@dataclass(frozen=True)
class Problem:
    """What is searched: the samples, the folds, and the parameters where nothing is suggested."""

    family: SearchFamily
    samples: Samples
    folds: Folds
    base: Mapping[str, Config]  # by name: train_<family>, and for networks augment and balance
    experiment: str  # names the studies


@dataclass(frozen=True)
class Candidate:
    """One suggestion, and the parameters that it leads to."""

    values: Mapping[str, Value]  # by path, e.g. `train_cnn.fit.lr`
    parameters: Mapping[str, Config]  # as in `Problem.base`, with these values


@dataclass(frozen=True)
class StudySpec:
    """One study: on which outer folds' training parts its trials are fitted and scored."""

    name: str  # unique in a storage
    folds: tuple[tuple[int, int], ...]  # (repeat, fold)
    nested: bool  # of one outer fold alone
    num_parts: int  # fits of one trial
    max_epochs: int  # of one fit, by the base parameters
    directions: tuple[Literal["maximize", "minimize"], ...]
    objectives: tuple[str, ...]  # what these are of, e.g. ("val_f1", "latency_ms")
    fingerprint: str  # of samples, folds, base parameters and what a score is made of


@dataclass(frozen=True)
class PartScore:
    """What one fit of a trial has come to."""

    repeat: int
    fold: int  # the outer one, in whose training part it was fitted and scored
    inner: int  # number of the inner part of that fold
    score: float
    num_epochs: int
    best_epoch: int
    history: tuple[dict[str, float], ...]  # of each epoch
    seconds: float


@dataclass(frozen=True)
class TrialScore:
    """What a trial has come to: the mean over its parts first, then the other objectives."""

    values: tuple[float, ...]
    parts: tuple[PartScore, ...]


@dataclass(frozen=True)
class Fidelity:
    """How much of a fit a trial is given; None: all of it."""

    max_epochs: int | None = None
    limit: int | None = None  # samples of a training part


# Is told the number of a part and its score at each epoch so far; raises what ends the trial.
OnEpoch = Callable[[int, Sequence[float]], None]


class Scorer(Protocol):
    """Scores candidates; made once per worker, which loads the data once."""

    finished: list[PartScore]  # parts of the trial that runs or ran last

    def __call__(self, candidate: Candidate, fidelity: Fidelity, on_epoch: OnEpoch) -> TrialScore:
        """Fit and score a candidate on the inner parts."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial that has ended, as it is shown and tracked."""

    study: str
    number: int
    state: Literal["complete", "pruned", "failed", "lost"]
    values: tuple[float, ...]  # empty where it failed
    params: Mapping[str, Value]  # by path
    parts: tuple[PartScore, ...]  # those that were finished
    seconds: float
    error: str | None = None
    num_epochs: int = 0  # of all its fits, those that were ended early included
    # Step and fold-averaged score, as the pruner has seen them: Optuna's intermediate values.
    reported: tuple[tuple[int, float], ...] = ()
    is_early: bool = False  # it was given less, and cannot be the winner


@dataclass(frozen=True)
class StudyResult:
    """A study that has ended: its trials, and the best of them."""

    spec: StudySpec
    trials: tuple[TrialRecord, ...]  # in order; without lost and surplus ones
    winner: Candidate
    winner_number: int
    inner: tuple[float, ...]  # the winner's values
    front: tuple[int, ...]  # numbers of the trials that no other beats in all objectives
    was_interrupted: bool = False  # by a timeout
