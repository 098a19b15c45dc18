import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from torch import nn

from foldwise.modules.loss_config import (
    HuberLossConfig,
    L1LossConfig,
    MseLossConfig,
    QuantileLossConfig,
)
from foldwise.modules.regression_losses import build_regression_loss, point_outputs

LEVELS = (0.1, 0.5, 0.8)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    outputs, targets = (2 * torch.randn(10, 2, generator=generator) for _ in range(2))
    return outputs, targets, torch.rand(10, generator=generator) + 0.5


@pytest.mark.parametrize(
    ("config", "reference"),
    [
        (MseLossConfig(), nn.MSELoss(reduction="none")),
        (L1LossConfig(), nn.L1Loss(reduction="none")),
        (HuberLossConfig(delta=0.7), nn.HuberLoss(reduction="none", delta=0.7)),
    ],
)
def test_a_loss_is_torchs_weighed_by_sample(batch, config, reference):
    outputs, targets, weights = batch
    expected = (reference(outputs, targets) * weights[:, None]).mean()
    found = build_regression_loss(config)(outputs, targets, weights, 0)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (MseLossConfig(), (1 + 9) / 2),
        (L1LossConfig(), (1 + 3) / 2),
        (HuberLossConfig(delta=2), (1 / 2 + 2 * (3 - 1)) / 2),
        (QuantileLossConfig(quantiles=(0.2,)), (0.2 * 1 + 0.8 * 3) / 2),
    ],
)
def test_formulas_by_hand(config, expected):
    outputs, targets = torch.tensor([[1.0], [5.0]]), torch.tensor([[2.0], [2.0]])
    found = build_regression_loss(config)(outputs, targets, torch.ones(2), 0)
    assert float(found) == pytest.approx(expected)


def test_the_quantile_loss_is_the_mean_of_scikit_learns_by_target_and_level(batch):
    _, targets, _ = batch
    outputs = torch.randn(10, 2 * 3, generator=torch.Generator().manual_seed(1))
    loss = build_regression_loss(QuantileLossConfig(quantiles=LEVELS))
    expected = [
        mean_pinball_loss(targets[:, h].numpy(), outputs[:, 3 * h + q].numpy(), alpha=level)
        for h in range(2)
        for q, level in enumerate(LEVELS)
    ]
    found = loss(outputs, targets, torch.ones(10), 0)
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-6)


def test_points_are_the_medians_of_each_target():
    outputs = torch.arange(12.0).reshape(2, 6)
    found = point_outputs(outputs, QuantileLossConfig(quantiles=LEVELS))
    assert found.tolist() == [[1, 4], [7, 10]]
    assert torch.equal(point_outputs(outputs, MseLossConfig()), outputs)


@pytest.mark.parametrize("shape", [(4,), (4, 2), (1, 1)])
def test_targets_of_another_shape_are_refused_not_broadcast(shape):
    loss = build_regression_loss(MseLossConfig())
    with pytest.raises(ValueError, match=r"they are \(4, 1\) and"):
        loss(torch.zeros(4, 1), torch.zeros(shape), torch.ones(4), 0)


def test_half_precision_loses_nothing_in_the_sum():
    outputs = torch.full((4096, 1), 1.5, dtype=torch.bfloat16)
    loss = build_regression_loss(MseLossConfig())
    assert float(loss(outputs, torch.zeros(4096, 1), torch.ones(4096), 0)) == 2.25
