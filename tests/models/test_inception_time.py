import pytest
import torch
from torch import nn

from foldwise.models import inception_time
from foldwise.models.config.temporal import InceptionTimeConfig
from foldwise.models.inception_time import StepMaxPooling
from foldwise.models.input_spec import SeriesSpec
from foldwise.models.real_steps import PaddedSteps


def build(num_channels=1, num_outputs=2, **parameters):
    torch.manual_seed(0)
    config = InceptionTimeConfig(**parameters)
    return inception_time.build(config, SeriesSpec(num_channels, 128), num_outputs)


def module_size(num_in):
    seen = 32 if num_in > 1 else 1
    bottleneck = num_in * 32 if num_in > 1 else 0
    return bottleneck + seen * 32 * (39 + 19 + 9) + num_in * 32 + 2 * 128


@pytest.mark.parametrize(("num_channels", "count"), [(1, 388_610), (6, 456_066)])
def test_the_number_of_parameters(num_channels, count):
    network = build(num_channels)

    modules = module_size(num_channels) + 5 * module_size(128)
    shortcuts = (num_channels * 128 + 2 * 128) + 2 * 128
    if num_channels == 1:
        assert isinstance(network.block1.inception[0].bottleneck, nn.Identity)
    assert sum(p.numel() for p in network.parameters()) == modules + shortcuts + 129 * 2 == count


@pytest.mark.parametrize(
    ("depth", "modules", "shortcuts"),
    [
        (1, [1], [False]),
        (3, [3], [True]),
        (6, [3, 3], [True] * 2),
        (7, [3, 3, 1], [True, True, False]),
    ],
)
def test_a_shortcut_goes_past_every_three_modules(depth, modules, shortcuts):
    network = build(depth=depth, num_filters=2)

    stages = [stage for name, stage in network.named_children() if name.startswith("block")]

    assert [len(stage.inception) for stage in stages] == modules
    assert [stage.shortcut is not None for stage in stages] == shortcuts


def test_the_paper_makes_32_filters_of_39_19_and_9_steps_and_of_a_maximum_over_3():
    module = build(6).block1.inception[0]
    x = torch.randn(2, 6, 1, 50)

    long = [convolution.weight.shape for convolution in module.convolutions]

    assert long == [(32, 32, 1, 39), (32, 32, 1, 19), (32, 32, 1, 9)]
    assert module.pooled.weight.shape == (32, 6, 1, 1)
    assert torch.equal(module.pooling(x, None)[:, :, 0], nn.MaxPool1d(3, 1, padding=1)(x[:, :, 0]))
    assert module(x, None).shape == (2, 128, 1, 50)


def test_padding_wins_no_maximum_and_gets_none():
    x = torch.tensor([[[[-3.0, -1.0, -2.0, 0.0, 0.0, 0.0]]]])
    steps = PaddedSteps(torch.tensor([[[[True, True, True, False, False, False]]]]))

    pooled = StepMaxPooling(is_rectified=False)(x, steps)
    of_rectified = StepMaxPooling(is_rectified=True)(x.abs() * steps.mask, steps)

    assert pooled.flatten().tolist() == [-1, -1, -1, 0, 0, 0]
    assert of_rectified[steps.mask].tolist() == [3, 3, 2]
