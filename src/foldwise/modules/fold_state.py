"""The state of a fit at an epoch's end: kept so that a killed fit goes on bit for bit."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from foldwise.modules.config import FitConfig
from foldwise.modules.divergence import DivergedError
from foldwise.modules.epoch_states import EpochStates, Tensors, copied, prefixed, under
from foldwise.modules.fitted_module import FittedModule
from foldwise.modules.optimizer_state import optimizer_tensors, restore_optimizer
from foldwise.modules.records import EpochRecord
from foldwise.seeds import derive_seed


@dataclass
class FitState:
    """All that a fit has to remember between two epochs."""

    weights: Tensors
    best_weights: Tensors
    optimizer: Tensors = field(default_factory=dict)  # see `optimizer_state`
    average: Tensors = field(default_factory=dict)  # of the weights; empty without one
    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = -1

    @property
    def num_epochs(self) -> int:
        """Of those that are finished."""
        return len(self.history)

    def is_finished(self, fit: FitConfig) -> bool:
        """Tell whether the last epoch is reached or patience is at its end."""
        done = self.num_epochs
        is_stale = fit.patience > 0 and done - 1 - self.best_epoch >= fit.patience
        return done >= fit.max_epochs or is_stale

    def tensors(self) -> Tensors:
        """Return all tensors by name; the best weights only where they are not the last ones."""
        is_best = self.best_epoch == self.num_epochs - 1
        return (
            prefixed("weights/", self.weights)
            | prefixed("optimizer/", self.optimizer)
            | prefixed("average/", self.average)
            | ({} if is_best else prefixed("best/", self.best_weights))
        )

    def numbers(self) -> dict[str, Any]:
        """Return all else, as a JSON object."""
        return {
            "best_epoch": self.best_epoch,
            "history": [asdict(record) for record in self.history],
        }

    @classmethod
    def read(cls, tensors: Tensors, numbers: dict[str, Any]) -> Self:
        """Return the state that these are of."""
        weights, average = under("weights/", tensors), under("average/", tensors)
        return cls(
            weights=weights,
            best_weights=under("best/", tensors) or _averaged(average) or weights,
            optimizer=under("optimizer/", tensors),
            average=average,
            history=[EpochRecord(**record) for record in numbers["history"]],
            best_epoch=numbers["best_epoch"],
        )


class StateFolder(EpochStates[FitState]):
    """The states of one fit on the disk; without a folder none is kept."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder, FitState)


class FoldStateCallback(Callback):
    """Restores a state, seeds each epoch, tracks the best one, saves, and stops early."""

    def __init__(
        self,
        fit: FitConfig,
        seed: int,
        states: StateFolder,
        resumed: FitState | None,
        on_epoch: Callable[[EpochRecord], None],
    ) -> None:
        """Prepare the bookkeeping of one fit.

        Args:
            fit: What is monitored, and the patience.
            seed: The fold's seed; the network's own draws (dropout) derive from it.
            states: Where the state of each epoch is kept.
            resumed: Where to go on, or None.
            on_epoch: Is told of every finished epoch.
        """
        self._fit, self._seed, self._states, self._on_epoch = fit, seed, states, on_epoch
        self._resumed = resumed
        self.state = resumed or FitState({}, {})

    @property
    def epoch(self) -> int:
        """Number of the epoch that runs now, counted over resumes."""
        return len(self.state.history)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put weights, their mean and optimiser moments back."""
        module = _fitted(pl_module)
        if self._resumed is not None:
            module.network.load_state_dict(self._resumed.weights)
            restore_optimizer(trainer.optimizers[0], self._resumed.optimizer)
            if module.average is not None:
                module.average.restore(self._resumed.average)
        module.monitored[:] = [self._monitored(record) for record in self.state.history]

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed what the network itself draws, e.g. dropout: the one place where torch is seeded.

        Each epoch has its own seed, so that no generator state has to be kept.
        """
        module = _fitted(pl_module)
        module.epoch = self.epoch
        module.refresh_rates()
        torch.manual_seed(derive_seed(self._seed, self.epoch, "network"))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch, keep its state, and stop when patience is at its end."""
        module = _fitted(pl_module)
        module.finish_epoch()
        record = self._record(module)
        module.monitored.append(self._monitored(record))
        state = self.state
        state.history.append(record)
        state.weights = copied(module.network.state_dict())
        state.average = {} if module.average is None else copied(module.average.state())
        if state.best_epoch < 0 or self._is_better(record, state.history[state.best_epoch]):
            state.best_epoch = record.epoch
            state.best_weights = _averaged(state.average) or state.weights
        if self._states.is_kept:
            state.optimizer = optimizer_tensors(trainer.optimizers[0])
            self._states.save(state)
        trainer.should_stop = state.is_finished(self._fit)
        self._on_epoch(record)

    def _record(self, module: FittedModule) -> EpochRecord:
        rate = module.rate
        val_loss = module.validation["val_loss"]
        if not math.isfinite(val_loss):
            raise DivergedError(
                f"The validation loss is {val_loss} after epoch {self.epoch + 1},", rate
            )
        return EpochRecord(
            epoch=self.epoch, train_loss=module.train_loss, learning_rate=rate, **module.validation
        )

    def _monitored(self, record: EpochRecord) -> float:
        return _f1(record) if self._fit.monitor == "val_f1" else record.val_loss

    def _is_better(self, new: EpochRecord, best: EpochRecord) -> bool:
        if self._fit.monitor == "last":
            return True
        if self._fit.monitor == "val_loss":
            return new.val_loss < best.val_loss
        return (_f1(new), -new.val_loss) > (_f1(best), -best.val_loss)


def _fitted(module: LightningModule) -> FittedModule:
    assert isinstance(module, FittedModule)
    return module


def _f1(record: EpochRecord) -> float:
    assert record.val_f1 is not None, "monitor=val_f1 is for classes"
    return record.val_f1


def _averaged(average: Tensors) -> Tensors:
    """Return the weights out of the state of their mean."""
    return under("module.", {k: v for k, v in average.items() if k != "n_averaged"})
