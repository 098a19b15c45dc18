import pytest
import torch
from torch import nn

from foldwise.models.masked_norm import MaskedBatchNorm
from foldwise.models.real_steps import PaddedSteps

NUM_CHANNELS, NUM_STEPS = 5, 8
LENGTHS = torch.tensor([8, 3, 1, 6])
MASK = (torch.arange(NUM_STEPS) < LENGTHS[:, None])[:, None, None]  # (B, 1, 1, T)
STEPS = PaddedSteps(MASK)


def draw_features(offset=3.0):
    generator = torch.Generator().manual_seed(0)
    size = len(LENGTHS), NUM_CHANNELS, 1, NUM_STEPS
    return torch.randn(size, generator=generator) * 2 + offset


def make_pair(**options):
    torch.manual_seed(0)
    norms = nn.BatchNorm1d(NUM_CHANNELS, **options), MaskedBatchNorm(NUM_CHANNELS, **options)
    weight, bias = torch.rand(NUM_CHANNELS) + 0.5, torch.randn(NUM_CHANNELS)
    for norm in norms:
        if norm.affine:
            norm.load_state_dict({**norm.state_dict(), "weight": weight, "bias": bias})
    return norms


def list_of_real(x):
    """Return the real steps one below the other, (B, C, 1, T) -> (N, C), as torch's norm takes."""
    return x.squeeze(2).transpose(1, 2)[MASK.flatten(1)]


@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_it_is_torchs_batch_norm_over_the_real_steps(momentum):
    reference, masked = make_pair(momentum=momentum)
    for offset in (3.0, -1.0):
        x = draw_features(offset).requires_grad_()
        y = draw_features(offset).requires_grad_()
        seen_gradients = torch.arange(1.0, 1 + int(LENGTHS.sum()))[:, None]

        expected = reference(list_of_real(x))
        actual = list_of_real(masked(y, STEPS))
        (expected.square() * seen_gradients).sum().backward()
        (actual.square() * seen_gradients).sum().backward()

        torch.testing.assert_close(actual, expected)
        torch.testing.assert_close(y.grad, x.grad, rtol=1e-4, atol=1e-3)
    assert dict(masked.state_dict()).keys() == dict(reference.state_dict()).keys()
    torch.testing.assert_close(masked.state_dict(), reference.state_dict())
    for ours, torchs in zip(masked.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, torchs.grad, rtol=1e-4, atol=1e-3)

    masked.eval()
    reference.eval()
    torch.testing.assert_close(list_of_real(masked(x, STEPS)), reference(list_of_real(x)))


@pytest.mark.parametrize("steps", [None, PaddedSteps(torch.ones_like(MASK))], ids=["none", "all"])
def test_without_padding_it_is_torchs_batch_norm(steps):
    reference, masked = make_pair()
    x = draw_features()

    row = x.squeeze(2)
    torch.testing.assert_close(masked(x, steps).squeeze(2), reference(row))
    torch.testing.assert_close(masked.state_dict(), reference.state_dict())
    torch.testing.assert_close(masked.eval()(x, steps).squeeze(2), reference.eval()(row))


@pytest.mark.parametrize("is_training", [True, False])
def test_padding_is_zero_behind_it_whatever_it_was(is_training):
    _, masked = make_pair()
    x = draw_features().masked_fill(~MASK, 1e4)

    normed = masked.train(is_training)(x, STEPS)

    assert torch.equal(normed.masked_fill(MASK, 0), torch.zeros_like(normed))
    assert normed.masked_fill(~MASK, 0).abs().max() < 20


def test_statistics_far_from_zero_are_not_lost():
    _, masked = make_pair()
    x = draw_features(offset=1000.0).masked_fill(~MASK, 0)

    normed = list_of_real(
        (masked(x, STEPS) - masked.bias[:, None, None]) / masked.weight[:, None, None]
    )

    torch.testing.assert_close(
        normed.std(0, correction=0), torch.ones(NUM_CHANNELS), rtol=1e-3, atol=0
    )


def test_half_precision_is_summed_in_single():
    _, masked = make_pair()
    x = draw_features()

    halved = masked(x.bfloat16(), STEPS)

    assert halved.dtype == torch.bfloat16
    torch.testing.assert_close(halved.float(), masked(x, STEPS), rtol=0.05, atol=0.05)
