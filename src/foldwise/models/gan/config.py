"""Which generative adversarial network to build and its shape. Free of torch."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from foldwise.config import Config, ListInText

GanLoss = Literal["non_saturating", "hinge", "wasserstein", "least_squares"]
# normal: deviation 0.02 (Radford et al., 2016); orthogonal: Saxe et al. (ICLR 2014), as Brock et
# al. (ICLR 2019) draw both networks.
GanInitialisation = Literal["normal", "orthogonal"]
LatentSize = Annotated[int, Field(ge=1, le=4096)]
GanWidth = Annotated[int, Field(ge=1, le=4096)]
GanWidths = Annotated[tuple[GanWidth, ...], ListInText, Field(min_length=1, max_length=8)]


class GanNetworkConfig(Config):
    """What the networks of all generators and discriminators have in common."""

    makes: ClassVar[Literal["images", "series"]] = "images"

    name: str
    latent_size: LatentSize = 64  # standard normal numbers from which a sample is made
    # Whether samples are made of a class: both networks are told which. Needed by all that asks
    # for samples of one class, such as balance.method gan.
    conditional: bool = False
    loss: GanLoss = "non_saturating"
    init: GanInitialisation = "normal"


class DenseGanConfig(GanNetworkConfig):
    """Two dense networks (Goodfellow et al., NeurIPS 2014), for images of any size.

    The generator has batch norm, the discriminator has none.
    """

    name: Literal["gan"] = "gan"
    widths: GanWidths = (256, 512)  # from the latents to the image; back in the discriminator
    spectral_norm: bool = False  # of the discriminator's layers


class ConvolutionalGanConfig(GanNetworkConfig):
    """Strided convolutions that double, and halve, the sides of an image step by step."""

    # From the smallest map to the largest; the discriminator has them the other way round. As
    # many as there are doublings: with two, an image of 28 px grows from 7. auto: as many as
    # leave a smallest map of at least 4 px (2 px, if it takes no more than two), and widths that
    # halve with each doubling: 96 and 48 for 28 px.
    widths: GanWidths | Literal["auto"] = "auto"
    hidden_size: GanWidth = 128  # features of the dense layer behind the discriminator's maps
    spectral_norm: bool = False  # of the discriminator's layers (Miyato et al., ICLR 2018)


class DcganConfig(ConvolutionalGanConfig):
    """DCGAN (Radford et al., ICLR 2016): batch norm in both networks."""

    name: Literal["dcgan"] = "dcgan"


class CganConfig(ConvolutionalGanConfig):
    """Makes images of a class: conditional batch norm and a projection discriminator.

    Miyato and Koyama (ICLR 2018).
    """

    name: Literal["cgan"] = "cgan"
    conditional: Literal[True] = True
    loss: GanLoss = "hinge"
    init: GanInitialisation = "orthogonal"
    spectral_norm: bool = True


class WganGpConfig(ConvolutionalGanConfig):
    """A critic with a gradient penalty, without batch norm (Gulrajani et al., NeurIPS 2017)."""

    name: Literal["wgan_gp"] = "wgan_gp"
    loss: GanLoss = "wasserstein"
    init: GanInitialisation = "orthogonal"


class HingeGanConfig(ConvolutionalGanConfig):
    """Spectral norm and the hinge loss (Miyato et al., ICLR 2018), conditional or not."""

    name: Literal["hinge"] = "hinge"
    conditional: bool = True
    loss: GanLoss = "hinge"
    init: GanInitialisation = "orthogonal"
    spectral_norm: bool = True


class RecurrentGanConfig(GanNetworkConfig):
    """A GRU that makes series from noise at each step (RCGAN, Esteban et al., 2017)."""

    makes: ClassVar[Literal["images", "series"]] = "series"

    name: Literal["recurrent"] = "recurrent"
    latent_size: LatentSize = 16  # at each step
    conditional: bool = True
    # With hinge and both rates of Adam at 0.001, generated sinusoids (three frequencies, 24 steps,
    # 600 real ones) were all of their class after 400 steps of 32 series; with non_saturating and
    # the rates 0.0002 and 0.0004 it took over 700.
    loss: GanLoss = "hinge"
    init: GanInitialisation = "orthogonal"
    width: GanWidth = 64  # of the hidden layers of both networks
    num_layers: int = Field(1, ge=1, le=4)  # of GRUs, one upon another
    # conv: convolutions along time; gru: a GRU in both directions, as in the paper
    discriminator: Literal["conv", "gru"] = "conv"
    spectral_norm: bool = True  # of the discriminator's layers; not with a GRU

    @model_validator(mode="before")
    @classmethod
    def _without_norm_in_a_gru(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("discriminator") == "gru":
            return {"spectral_norm": False, **given}
        return given

    @model_validator(mode="after")
    def _is_possible(self) -> "RecurrentGanConfig":
        if self.discriminator == "gru" and self.spectral_norm:
            raise ValueError(
                "spectral_norm is true, but discriminator is 'gru', whose weights are not "
                "normalised. Take spectral_norm false, or discriminator 'conv'."
            )
        return self


GanModelConfig = Annotated[
    DenseGanConfig | DcganConfig | CganConfig | WganGpConfig | HingeGanConfig | RecurrentGanConfig,
    Field(discriminator="name"),
]
