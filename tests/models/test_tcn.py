import pytest
import torch
from torch import nn

from foldwise.models import tcn
from foldwise.models.config.temporal import TcnConfig, receptive_field
from foldwise.models.input_spec import SeriesSpec

NUM_STEPS = 40


def build(num_steps=NUM_STEPS, **parameters):
    torch.manual_seed(0)
    return tcn.build(TcnConfig(dropout=0.0, width=6, **parameters), SeriesSpec(2, num_steps), 3)


def draw_series(num_steps=NUM_STEPS):
    generator = torch.Generator().manual_seed(0)
    channels = torch.randn(2, num_steps, 2, generator=generator)
    return torch.cat([channels, torch.ones(2, num_steps, 1)], dim=2)


@pytest.mark.parametrize("norm", ["weight", "none", "batch"])
@pytest.mark.parametrize("step", [0, 17, NUM_STEPS - 2])
def test_what_comes_later_changes_no_output_of_any_layer(norm, step):
    network = build(norm=norm, kernel_size=3).train(norm != "batch")
    series = draw_series()
    changed = series.clone()
    changed[:, step + 1 :, :2] += 5

    pairs = list(zip(network.step_outputs(series), network.step_outputs(changed), strict=True))

    assert len(pairs) == 4
    for before, after in pairs:
        assert torch.equal(before[..., : step + 1], after[..., : step + 1])
        assert not torch.equal(before[..., step + 1 :], after[..., step + 1 :])


def test_every_convolution_inside_is_causal_too():
    network, outputs = build(), []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, args, output: outputs.append(output))
    series = draw_series()
    changed = series.clone()
    changed[:, 20:, :2] += 5

    network(series)
    network(changed)

    half = len(outputs) // 2
    assert half == 2 * 3 + 1  # of three blocks, the first with a convolution past it
    for before, after in zip(outputs[:half], outputs[half:], strict=True):
        assert torch.equal(before[..., :20], after[..., :20])


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("num_levels", [1, 2, 4])
def test_the_last_step_sees_as_many_steps_as_the_formula_says(kernel_size, num_levels):
    formula = receptive_field(kernel_size, num_levels)
    num_steps = formula + 5
    network = build(num_steps, kernel_size=kernel_size, num_levels=num_levels)
    _without_rectifiers(network)
    series = draw_series(num_steps).requires_grad_()

    network(series).sum().backward()

    has_influence = series.grad[..., :2].abs().sum((0, 2)) > 0
    assert network.receptive_field == formula
    assert has_influence.int().tolist() == [0] * 5 + [1] * formula


def _without_rectifiers(network):
    """Let no path be cut: all weights, biases and inputs of rectifiers are positive."""
    for name, parameter in network.named_parameters():
        if not name.startswith("head"):
            parameter.data.abs_().add_(0.01)
    network.input.register_forward_hook(lambda m, args, out: (out[0].abs(), out[1]))
    nn.init.ones_(network.head.weight)


@pytest.mark.parametrize("num_steps", [1, 9, 10, 128, 1460, 100_000])
def test_by_default_the_last_step_sees_the_longest_sequence(num_steps):
    levels = TcnConfig().levels_for(num_steps)

    assert 2 <= levels <= 10
    assert receptive_field(5, levels) >= num_steps or levels == 10
    assert receptive_field(5, levels - 1) < num_steps or levels == 2


def test_weight_norm_parts_lengths_of_filters_from_their_directions():
    network = build(norm="weight")
    convolution = network.block1.first.convolution

    lengths = convolution.weight.flatten(1).norm(dim=1)

    torch.testing.assert_close(
        lengths, convolution.parametrizations.weight.original0.flatten().abs()
    )


def test_the_number_of_parameters():
    network = build(norm="none", kernel_size=3, num_levels=2)

    first = (2 * 3 + 1) * 6 + (6 * 3 + 1) * 6 + (2 + 1) * 6
    second = 2 * (6 * 3 + 1) * 6
    head = (6 + 1) * 3
    assert sum(p.numel() for p in network.parameters()) == first + second + head
