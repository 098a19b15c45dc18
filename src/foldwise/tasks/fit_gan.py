"""Fit a generator on some samples: data to the device, Lightning's trainer, restarts.

N: samples, K: classes.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from foldwise.data.balance.weights import inverse_frequency
from foldwise.data.findings import Finding
from foldwise.data.preprocessing import (
    AnyPreprocessing,
    ImagePreprocessing,
    SeriesPreprocessing,
    fit_series,
)
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.models.gan.build import build_gan
from foldwise.models.gan.networks import GanNetworks
from foldwise.models.input_spec import ImageSpec, SeriesSpec
from foldwise.modules.data_module import Part, TrainingBatches
from foldwise.modules.diff_augment import require_known
from foldwise.modules.epoch_order import permutation, weighted_draws
from foldwise.modules.epoch_states import EpochStates, Tensors
from foldwise.modules.gan import GanDivergedError, GanModule
from foldwise.modules.gan_health import NUM_REAL
from foldwise.modules.gan_looks import GanLooks, fixed_labels
from foldwise.modules.gan_state import GanEpochReport, GanState, GanStateCallback
from foldwise.modules.hardware import choose_device
from foldwise.modules.inputs import input_spec, open_inputs
from foldwise.modules.sampler import Sampler
from foldwise.seeds import derive_seed
from foldwise.tasks.gan_config import TrainGanConfig
from foldwise.tasks.lightning_trainer import as_configured, build_trainer, interruptible

Rows = npt.NDArray[np.int64]
OnEpoch = Callable[[GanEpochReport], None]
# The number of the attempt, its state so far, and what the attempts before were given up for.
OnStart = Callable[[int, GanState, tuple[Finding, ...]], None]

_LEAST_OF_CLASS = 3
_LOG = logging.getLogger(__name__)


class GanTrainingError(UserError):
    """A generator cannot be fitted on these samples."""


class CollapsedError(UserError):
    """A generator does not converge."""


@dataclass(frozen=True)
class FittedGan:
    """What a fit has made."""

    networks: GanNetworks  # the generator with the mean of its weights; on the CPU
    weights: Tensors  # generator.*, discriminator.*
    preprocessing: AnyPreprocessing
    class_counts: tuple[int, ...]  # (K,) of the samples that it was fitted on
    state: GanState
    num_restarts: int
    findings: tuple[Finding, ...]  # attempts that were given up, then the one that was kept

    @property
    def sampler(self) -> Sampler:
        """What draws samples in the user's units."""
        return Sampler(self.networks.generator, self.preprocessing)


def require_generable(samples: Samples) -> None:
    """Refuse samples that no generator is trained for.

    Raises:
        GanTrainingError: It says what they are, and what is taken.
    """
    if samples.modality not in ("image", "series"):
        kind = "tables" if samples.modality == "table" else "texts"
        hint = " For more rows of a rare class, balance.method=smote." if kind == "tables" else ""
        raise GanTrainingError(
            f"train_gan makes images and series, but the samples are {kind}.{hint}"
        )
    if samples.task == "regression":
        raise GanTrainingError(
            "train_gan makes samples of classes, but the target of these samples is a number."
        )
    lengths = samples.lengths if samples.modality == "series" else np.empty(0)
    if len(np.unique(lengths)) > 1:
        raise GanTrainingError(
            f"train_gan makes series of one length, but these have {lengths.min()} to "
            f"{lengths.max()} steps. Cut windows of equal length when they are read in."
        )


def fit_generator(
    samples: Samples,
    rows: Rows,
    config: TrainGanConfig,
    seed: int,
    state_folder: Path | None,
    on_epoch: OnEpoch = lambda report: None,
    on_start: OnStart = lambda attempt, state, findings: None,
) -> FittedGan:
    """Fit a generator and its discriminator, or go on where they were interrupted.

    Args:
        samples: Images, or series of one length, in classes.
        rows: Of the training part, (N,): nothing else is looked at.
        config: Networks, fit.
        seed: Of all draws.
        state_folder: Where the state after each epoch is kept; None: in memory only.
        on_epoch: Is told each finished epoch.
        on_start: Is told when an attempt begins or goes on.

    Raises:
        CollapsedError: The generator does not converge, and `on_collapse` says so.
        GanTrainingError: It cannot be fitted on such samples.
        UserError: The networks cannot make such samples, or the augmentation is for others.
    """
    require_generable(samples)
    rows = np.sort(rows)
    labels = samples.y[rows]
    _require_enough(samples, labels, config)
    given_up: tuple[Finding, ...] = ()
    attempt = 0
    while True:
        fit = _Attempt(samples, rows, config, derive_seed(seed, "attempt", attempt))
        started = functools.partial(_tell_start, on_start, attempt, given_up)
        folder = None if state_folder is None else state_folder / f"attempt_{attempt}"
        failure = _run(fit, folder, on_epoch, started)
        if failure is None:
            return fit.fitted(attempt, given_up)
        _give_up(failure, attempt, config)
        given_up += (failure.model_copy(update={"severity": "warn"}),)
        attempt += 1


def _tell_start(
    on_start: OnStart, attempt: int, given_up: tuple[Finding, ...], state: GanState
) -> None:
    on_start(attempt, state, given_up)


def _run(
    fit: "_Attempt",
    folder: Path | None,
    on_epoch: OnEpoch,
    on_start: Callable[[GanState], None],
) -> Finding | None:
    """Run an attempt to its end; return why it failed, or None."""
    try:
        fit.run(folder, on_epoch, on_start)
    except GanDivergedError as error:
        return Finding(check="not_finite", severity="error", message=str(error))
    if not fit.state.is_collapsed or fit.config.fit.on_collapse == "warn":
        return None
    return next(found for found in fit.state.findings if found.severity == "error")


def _give_up(failure: Finding, attempt: int, config: TrainGanConfig) -> None:
    """Return where another attempt is to be made.

    Raises:
        CollapsedError: None is to be made.
    """
    fit = config.fit
    has_next = fit.on_collapse == "restart" and attempt < fit.max_restarts
    if has_next:
        _LOG.warning("Attempt %d is given up: %s", attempt + 1, failure.message)
        return
    tried = f"Attempt {attempt + 1} of {fit.max_restarts + 1}: " if attempt else ""
    what = "It does not converge. " if failure.check != "not_finite" else ""
    raise CollapsedError(f"{tried}{what}{failure.message} {failure.advice}".rstrip())


@dataclass
class _Attempt:
    """A fit from one set of first weights."""

    samples: Samples
    rows: Rows
    config: TrainGanConfig
    seed: int
    state: GanState = field(default_factory=GanState)
    preprocessing: AnyPreprocessing = field(init=False)
    networks: GanNetworks = field(init=False)

    def run(
        self, folder: Path | None, on_epoch: OnEpoch, on_start: Callable[[GanState], None]
    ) -> None:
        """Fit, or go on; leave the state, collapsed or not."""
        fit, device = self.config.fit, choose_device(self.config.fit)
        states = EpochStates(folder, GanState)
        resumed = states.load()
        self.state = resumed or GanState()
        on_start(self.state)
        with as_configured(fit, self.samples):
            self._build()
            num_left = fit.max_epochs - self.state.num_epochs
            is_over = self.state.is_collapsed and fit.on_collapse != "warn"
            if num_left > 0 and not is_over:
                looks = self._looks()
                callback = GanStateCallback(fit, self.seed, states, resumed, looks, on_epoch)
                module = self._module()
                with self._batches(lambda: callback.epoch, device) as batches, interruptible():
                    build_trainer(fit, device, num_left, callback).fit(module, batches)
                self.state = callback.state

    def fitted(self, num_restarts: int, given_up: tuple[Finding, ...]) -> FittedGan:
        """Return what was made, with the weights that are kept."""
        weights = self.state.kept_weights
        for name in ("generator", "discriminator"):
            network = getattr(self.networks, name).cpu().eval()
            named = {k: v for k, v in weights.items() if k.startswith(f"{name}.")}
            network.load_state_dict({k.removeprefix(f"{name}."): v for k, v in named.items()})
        counts = np.bincount(self._labels, minlength=len(self.samples.classes))
        return FittedGan(
            networks=self.networks,
            weights=weights,
            preprocessing=self.preprocessing,
            class_counts=tuple(counts.tolist()),
            state=self.state,
            num_restarts=num_restarts,
            findings=given_up + self.state.findings,
        )

    @property
    def _labels(self) -> Rows:
        return self.samples.y[self.rows]

    @property
    def _spec(self) -> ImageSpec | SeriesSpec:
        spec = input_spec(self.preprocessing, self.samples.x.shape[1:])
        assert isinstance(spec, ImageSpec | SeriesSpec)
        return spec

    @property
    def _sampling_weights(self) -> npt.NDArray[np.float64] | None:
        if self.config.fit.class_sampling == "as_found":
            return None
        return inverse_frequency(self._labels.astype(object))

    def _build(self) -> None:
        self.preprocessing = _fit_preprocessing(self.samples, self.rows)
        torch.manual_seed(derive_seed(self.seed, "init"))
        networks = build_gan(self.config.model, self._spec, len(self.samples.classes))
        for network in (networks.generator, networks.discriminator):
            network.to(memory_format=torch.channels_last)
        self.networks = networks

    def _module(self) -> GanModule:
        return GanModule(
            self.networks,
            self.config.fit,
            self.config.model.loss,
            discriminator_steps=self.config.discriminator_steps,
            gradient_penalty=self.config.gradient_penalty,
            seed=self.seed,
        )

    @contextlib.contextmanager
    def _batches(
        self, epoch: Callable[[], int], device: torch.device
    ) -> Iterator[TrainingBatches]:
        """Give batches of the real samples for all steps of the discriminator."""
        part = Part(self.rows, self._labels, self._sampling_weights)
        is_series = isinstance(self.preprocessing, SeriesPreprocessing)
        inputs = open_inputs(self.samples, self.rows, self.preprocessing, device)
        with contextlib.closing(inputs):
            yield TrainingBatches(
                inputs,
                part,
                _without_mask if is_series else _as_it_is,
                batch_size=self.config.fit.batch_size * self.config.discriminator_steps,
                seed=self.seed,
                epoch=epoch,
                device=device,
            )

    def _looks(self) -> GanLooks:
        """Return what looks at samples: real ones of the training part, and fixed latents."""
        labels, weights = self._labels, self._sampling_weights
        seed = derive_seed(self.seed, "looks")
        number = min(NUM_REAL, len(self.rows))
        order = (
            permutation(len(self.rows), seed) if weights is None else weighted_draws(weights, seed)
        )
        places = order[:number].numpy() if weights is None else np.unique(order[:number].numpy())
        real = _taken(self.samples, self.rows[places], self.preprocessing)
        counts = np.bincount(labels, weights, minlength=len(self.samples.classes))
        drawn = torch.from_numpy(fixed_labels(counts.astype(np.float64)))
        random = torch.Generator().manual_seed(derive_seed(self.seed, "looks", "latents"))
        shape = self.networks.generator.latent_shape
        latents = torch.randn((len(drawn), *shape), generator=random)  # type: ignore[misc]  # no tensor
        is_conditional = self.config.model.conditional
        known = torch.from_numpy(labels[places])
        return GanLooks(
            real,
            known if is_conditional else torch.zeros_like(known),
            latents,
            drawn,
            seed=seed,
            classes=self.samples.classes if is_conditional else (),
        )


def _require_enough(samples: Samples, labels: Rows, config: TrainGanConfig) -> None:
    """Refuse what the fit cannot work on, before anything is trained."""
    require_known(config.fit.diff_augment, f"{config.model.makes}")
    least = max(config.fit.batch_size, 2 * config.discriminator_steps)
    if len(labels) < least:
        raise GanTrainingError(
            f"The training part has {len(labels)} samples, which are fewer than a batch of "
            f"{least}. Take {_smaller_batch(len(labels), config)}, or more samples."
        )
    if not config.model.conditional:
        return
    counts = np.bincount(labels, minlength=len(samples.classes))
    few = [
        f"{name!r} ({count})"
        for name, count in zip(samples.classes, counts, strict=True)
        if 0 < count < _LEAST_OF_CLASS
    ]
    if few:
        raise GanTrainingError(
            f"The training part has fewer than {_LEAST_OF_CLASS} samples of {', '.join(few)}: of "
            "these a generator could only learn to copy them. Collect more of them, leave the "
            "class out when the samples are read in, take train_gan.model.name=dcgan with "
            "train_gan.model.conditional=false, which knows no classes, or, to balance classes, "
            "balance.method=oversample."
        )


def _smaller_batch(num_samples: int, config: TrainGanConfig) -> str:
    """Return what to write: a batch of which an epoch has some."""
    if num_samples < 2 * config.discriminator_steps:
        return "a smaller train_gan.fit.discriminator_steps"
    return f"train_gan.fit.batch_size={max(2, 2 ** ((num_samples // 3).bit_length() - 1))}"


def _fit_preprocessing(samples: Samples, rows: Rows) -> AnyPreprocessing:
    """Return what turns images into -1..1, or standardises series by the training part."""
    if samples.modality == "image":
        half = (0.5,) * samples.x.shape[1]
        return ImagePreprocessing(mean=half, std=half)
    num_incomplete = int(np.isnan(samples.x[rows]).any((1, 2)).sum())
    if num_incomplete:
        raise GanTrainingError(
            f"train_gan learns from complete series, but {num_incomplete} of {len(rows)} lack "
            "values. Fill them, or leave these series out, before they are read in."
        )
    return fit_series(samples.x, samples.lengths, rows, "error")


def _taken(samples: Samples, rows: Rows, preprocessing: AnyPreprocessing) -> Tensor:
    """Return some samples as the discriminator sees them, on the CPU."""
    inputs = open_inputs(samples, rows, preprocessing, torch.device("cpu"))
    with contextlib.closing(inputs):
        taken = inputs.finish(inputs.take(torch.arange(len(rows))))
    return taken if isinstance(preprocessing, ImagePreprocessing) else taken[..., :-1]


def _without_mask(batch: Tensor, seed: int, positions: Tensor, epoch: int) -> Tensor:
    """Return series without the channel that tells steps from padding: there is none."""
    return batch[..., :-1]


def _as_it_is(batch: Tensor, seed: int, positions: Tensor, epoch: int) -> Tensor:
    return batch
