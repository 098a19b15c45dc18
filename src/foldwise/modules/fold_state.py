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
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors.torch import load_file, save_file
from torch import Tensor

from foldwise.atomic import atomic_path, read_sealed_json, sha256_file, write_sealed_json
from foldwise.errors import UserError
from foldwise.modules.classifier import Classifier
from foldwise.modules.config import FitConfig
from foldwise.modules.records import EpochRecord
from foldwise.seeds import derive_seed

Weights = dict[str, Tensor]

_KEPT = 2  # epochs: if the newest is damaged, the one before is used
_LOG = logging.getLogger(__name__)


class DivergedError(UserError):
    """The loss is no longer a number."""


@dataclass
class FitState:
    """All that a fit has to remember between two epochs."""

    weights: Weights
    best_weights: Weights
    optimizer: dict[str, Tensor] = field(default_factory=dict)  # "<parameter>.<moment>"
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
        weights = _under("weights/", tensors)
        return FitState(
            weights=weights,
            best_weights=_under("best/", tensors) or weights,
            optimizer=_under("optimizer/", tensors),
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
        """Put weights and optimiser moments back."""
        if self._resumed is not None:
            _network(pl_module).load_state_dict(self._resumed.weights)
            _restore_optimizer(trainer.optimizers[0], self._resumed.optimizer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed what the network itself draws, e.g. dropout: the one place where torch is seeded.

        Each epoch has its own seed, so that no generator state has to be kept.
        """
        torch.manual_seed(derive_seed(self._seed, self.epoch, "network"))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch, keep its state, and stop when patience is at its end."""
        assert isinstance(pl_module, Classifier)
        pl_module.finish_epoch()
        record = self._record(trainer, pl_module)
        state = self.state
        state.history.append(record)
        state.weights = _copy(_network(pl_module).state_dict())
        if state.best_epoch < 0 or self._is_better(record, state.history[state.best_epoch]):
            state.best_epoch, state.best_weights = record.epoch, state.weights
        state.optimizer = _optimizer_tensors(trainer.optimizers[0])
        self._folder.save(state)
        trainer.should_stop = state.is_finished(self._fit)
        self._on_epoch(record)

    def _record(self, trainer: Trainer, module: Classifier) -> EpochRecord:
        losses = (module.train_loss, module.validation["val_loss"])
        rate = float(trainer.optimizers[0].param_groups[0]["lr"])
        if not all(map(math.isfinite, losses)):
            raise DivergedError(
                f"The loss is {losses[0]} in training and {losses[1]} in validation after epoch "
                f"{self.epoch + 1} at a learning rate of {rate:g}. Try a smaller "
                "fit.optimizer.lr, a smaller fit.gradient_clip_norm, or fit.precision=float32."
            )
        return EpochRecord(
            epoch=self.epoch, train_loss=module.train_loss, learning_rate=rate, **module.validation
        )

    def _is_better(self, new: EpochRecord, best: EpochRecord) -> bool:
        if self._fit.monitor == "val_loss":
            return new.val_loss < best.val_loss
        return (new.val_f1, -new.val_loss) > (best.val_f1, -best.val_loss)


def _network(module: LightningModule) -> torch.nn.Module:
    assert isinstance(module, Classifier)
    return module.network


def _copy(weights: Weights) -> Weights:
    return {name: tensor.detach().clone() for name, tensor in weights.items()}


def _under(prefix: str, tensors: Weights) -> Weights:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"{number}.{name}": torch.as_tensor(value)
        for number, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state[parameter].items()
        if value is not None
    }


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = _parameters(optimizer)
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        moment: Any = tensor.to(parameter.device)
        if tensor.shape == parameter.shape:  # moments lie in memory as their parameter does
            moment = torch.empty_like(parameter).copy_(tensor)
        optimizer.state[parameter][name] = moment
