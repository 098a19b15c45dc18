"""The state of a fit of two networks at an epoch's end, and what keeps it.

S: steps of the generator.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from foldwise.data.findings import Finding
from foldwise.modules.epoch_states import EpochStates, Tensors, copied, prefixed, under
from foldwise.modules.gan import GanEpoch, GanModule
from foldwise.modules.gan_config import GanFitConfig
from foldwise.modules.gan_health import SampleLook, health_findings
from foldwise.modules.gan_looks import GanLooks
from foldwise.modules.gan_records import GanRecord
from foldwise.modules.optimizer_state import optimizer_tensors, restore_optimizer
from foldwise.seeds import derive_seed

_NETWORKS = ("generator", "discriminator")


@dataclass
class GanState:
    """All that a fit has to remember between two epochs."""

    weights: Tensors = field(default_factory=dict)  # generator.*, discriminator.*
    optimizers: Tensors = field(default_factory=dict)  # generator/*, discriminator/*
    average: Tensors = field(default_factory=dict)  # of the generator's weights; may be empty
    generator_losses: list[float] = field(default_factory=list)  # (S,), of all epochs
    discriminator_losses: list[float] = field(default_factory=list)
    history: list[GanRecord] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()  # of the last epoch that was looked at

    @property
    def num_epochs(self) -> int:
        """Of those that are finished."""
        return len(self.history)

    @property
    def is_collapsed(self) -> bool:
        """Whether something grave was found."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def kept_weights(self) -> Tensors:
        """What samples are drawn with, and the discriminator: generator.*, discriminator.*."""
        mean = under("module.", self.average)
        return self.weights | prefixed("generator.", mean)

    def tensors(self) -> Tensors:
        """Return all tensors by name."""
        losses = [self.generator_losses, self.discriminator_losses]
        return (
            prefixed("weights/", self.weights)
            | prefixed("optimizers/", self.optimizers)
            | prefixed("average/", self.average)
            | {"losses": torch.tensor(losses, dtype=torch.float64)}
        )

    def numbers(self) -> dict[str, Any]:
        """Return all else, as a JSON object."""
        return {
            "history": [asdict(record) for record in self.history],
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
        }

    @classmethod
    def read(cls, tensors: Tensors, numbers: dict[str, Any]) -> Self:
        """Return the state that these are of."""
        of_generator, of_discriminator = tensors["losses"].tolist()
        return cls(
            weights=under("weights/", tensors),
            optimizers=under("optimizers/", tensors),
            average=under("average/", tensors),
            generator_losses=of_generator,
            discriminator_losses=of_discriminator,
            history=[GanRecord(**record) for record in numbers["history"]],
            findings=tuple(Finding.model_validate(found) for found in numbers["findings"]),
        )


@dataclass(frozen=True)
class GanEpochReport:
    """What is told of each finished epoch."""

    record: GanRecord
    generator_losses: tuple[float, ...]  # of each of its steps
    discriminator_losses: tuple[float, ...]
    first_step: int  # of the epoch, over all epochs from 0
    first_grid: npt.NDArray[np.uint8] | None  # before the first step of all, (H, W, C)
    grid: npt.NDArray[np.uint8] | None  # after the epoch, (H, W, C)
    findings: tuple[Finding, ...]


class GanStateCallback(Callback):
    """Restores a state, seeds each epoch, looks at samples, saves, and ends a collapsed fit."""

    def __init__(
        self,
        fit: GanFitConfig,
        seed: int,
        states: EpochStates[GanState],
        resumed: GanState | None,
        looks: GanLooks,
        on_epoch: Callable[[GanEpochReport], None],
    ) -> None:
        """Prepare the bookkeeping of one fit.

        Args:
            fit: How often samples are looked at, and what follows.
            seed: Of the fit; the networks' own draws (dropout) derive from it.
            states: Where the state of each epoch is kept.
            resumed: Where to go on, or None.
            looks: At the samples of the generator.
            on_epoch: Is told of every finished epoch.
        """
        self._fit, self._seed, self._states = fit, seed, states
        self._resumed, self._looks, self._on_epoch = resumed, looks, on_epoch
        self.state = resumed or GanState()
        self._first_grid: npt.NDArray[np.uint8] | None = None  # until it was told of

    @property
    def epoch(self) -> int:
        """Number of the epoch that runs now, counted over resumes."""
        return self.state.num_epochs

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put networks, the mean of weights and optimisers back, or look at the first samples."""
        module, state = _gan(pl_module), self._resumed
        if state is None:
            self._first_grid = self._looks.grid(module.evaluated)
            return
        for name, optimizer in zip(_NETWORKS, trainer.optimizers, strict=True):
            getattr(module, name).load_state_dict(under(f"{name}.", state.weights))
            restore_optimizer(optimizer, under(f"{name}/", state.optimizers))
        if module.average is not None:
            module.average.restore(state.average)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Seed what the networks themselves draw; each epoch has its own seed."""
        _gan(pl_module).epoch = self.epoch
        torch.manual_seed(derive_seed(self._seed, self.epoch, "network"))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch, look at samples, keep the state, and end a collapsed fit."""
        module, state = _gan(pl_module), self.state
        epoch = module.finish_epoch()
        look, grid = self._look(module)
        record = _record(self.epoch, epoch, look)
        first_step = len(state.generator_losses)
        state.history.append(record)
        state.generator_losses += epoch.generator_losses
        state.discriminator_losses += epoch.discriminator_losses
        state.weights, state.optimizers = {}, {}
        for name, optimizer in zip(_NETWORKS, trainer.optimizers, strict=True):
            state.weights |= prefixed(f"{name}.", copied(getattr(module, name).state_dict()))
            state.optimizers |= prefixed(f"{name}/", optimizer_tensors(optimizer))
        state.average = {} if module.average is None else copied(module.average.state())
        if look is not None:
            least = self._looks.class_name(look.least_diverse)
            steps = len(epoch.generator_losses)
            state.findings = health_findings(state.history, self._fit.max_epochs, steps, least)
        self._states.save(state)
        ends = state.is_collapsed and self._fit.on_collapse != "warn"
        trainer.should_stop = ends or self.epoch >= self._fit.max_epochs
        losses = epoch.generator_losses, epoch.discriminator_losses
        found = state.findings if look is not None else ()
        report = GanEpochReport(record, *losses, first_step, self._first_grid, grid, found)
        self._first_grid = None
        self._on_epoch(report)

    def _look(self, module: GanModule) -> tuple[SampleLook | None, npt.NDArray[np.uint8] | None]:
        number = self.epoch + 1
        if number % self._fit.sample_every and number < self._fit.max_epochs:
            return None, None
        return self._looks.look(module.evaluated)


def _record(number: int, epoch: GanEpoch, look: SampleLook | None) -> GanRecord:
    record = GanRecord(
        epoch=number,
        generator_loss=float(np.mean(epoch.generator_losses)),
        discriminator_loss=float(np.mean(epoch.discriminator_losses)),
        real_score=epoch.real_score,
        fake_score=epoch.fake_score,
        discriminator_accuracy=epoch.discriminator_accuracy,
    )
    if look is None:
        return record
    return replace(
        record,
        diversity=look.diversity,
        least_diversity=look.least_diversity,
        missing_clusters=look.missing_clusters,
        num_clusters=look.num_clusters,
    )


def _gan(module: LightningModule) -> GanModule:
    assert isinstance(module, GanModule)
    return module
