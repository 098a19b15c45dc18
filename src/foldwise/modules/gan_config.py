"""Parameters of the fit of a generator against a discriminator; free of torch."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from foldwise.config import Config, ListInText

Share = Annotated[float, Field(ge=0, lt=1)]  # of a running mean that is kept at each step
# Of pictures: color, translation, cutout. Of series: jitter, scaling, shift.
DiffAugmentPolicy = Literal["color", "translation", "cutout", "jitter", "scaling", "shift"]


class GanAdamConfig(Config):
    """Adam (Kingma and Ba, arXiv 1412.6980) for one of the two networks."""

    lr: PositiveFloat = 2e-4
    betas: Annotated[tuple[Share, Share], ListInText] = (0.5, 0.999)


class GanFitConfig(Config):
    """How a generator and a discriminator are fitted against each other."""

    max_epochs: PositiveInt = 100
    # Of each network's steps; a step of the generator comes with `discriminator_steps` of them.
    batch_size: Annotated[int, Field(ge=2)] = 64
    # Each has its own rate (two time scales: Heusel et al., NeurIPS 2017).
    generator: GanAdamConfig = GanAdamConfig()
    discriminator: GanAdamConfig = GanAdamConfig(lr=4e-4)
    # Of the discriminator for each step of the generator, each on real samples of its own; auto: 5
    # with loss=wasserstein (Gulrajani et al., NeurIPS 2017), else 1.
    discriminator_steps: PositiveInt | Literal["auto"] = "auto"
    # Share of the running mean of the generator's weights that a step keeps; 0: no mean. It is
    # what samples are drawn with.
    ema_decay: float = Field(0.999, ge=0, lt=1)
    # What real and generated samples undergo before the discriminator sees them (DiffAugment:
    # Zhao et al., NeurIPS 2020), for small data. "color;translation" is a list, too.
    diff_augment: Annotated[tuple[DiffAugmentPolicy, ...], ListInText] = ()
    # Weight of the squared gradient at real samples (R1: Mescheder et al., ICML 2018), added at
    # every `r1_every`-th step of the discriminator and so many times as strong (lazily: Karras et
    # al., CVPR 2020); 0: none.
    r1: NonNegativeFloat = 0.0
    r1_every: PositiveInt = 16
    # Weight of (gradient norm - 1)^2 between real and generated samples (Gulrajani et al.); auto:
    # 10 with loss=wasserstein, else 0.
    gradient_penalty: NonNegativeFloat | Literal["auto"] = "auto"
    label_smoothing: float = Field(
        0.0, ge=0, lt=0.5
    )  # of real samples only (Salimans et al. 2016)
    # How often each class is drawn, real and generated alike. balanced: all equally often |
    # as_found: as in the training part.
    class_sampling: Literal["balanced", "as_found"] = "balanced"
    # If the fit does not converge. stop: an error | restart: from new weights | warn: go on, and
    # say so. Losses that are no numbers are never gone on with.
    on_collapse: Literal["stop", "restart", "warn"] = "stop"
    max_restarts: NonNegativeInt = 2  # with on_collapse=restart; after them it is an error
    sample_every: PositiveInt = 5  # epochs between two looks at samples
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    num_threads: PositiveInt | Literal["auto"] = "auto"  # of a CPU; auto: by the size of a batch
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: what is native

    @property
    def samples_per_batch(self) -> int:
        """The batch size."""
        return self.batch_size

    @property
    def accumulate(self) -> int:
        """Batches whose gradients make one step: each network's steps are its batches."""
        return 1
