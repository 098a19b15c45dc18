"""The losses of every epoch of all folds, and what their gap says: over- or underfitting.

Only the cards of the networks are read. E: epochs of a fold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array
from foldwise.metrics.paired_tests import PairedTest, corrected_resampled_t
from foldwise.modules.records import EpochRecord
from foldwise.tasks.fit_verdict import FitVerdict
from foldwise.tasks.fold_models import ModelCard
from foldwise.tasks.synthetic_summary import made_sentences

LOSSES = ("train_loss", "val_loss")
SCORES = ("val_f1", "val_accuracy", "val_mae")

# What counts as a rise or a fall; below it a curve is called level.
_MIN_RISE = 0.05  # of the validation loss from its lowest point to its end, relative
_MIN_LATE_FALL = 0.05  # of the validation loss in the last fifth, of its whole fall
_MIN_FALL = 0.10  # of the training loss over the whole fit, relative
_GOOD_F1 = 0.90  # with it, a loss that hardly falls is no sign of underfitting
_MIN_EPOCHS = 5  # to judge by
_CONFIDENCE = 0.95
_KEYS = ["repeat", "fold"]
_HISTORY = [*_KEYS, *(field.name for field in fields(EpochRecord))]


@dataclass(frozen=True)
class TrainingCurves:
    """What was noted of each epoch, and what it says; without networks, empty tables."""

    history: pd.DataFrame  # repeat, fold and an EpochRecord in each row
    folds: pd.DataFrame  # one row per fold, see `_judge`
    verdict: FitVerdict
    sentences: tuple[str, ...]  # the verdict with its numbers, for people

    @property
    def is_empty(self) -> bool:
        """Whether there are no networks, as beside predictions of another program."""
        return self.history.empty

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of the validation scores that the networks have."""
        return tuple(name for name in SCORES if self.history[name].notna().any())

    def epochs(self) -> pd.DataFrame:
        """Return one row per epoch: how many folds reached it, mean and deviation over them."""
        names = [*LOSSES, *self.scores]
        of_epoch = self.history.groupby("epoch")
        table = pd.DataFrame({"num_folds": of_epoch.size()})
        for name in names:
            table[f"{name}_mean"] = of_epoch[name].mean()
            table[f"{name}_std"] = of_epoch[name].std(ddof=1)
        return table.reset_index()


def training_curves(cards: Sequence[ModelCard]) -> TrainingCurves:
    """Collect the curves of all folds and judge them.

    - overfitting: after its lowest point the validation loss rises while the training loss goes
      on falling, in most folds.
    - underfitting: the validation loss still falls at the end, or the training loss has hardly
      fallen at all, in most folds.
    - fine: neither. unknown: there are too few epochs to tell, or no networks.

    The training loss is the mean over the batches of an epoch while the network changes, with
    dropout, augmentation and weights of classes: it may well lie above the validation loss.
    """
    rows = [
        {"repeat": card.repeat, "fold": card.fold, **asdict(EpochRecord(**record))}
        for card in cards
        for record in card.history
    ]
    history = pd.DataFrame(rows, columns=_HISTORY)
    history[list(SCORES)] = history[list(SCORES)].astype("float64")
    judged = [
        {"repeat": card.repeat, "fold": card.fold} | _judge(of_fold, card.best_epoch)
        for card in sorted(cards, key=lambda card: (card.repeat, card.fold))
        if len(of_fold := history[history[_KEYS].eq([card.repeat, card.fold]).all(axis=1)])
    ]
    folds = pd.DataFrame(judged, columns=[*_KEYS, *_JUDGED])
    verdict = _verdict(folds)
    sentences = (*_sentences(folds, verdict), *made_sentences(cards))
    return TrainingCurves(history, folds, verdict, sentences)


# -- one fold -------------------------------------------------------------------------------------

_JUDGED = (
    "num_epochs",
    "best_epoch",  # from 0: the one whose weights were kept
    "train_loss",  # at the best epoch
    "val_loss",
    "gap",  # validation less training loss, at the best epoch
    "rise",  # of the smoothed validation loss after its lowest point, relative
    "train_fall_since",  # of the smoothed training loss since then, relative
    "train_fall",  # of the training loss from the first to the last epoch, relative
    "late_fall",  # of the validation loss in the last fifth, as a share of its whole fall
    "best_f1",
)


def _judge(history: pd.DataFrame, best_epoch: int) -> dict[str, float]:
    """Return the numbers of one fold that a verdict rests on; curves are smoothed first."""
    history = history.sort_values("epoch")
    train, val = (history[name].to_numpy(np.float64) for name in LOSSES)
    smooth_train, smooth_val = _smoothed(train), _smoothed(val)
    lowest = int(smooth_val.argmin())
    found = {
        "num_epochs": len(history),
        "best_epoch": best_epoch,
        "train_loss": float(train[best_epoch]),
        "val_loss": float(val[best_epoch]),
        "gap": float(val[best_epoch] - train[best_epoch]),
        "rise": _relative(smooth_val[-1] - smooth_val[lowest], smooth_val[lowest]),
        "train_fall_since": _relative(smooth_train[lowest] - smooth_train[-1], train[0]),
        "train_fall": _relative(train[0] - smooth_train[-1], train[0]),
        "late_fall": _late_fall(val),
        "best_f1": float(history["val_f1"].max()),
    }
    assert tuple(found) == _JUDGED
    return found


def _smoothed(values: Array) -> Array:
    """Return means of a tenth of the epochs around each, (E,): one epoch alone is mostly noise."""
    half = len(values) // 20
    return np.array(
        [values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))], np.float64
    )


def _late_fall(val: Array) -> float:
    """Return by how much the last fifth lies below the fifth before it, of the whole fall."""
    size = len(val) // 5
    fall = float(val[0] - val.min())
    if size == 0:
        return float("nan")
    if fall <= 0:
        return 0.0
    return float(val[-2 * size : -size].mean() - val[-size:].mean()) / fall


def _relative(change: float, to: float) -> float:
    return float(change / abs(to)) if to != 0 else float("nan")


# -- all folds ------------------------------------------------------------------------------------


def _verdict(folds: pd.DataFrame) -> FitVerdict:
    if folds.empty or (folds["num_epochs"] < _MIN_EPOCHS).any():
        return "unknown"
    if _mostly(_overfits(folds)):
        return "overfitting"
    if _mostly(folds["late_fall"] > _MIN_LATE_FALL) or _mostly(_hardly_learns(folds)):
        return "underfitting"
    return "fine"


def _overfits(folds: pd.DataFrame) -> pd.Series:
    return (folds["rise"] > _MIN_RISE) & (folds["train_fall_since"] > 0)


def _hardly_learns(folds: pd.DataFrame) -> pd.Series:
    return (folds["train_fall"] < _MIN_FALL) & ~(folds["best_f1"] >= _GOOD_F1)


def _mostly(claims: pd.Series) -> bool:
    return bool(claims.mean() > 0.5)


def _sentences(folds: pd.DataFrame, verdict: FitVerdict) -> Iterable[str]:
    if folds.empty:
        yield (
            "There are no networks beside these predictions, so nothing is known of how they were "
            "fitted."
        )
        return
    yield _verdict_sentence(folds, verdict)
    yield _gap_sentence(folds)


def _verdict_sentence(folds: pd.DataFrame, verdict: FitVerdict) -> str:
    shortest = int(folds["num_epochs"].min())
    if verdict == "unknown":
        return (
            f"Over- or underfitting cannot be told: a fold has {shortest} epoch(s), and at least "
            f"{_MIN_EPOCHS} are needed."
        )
    if verdict == "overfitting":
        of_folds = _share(_overfits(folds))
        return (
            f"Overfitting: in {of_folds} the validation loss rises after its lowest point, by "
            f"{_percent(folds['rise'])} to the end, while the training loss goes on falling. "
            "The weights of the best epoch were kept, so the scores are not those of the end; "
            "stronger regularisation, augmentation or more data would let it train longer."
        )
    if verdict == "underfitting" and _mostly(folds["late_fall"] > _MIN_LATE_FALL):
        of_folds = _share(folds["late_fall"] > _MIN_LATE_FALL)
        return (
            f"Underfitting: in {of_folds} the validation loss still falls at the end; the last "
            f"fifth of the epochs brought {_percent(folds['late_fall'])} of its whole fall. More "
            "epochs or a higher learning rate would help."
        )
    if verdict == "underfitting":
        return (
            f"Underfitting: the training loss has fallen by only {_percent(folds['train_fall'])} "
            "over the whole fit. A larger network, a higher learning rate or more epochs would "
            "help, or the inputs do not tell the targets."
        )
    return (
        "The fit is fine: the validation loss has levelled off, and after its lowest point it "
        f"rises by no more than {_percent(folds['rise'])}."
    )


def _gap_sentence(folds: pd.DataFrame) -> str:
    gap: PairedTest = corrected_resampled_t(
        folds["gap"].to_numpy(np.float64), test_to_train=0.0, confidence=_CONFIDENCE
    )
    limits = ""
    if np.isfinite(gap.low):
        limits = f" ({_CONFIDENCE:.0%} t interval over the folds {gap.low:.4g} to {gap.high:.4g})"
    epochs, last = folds["best_epoch"].mean() + 1, folds["num_epochs"].mean()
    return (
        f"At the epoch whose weights were kept (on average {epochs:.1f} of {last:.1f}) the "
        f"validation loss is {folds['val_loss'].mean():.4g} and the training loss "
        f"{folds['train_loss'].mean():.4g}, a gap of {gap.difference:.4g}{limits}. The training "
        "loss is measured while a network is fitted, with dropout, augmentation and the like, so "
        "the gap may be negative."
    )


def _share(claims: pd.Series) -> str:
    return f"{int(claims.sum())} of {len(claims)} folds"


def _percent(values: pd.Series) -> str:
    """Return the mean of shares, as a percentage."""
    return f"{values.mean():.1%}"
