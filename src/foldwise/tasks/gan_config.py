"""Parameters of the training of generators; free of torch."""

from typing import Self

from pydantic import NonNegativeInt, PositiveInt, model_validator

from foldwise.config import Config
from foldwise.models.gan.config import CganConfig, DcganConfig, GanModelConfig
from foldwise.modules.gan_config import GanFitConfig

_WASSERSTEIN_STEPS, _WASSERSTEIN_PENALTY = 5, 10.0  # Gulrajani et al. (2017), algorithm 1


class TrainGanConfig(Config):
    """A generator, its discriminator, and how they are fitted."""

    model: GanModelConfig = CganConfig()
    fit: GanFitConfig = GanFitConfig()
    num_folds: PositiveInt | None = 1  # that get a generator, the first ones; null: all
    seed: NonNegativeInt = 0
    use_best: bool = False  # train with what search_gan has found

    @property
    def discriminator_steps(self) -> int:
        """Steps of the discriminator for each of the generator."""
        if self.fit.discriminator_steps != "auto":
            return self.fit.discriminator_steps
        return _WASSERSTEIN_STEPS if self.model.loss == "wasserstein" else 1

    @property
    def gradient_penalty(self) -> float:
        """Weight of the penalty between real and generated samples; 0: none."""
        if self.fit.gradient_penalty != "auto":
            return self.fit.gradient_penalty
        return _WASSERSTEIN_PENALTY if self.model.loss == "wasserstein" else 0.0

    @model_validator(mode="after")
    def _suit_the_critic(self) -> Self:
        is_bound = self.gradient_penalty > 0 or getattr(self.model, "spectral_norm", False)
        if self.model.loss == "wasserstein" and self.fit.label_smoothing:
            raise ValueError(
                f"fit.label_smoothing is {self.fit.label_smoothing:g}, but model.loss=wasserstein "
                "knows no labels. Allowed: 0, or another loss."
            )
        if self.model.loss == "wasserstein" and not is_bound:
            raise ValueError(
                "model.loss=wasserstein needs a critic whose slope is bounded, but "
                "fit.gradient_penalty is 0 and the model has no spectral norm. Allowed: "
                "gradient_penalty of more than 0 (auto: 10), or model.spectral_norm=true."
            )
        if isinstance(self.model, DcganConfig) and self.gradient_penalty > 0:
            raise ValueError(
                f"fit.gradient_penalty is {self.gradient_penalty:g}, but the discriminator of "
                "model.name=dcgan has batch norm, by which no score is of one sample alone "
                "(Gulrajani et al., 2017). Allowed: gradient_penalty=0, or model.name=wgan_gp."
            )
        return self
