"""What is noted of each epoch; free of torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of one fold; losses are means per sample, scores lie in 0..1."""

    epoch: int  # from 0
    train_loss: float
    val_loss: float
    val_accuracy: float
    val_f1: float  # macro
    learning_rate: float  # after the last step, before the factors of some parameters
