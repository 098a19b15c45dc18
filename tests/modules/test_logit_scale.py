import pytest
import torch
from torch import nn

from foldwise.data.balance import BalanceConfig
from foldwise.data.balance.config import METHODS
from foldwise.modules.logit_scale import absorb_scale


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bias", [True, False])
def test_the_network_gives_the_logits_that_its_loss_saw(method, bias):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3, bias))
    inputs = torch.randn(6, 4)
    before = network(inputs)
    balance = BalanceConfig.of(method=method)
    absorb_scale(network, balance)
    scale = 30 if method == "ldam_drw" else 1
    torch.testing.assert_close(network(inputs), scale * before)
