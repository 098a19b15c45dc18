"""What is noted of each epoch; free of torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of one fold; losses are means per sample.

    Scores are of classes (in 0..1) or of numbers, and None where the targets are the other kind.
    """

    epoch: int  # from 0
    train_loss: float
    val_loss: float
    learning_rate: float  # after the last step, before the factors of some parameters
    val_accuracy: float | None = None
    val_f1: float | None = None  # macro
    val_mae: float | None = None  # mean absolute error, of standardised targets
