"""From a network's parameters to a generator and its discriminator."""

from torch import nn

from foldwise.errors import UserError
from foldwise.models.gan.config import (
    ConvolutionalGanConfig,
    DenseGanConfig,
    GanModelConfig,
    GanNetworkConfig,
    RecurrentGanConfig,
)
from foldwise.models.gan.convolutional import ConvolutionalDiscriminator, ConvolutionalGenerator
from foldwise.models.gan.dense import DenseDiscriminator, DenseGenerator
from foldwise.models.gan.initialisation import RECTIFIER_GAIN, draw_weights, normalise_spectrum
from foldwise.models.gan.networks import GanNetworks
from foldwise.models.gan.recurrent import (
    GruDiscriminator,
    RecurrentGenerator,
    StepConvolutionDiscriminator,
)
from foldwise.models.input_spec import ImageSpec, SeriesSpec


class GanModelError(UserError):
    """A generative network does not go with the samples."""


def build_gan(
    config: GanModelConfig, spec: ImageSpec | SeriesSpec, num_classes: int
) -> GanNetworks:
    """Build a generator of samples and its discriminator.

    The weights are drawn from torch's global generator: seed it, and they are always the same.

    Args:
        config: Which networks, and their parameters.
        spec: Of the samples.
        num_classes: K; labels are 0 to K - 1. Without meaning where the config is unconditional.

    Raises:
        UserError: The networks cannot make such samples.
    """
    _require_fitting(config, spec)
    generator, discriminator = _build(config, spec, num_classes if config.conditional else 0)
    draw_weights(generator, config.init)
    draw_weights(discriminator, config.init, RECTIFIER_GAIN)
    if config.spectral_norm:
        normalise_spectrum(discriminator)
    return GanNetworks(generator, discriminator)


def _build(
    config: GanModelConfig, spec: ImageSpec | SeriesSpec, num_classes: int
) -> tuple[nn.Module, nn.Module]:
    match config, spec:
        case DenseGanConfig(), ImageSpec():
            return (
                DenseGenerator(config, spec, num_classes),
                DenseDiscriminator(config, spec, num_classes),
            )
        case ConvolutionalGanConfig(), ImageSpec():
            return (
                ConvolutionalGenerator(config, spec, num_classes),
                ConvolutionalDiscriminator(config, spec, num_classes),
            )
        case RecurrentGanConfig(), SeriesSpec():
            is_gru = config.discriminator == "gru"
            discriminator = GruDiscriminator if is_gru else StepConvolutionDiscriminator
            return (
                RecurrentGenerator(config, spec, num_classes),
                discriminator(config, spec, num_classes),
            )
    raise AssertionError(f"{type(config).__name__} was let through for {type(spec).__name__}.")


def _require_fitting(config: GanNetworkConfig, spec: ImageSpec | SeriesSpec) -> None:
    found = "images" if isinstance(spec, ImageSpec) else "series"
    if config.makes != found:
        allowed = "gan, dcgan, cgan, wgan_gp, hinge" if found == "images" else "recurrent"
        raise GanModelError(
            f"model.name {config.name!r} makes {config.makes}, but the samples are {found}. "
            f"Allowed for {found}: {allowed}."
        )
