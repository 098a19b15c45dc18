import copy

import pytest
import torch
from torch import nn

from foldwise.models.build import build_cnn
from foldwise.models.config import MobileNetV2Config, ResNet34Config, WideResNetConfig
from foldwise.models.stochastic_depth import drop_branches


class Branch(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 3, 1)


def test_in_training_a_part_of_the_samples_loses_the_branch_and_the_mean_stays():
    torch.manual_seed(0)
    branch = Branch()
    x = torch.randn(4000, 3, 2, 2)
    expected = branch(x)
    drop_branches([branch], 0.3)

    dropped = branch(x)

    is_lost = (dropped == 0).all(dim=(1, 2, 3))
    assert is_lost.float().mean().item() == pytest.approx(0.3, abs=0.03)
    torch.testing.assert_close(dropped[~is_lost], expected[~is_lost] / 0.7)


def test_in_evaluation_nothing_is_lost_in_copies_too():
    branch = Branch()
    x = torch.randn(50, 3, 2, 2)
    expected = branch(x)
    drop_branches([branch], 0.9)
    copied = copy.deepcopy(branch).eval()

    assert torch.equal(copied(x), expected)
    assert not torch.equal(branch(x), expected)


@pytest.mark.parametrize(
    ("config", "num_branches"),
    [(ResNet34Config, 16), (WideResNetConfig, 6), (MobileNetV2Config, 10)],
)
def test_the_rate_rises_linearly_to_the_last_branch(config, num_branches):
    from torchvision.ops import StochasticDepth

    with torch.device("meta"):
        network = build_cnn(config(stochastic_depth=0.5), (3, 32, 32), 10)

    rates = [module.p for module in network.modules() if isinstance(module, StochasticDepth)]

    expected = [0.5 * index / num_branches for index in range(1, num_branches + 1)]
    assert rates == pytest.approx(expected)


def test_names_in_the_state_dict_stay():
    branch = Branch()
    names = list(branch.state_dict())

    drop_branches([branch], 0.2)

    assert list(branch.state_dict()) == names


def test_a_rate_of_zero_changes_nothing():
    branch = Branch()

    drop_branches([branch], 0)

    assert list(branch.children()) == []
