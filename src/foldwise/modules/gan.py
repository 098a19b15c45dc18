"""The Lightning module that fits a generator against a discriminator.

B: batch, R: real samples of a step, Z: latent size.
"""

import contextlib
from dataclasses import dataclass

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Adam, Optimizer

from foldwise.errors import UserError
from foldwise.models.gan.config import GanLoss
from foldwise.models.gan.networks import GanNetworks
from foldwise.modules.diff_augment import diff_augment
from foldwise.modules.gan_config import GanFitConfig
from foldwise.modules.gan_losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
)
from foldwise.modules.weight_average import WeightAverage
from foldwise.seeds import derive_seed

_LOOK_EVERY = 32  # steps between two looks at the losses: each makes a GPU wait
_THRESHOLDS: dict[GanLoss, float | None] = {
    "non_saturating": 0.0,
    "hinge": 0.0,
    "least_squares": 0.5,  # between its targets
    "wasserstein": None,
}


class GanDivergedError(UserError):
    """A loss is infinite or not a number."""


@dataclass(frozen=True)
class GanEpoch:
    """What an epoch of steps was like."""

    generator_losses: tuple[float, ...]  # of each step
    discriminator_losses: tuple[float, ...]  # without penalties; of several, their mean
    real_score: float
    fake_score: float
    discriminator_accuracy: float | None  # None: the scores have no threshold


class GanModule(LightningModule):
    """Alternates between the two networks, by manual optimisation.

    A step of the fit is one of the generator, after `discriminator_steps` of the discriminator:
    the batch it is given holds the real samples of all of them. The generated samples that the
    discriminator saw last are those that the generator is corrected by, so that they are made
    once.
    """

    def __init__(
        self,
        networks: GanNetworks,
        fit: GanFitConfig,
        loss: GanLoss,
        *,
        discriminator_steps: int,
        gradient_penalty: float,
        seed: int,
    ) -> None:
        """Take the networks as they are.

        Args:
            networks: They are trained in place.
            fit: Rates, mean of weights, augmentation, R1, smoothing.
            loss: Of both networks.
            discriminator_steps: For each of the generator.
            gradient_penalty: Its weight; 0: none.
            seed: Of latents and augmentation.
        """
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.discriminator = networks.generator, networks.discriminator
        self.epoch = 0  # counted over resumes, set from outside
        self.average: WeightAverage | None = None  # from the start of training, with ema_decay
        self._fit, self._loss, self._seed = fit, loss, seed
        self._num_steps, self._gradient_penalty = discriminator_steps, gradient_penalty
        self._latent_shape: tuple[int, ...] = networks.generator.latent_shape  # type: ignore[assignment]  # no tensor
        # Batch norm is to see real and generated samples apart, as Radford et al. (2016) do.
        self._is_apart = any(isinstance(m, _BatchNorm) for m in self.discriminator.modules())
        self._is_recurrent = any(isinstance(m, nn.RNNBase) for m in self.discriminator.modules())
        self._random = torch.Generator()
        self._own_optimizers: tuple[Adam, Adam]
        self._losses: list[tuple[Tensor, Tensor]] = []  # of the generator, of the discriminator
        self._scores: list[tuple[Tensor, Tensor]] = []  # of real samples, of generated ones
        self._num_seen = 0  # losses that were found to be numbers

    @property
    def evaluated(self) -> nn.Module:
        """What samples are drawn with: the generator, or the mean of its weights."""
        return self.generator if self.average is None else self.average.network

    def configure_optimizers(self) -> list[Optimizer]:
        """Return both optimisers, the generator's first; start the mean of weights.

        Lightning calls this when the networks lie on their device.
        """
        if self._fit.ema_decay > 0:
            self.average = WeightAverage(self.generator, self._fit.ema_decay)
        pairs = (
            (self.generator, self._fit.generator),
            (self.discriminator, self._fit.discriminator),
        )
        of_generator, of_discriminator = (
            Adam(network.parameters(), config.lr, config.betas, fused=True)
            for network, config in pairs
        )
        # Stepped as they are: Lightning's wrappers would only count the steps.
        self._own_optimizers = of_generator, of_discriminator
        return [of_generator, of_discriminator]

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_idx: int) -> None:
        """Make the discriminator's steps and one of the generator; keep their losses.

        Raises:
            GanDivergedError: A loss is infinite or not a number.
        """
        real, labels, _ = batch
        self._random.manual_seed(derive_seed(self._seed, self.epoch, batch_idx, "step"))
        number = min(self._num_steps, len(real) // 2)  # batch norm cannot work on one sample
        first = (self.epoch * int(self.trainer.num_training_batches) + batch_idx) * number
        self.discriminator.requires_grad_(True)
        losses: list[Tensor] = []
        parts = zip(real.tensor_split(number), labels.tensor_split(number), strict=True)
        for index, (part, part_labels) in enumerate(parts):
            with torch.set_grad_enabled(index == number - 1):  # the generator learns from the last
                fake = self.generator(self._latents(len(part)), part_labels)
            torch.clear_autocast_cache()  # casts that were made without gradients have none
            is_lazy = (first + index) % self._fit.r1_every == 0
            losses.append(self._step_discriminator(part, fake.detach(), part_labels, is_lazy))
        self.discriminator.requires_grad_(False)
        loss = self._step_generator(fake, part_labels)
        mean = losses[0] if number == 1 else torch.stack(losses).mean()
        self._losses.append((loss, mean))
        if len(self._losses) - self._num_seen >= _LOOK_EVERY:
            self._look_at_losses()

    def finish_epoch(self) -> GanEpoch:
        """Return what the epoch that has just ended was like, and forget it.

        Raises:
            GanDivergedError: A loss is infinite or not a number.
        """
        self._look_at_losses()
        losses = torch.stack([torch.stack(pair) for pair in self._losses]).double().cpu()
        real, fake = (
            torch.cat(scores).double().cpu() for scores in zip(*self._scores, strict=True)
        )
        self._losses.clear()
        self._scores.clear()
        self._num_seen = 0
        threshold, accuracy = _THRESHOLDS[self._loss], None
        if threshold is not None:
            rightly = (real > threshold).double().mean() + (fake < threshold).double().mean()
            accuracy = float(rightly / 2)
        return GanEpoch(
            tuple(losses[:, 0].tolist()),
            tuple(losses[:, 1].tolist()),
            float(real.mean()),
            float(fake.mean()),
            accuracy,
        )

    def _latents(self, number: int) -> Tensor:
        # Drawn on the CPU, so that they are the same on each device.
        latents = torch.randn((number, *self._latent_shape), generator=self._random)
        return latents.to(self.device)

    def _step_discriminator(
        self, real: Tensor, fake: Tensor, labels: Tensor, is_lazy: bool
    ) -> Tensor:
        """Make a step by real and generated samples of the same classes; return its loss."""
        fake = fake.to(real)
        real_scores, fake_scores = self._pair_of_scores(real, fake, labels)
        self._scores.append((real_scores.detach().float(), fake_scores.detach().float()))
        loss = discriminator_loss(self._loss, real_scores, fake_scores, self._fit.label_smoothing)
        total = loss + self._penalties(real, fake, labels, is_lazy)
        self._update(self._own_optimizers[1], total)
        return loss.detach()

    def _pair_of_scores(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        real, fake = self._augmented(real), self._augmented(fake)
        if self._is_apart:
            return self.discriminator(real, labels), self.discriminator(fake, labels)
        scores = self.discriminator(torch.cat([real, fake]), torch.cat([labels, labels]))
        return scores[: len(real)], scores[len(real) :]

    def _penalties(
        self, real: Tensor, fake: Tensor, labels: Tensor, is_lazy: bool
    ) -> Tensor | float:
        """Return the gradient penalties, in float32: their products are too small for bfloat16."""
        penalty: Tensor | float = 0.0
        if not self._gradient_penalty and not self._fit.r1:
            return penalty

        def critic(samples: Tensor) -> Tensor:
            scores: Tensor = self.discriminator(samples, labels)
            return scores

        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.autocast(self.device.type, enabled=False))
            if self._is_recurrent:  # cuDNN's layers have no gradients of gradients
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
            if self._gradient_penalty:
                penalty = self._gradient_penalty * gradient_penalty(
                    critic, real, fake, self._random
                )
            if self._fit.r1 and is_lazy:
                weight = self._fit.r1 / 2 * self._fit.r1_every
                penalty = penalty + weight * r1_penalty(critic, self._augmented(real))
        return penalty

    def _step_generator(self, fake: Tensor, labels: Tensor) -> Tensor:
        scores = self.discriminator(self._augmented(fake.float()), labels)
        loss = generator_loss(self._loss, scores)
        self._update(self._own_optimizers[0], loss)
        if self.average is not None:
            self.average.update(self.generator)
        return loss.detach()

    def _augmented(self, samples: Tensor) -> Tensor:
        return diff_augment(samples, self._fit.diff_augment, self._random)

    def _update(self, optimizer: Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        # Else the next step within this one's autocast would take the weights of before.
        torch.clear_autocast_cache()

    def _look_at_losses(self) -> None:
        unseen = self._losses[self._num_seen :]
        if not unseen:
            return
        losses = torch.stack([torch.stack(pair) for pair in unseen]).cpu()
        bad = (~losses.isfinite()).any(dim=1)
        if bool(bad.any()):
            step = int(bad.int().argmax())
            generator, discriminator = losses[step].tolist()
            raise GanDivergedError(
                f"In epoch {self.epoch + 1}, at its step {self._num_seen + step + 1}, the "
                f"generator's loss is {generator} and the discriminator's {discriminator}. Try "
                "lower rates (train_gan.fit.generator.lr, train_gan.fit.discriminator.lr), "
                "train_gan.fit.precision=float32, or another train_gan.model.loss."
            )
        self._num_seen = len(self._losses)
