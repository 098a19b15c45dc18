import pytest
import torch

from foldwise.models.build import build_cnn
from foldwise.models.config import ConvGroupConfig
from foldwise.models.conv_group import ConvGroup


def build(shape: tuple[int, int, int] = (3, 32, 32), **parameters: object) -> ConvGroup:
    torch.manual_seed(0)
    network = build_cnn(ConvGroupConfig.of(**parameters), shape, 10)
    assert isinstance(network, ConvGroup)
    return network


def natural_images(num_images: int, num_channels: int) -> torch.Tensor:
    """Smooth noise: neighbouring pixels and channels are correlated, as in photographs."""
    torch.manual_seed(1)
    noise = torch.randn(num_images, 1, 8, 8)
    smooth = torch.nn.functional.interpolate(noise, (32, 32), mode="bicubic")
    return smooth + 0.1 * torch.randn(num_images, num_channels, 32, 32)


def test_the_standard_network_has_the_published_number_of_parameters():
    # 24 x 12 + 24 whitening; 9 per pair of channels; an offset per channel and batch norm
    pairs = 24 * 64 + 64 * 64 + 64 * 256 + 256 * 256 + 256 * 256 + 256 * 256
    expected = 24 * 12 + 24 + 9 * pairs + 4 * 256 + 2 * 64 + 256 * 10
    factors = sum(p.numel() for n, p in build().named_parameters() if _is_norm_factor(n, p))
    assert sum(p.numel() for p in build().parameters()) - factors == expected


def _is_norm_factor(name: str, parameter: torch.Tensor) -> bool:
    return parameter.ndim == 1 and name.endswith("weight")


@pytest.mark.parametrize("num_channels", [1, 3])
def test_whitened_patches_are_uncorrelated_and_of_unit_variance(num_channels):
    network = build((num_channels, 32, 32))
    images = natural_images(64, num_channels)
    network.initialise_from(images)

    whitened = network.whitening(images)  # (N, 2 D, H, W)
    half = whitened.shape[1] // 2
    flat = whitened[:, :half].transpose(0, 1).flatten(1)
    covariance = (flat @ flat.T / flat.shape[1]).detach()

    off_diagonal = covariance - covariance.diag().diag()
    assert off_diagonal.abs().max() < 1e-3
    assert covariance.diag().sub(1).abs().max() < 0.1  # less where little variance is amplified
    torch.testing.assert_close(whitened[:, half:], -whitened[:, :half])


def test_whitening_stays_as_it_is_in_training_but_its_offset_is_learnt():
    network = build(widths=(8,), depth=1)
    network.initialise_from(natural_images(8, 3))
    before = network.whitening.weight.clone()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(natural_images(8, 3)).square().sum().backward()
    optimizer.step()
    assert torch.equal(network.whitening.weight, before)
    assert network.whitening.bias.abs().max() > 0


def test_a_convolution_starts_by_passing_its_input_on():
    network = build(widths=(32,), depth=1)
    convolution = network.groups[1]
    x = torch.randn(2, 24, 9, 9)
    torch.testing.assert_close(convolution(x)[:, :24], x)
    assert convolution(x)[:, 24:].std() > 0.1


@pytest.mark.parametrize("side", [9, 28, 64])
def test_images_of_any_size_give_logits(side):
    assert build((1, side, side))(torch.randn(2, 1, side, side)).shape == (2, 10)


def test_images_without_detail_are_whitened_without_overflow():
    """A gradient of light alone: only one direction of a patch has variance to speak of."""
    torch.manual_seed(0)
    light = 300 * torch.linspace(-2, 2, 128).expand(128, 128) * torch.randn(200, 1, 1, 1)
    network = build((1, 128, 128))
    network.initialise_from(light)
    assert network.whitening.weight.isfinite().all()
    assert network.whitening(light[:2]).isfinite().all()
