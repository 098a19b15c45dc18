"""The state of a fit at an epoch's end: kept so that a killed fit goes on bit for bit.

Lightning's own checkpoints pickle and do not resume exactly. Here every draw derives from
(seed, epoch), so weights, optimiser moments, the best weights so far and a few numbers are all
there is to keep: one safetensors file and one JSON with its checksum, for the last two epochs.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors.torch import load_file, save_file
from torch import Tensor

from foldwise.atomic import atomic_path, read_sealed_json, sha256_file, write_sealed_json
from foldwise.modules.config import FitConfig
from foldwise.modules.divergence import DivergedError
from foldwise.modules.fitted_module import FittedModule
from foldwise.modules.optimizer_state import optimizer_tensors, restore_optimizer
from foldwise.modules.records import EpochRecord
from foldwise.seeds import derive_seed

Weights = dict[str, Tensor]

_KEPT = 2  # epochs: if the newest is damaged, the one before is used
_LOG = logging.getLogger(__name__)


@dataclass
class FitState:
    """All that a fit has to remember between two epochs."""

    weights: Weights
    best_weights: Weights
    optimizer: dict[str, Tensor] = field(default_factory=dict)  # see `optimizer_state`
    average: Weights = field(default_factory=dict)  # of the weights; empty without one
    history: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = -1

    def is_finished(self, fit: FitConfig) -> bool:
        """Tell whether the last epoch is reached or patience is at its end."""
        done = len(self.history)
        is_stale = fit.patience > 0 and done - 1 - self.best_epoch >= fit.patience
        return done >= fit.max_epochs or is_stale


class StateFolder:
    """The states of one fit on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, state: FitState) -> None:
        """Write the state whole or not at all; the JSON comes last and makes it count."""
        path = self._path(len(state.history) - 1)
        tensors = {f"weights/{name}": tensor for name, tensor in state.weights.items()}
        tensors |= {f"optimizer/{name}": tensor for name, tensor in state.optimizer.items()}
        tensors |= {f"average/{name}": tensor for name, tensor in state.average.items()}
        if state.best_epoch != len(state.history) - 1:
            tensors |= {f"best/{name}": tensor for name, tensor in state.best_weights.items()}
        with atomic_path(path) as temporary:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary)
        card = {
            "best_epoch": state.best_epoch,
            "history": [asdict(record) for record in state.history],
            "sha256": sha256_file(path),
        }
        write_sealed_json(path.with_suffix(".json"), card)
        self._forget_before(len(state.history) - _KEPT)

    def load(self) -> FitState | None:
        """Return the newest sound state, or None.

        A damaged one is passed over with one warning.
        """
        for card_path in sorted(self._folder.glob("epoch_*.json"), reverse=True):
            try:
                return self._read(card_path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                _LOG.warning("%s is damaged and is not used: %s", card_path, error)
        return None

    def _read(self, card_path: Path) -> FitState:
        card = read_sealed_json(card_path)
        path = card_path.with_suffix(".safetensors")
        if sha256_file(path) != card["sha256"]:
            raise ValueError("its checksum does not match")
        tensors = load_file(path)
        weights, average = _under("weights/", tensors), _under("average/", tensors)
        return FitState(
            weights=weights,
            best_weights=_under("best/", tensors) or _averaged(average) or weights,
            optimizer=_under("optimizer/", tensors),
            average=average,
            history=[EpochRecord(**record) for record in card["history"]],
            best_epoch=card["best_epoch"],
        )

    def _path(self, epoch: int) -> Path:
        return self._folder / f"epoch_{epoch:05d}.safetensors"

    def _forget_before(self, epoch: int) -> None:
        for path in self._folder.glob("epoch_*.*"):
            if int(path.stem.removeprefix("epoch_")) < epoch:
                path.unlink(missing_ok=True)


class FoldStateCallback(Callback):
    """Restores a state, seeds each epoch, tracks the best one, saves, and stops early."""

    def __init__(
        self,
        fit: FitConfig,
        seed: int,
        folder: StateFolder,
        resumed: FitState | None,
        on_epoch: Callable[[EpochRecord], None],
    ) -> None:
        """Prepare the bookkeeping of one fit.

        Args:
            fit: What is monitored, and the patience.
            seed: The fold's seed; the network's own draws (dropout) derive from it.
            folder: Where the state of each epoch is kept.
            resumed: Where to go on, or None.
            on_epoch: Is told of every finished epoch.
        """
        self._fit, self._seed, self._folder, self._on_epoch = fit, seed, folder, on_epoch
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
        state.weights = _copy(module.network.state_dict())
        state.average = {} if module.average is None else _copy(module.average.state())
        if state.best_epoch < 0 or self._is_better(record, state.history[state.best_epoch]):
            state.best_epoch = record.epoch
            state.best_weights = _averaged(state.average) or state.weights
        state.optimizer = optimizer_tensors(trainer.optimizers[0])
        self._folder.save(state)
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


def _averaged(average: Weights) -> Weights:
    """Return the weights out of the state of their mean."""
    return _under("module.", {k: v for k, v in average.items() if k != "n_averaged"})


def _copy(weights: Weights) -> Weights:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def _under(prefix: str, tensors: Weights) -> Weights:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
