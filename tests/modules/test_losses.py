import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from foldwise.data.balance import BalanceConfig, parse_remedy
from foldwise.data.balance.config import METHODS
from foldwise.modules.loss_config import (
    CrossEntropyLossConfig,
    LossError,
    NllLossConfig,
    PerceptronLossConfig,
)
from foldwise.modules.losses import build_loss, class_losses, focal_losses, ldam_margins

COUNTS = np.array([58, 22, 20])
LDAM_WEIGHTS = torch.tensor((1 - 0.9999) / (1 - 0.9999**COUNTS))


def built(method, *, counts=COUNTS, label_smoothing=0.0, max_epochs=10, loss=None, **parameters):
    config = BalanceConfig.of(method=method, **parameters)
    return build_loss(
        config, counts, label_smoothing=label_smoothing, max_epochs=max_epochs, loss=loss
    )


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(12, 3, generator=generator)
    labels = torch.arange(12) % 3
    weights = torch.rand(12, generator=generator) + 0.5
    return logits, labels, weights


def mixed(labels):
    hard = functional.one_hot(labels, 3).float()
    return 0.7 * hard + 0.3 * hard.roll(1, 0)


@pytest.mark.parametrize("method", ["none", "class_weights", "weighted_sampler", "smote"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_remedies_of_rows_keep_weighted_cross_entropy(batch, method, label_smoothing):
    logits, labels, weights = batch
    loss = built(method, label_smoothing=label_smoothing)
    each = torch.nn.CrossEntropyLoss(reduction="none", label_smoothing=label_smoothing)
    assert torch.equal(loss(logits, labels, weights, 0), (each(logits, labels) * weights).mean())


def test_nll_is_torchs_of_log_softmax_and_so_cross_entropy(batch):
    logits, labels, weights = batch
    log_p = torch.nn.LogSoftmax(dim=1)(logits)
    expected = (torch.nn.NLLLoss(reduction="none")(log_p, labels) * weights).mean()
    found = built("class_weights", loss=NllLossConfig())(logits, labels, weights, 0)
    torch.testing.assert_close(found, expected)
    for targets in (labels, mixed(labels)):
        for smoothing in (0.0, 0.1):
            nll = class_losses(logits, targets, NllLossConfig(), smoothing)
            entropy = class_losses(logits, targets, CrossEntropyLossConfig(), smoothing)
            torch.testing.assert_close(nll, entropy)


def test_the_perceptrons_loss_by_hand():
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    labels, weights = torch.tensor([0, 1]), torch.tensor([1.0, 5.0])
    loss = built("none", loss=PerceptronLossConfig())
    assert float(loss(logits, labels, weights, 0)) == (0 * 1 + (3 - 1) * 5) / 2
    smoothed = built("none", loss=PerceptronLossConfig(), label_smoothing=0.3)
    # each class by its share: the losses of y = 0, 1, 2 are 0, 2, 1
    expected = (0.8 * 0 + 0.1 * 2 + 0.1 * 1) + 5 * (0.1 * 0 + 0.8 * 2 + 0.1 * 1)
    assert float(smoothed(logits, labels, weights, 0)) == pytest.approx(expected / 2)


@pytest.mark.parametrize("method", ["focal", "logit_adjustment", "ldam_drw"])
@pytest.mark.parametrize("loss", [NllLossConfig(), PerceptronLossConfig()])
def test_a_remedy_that_changes_the_loss_allows_no_other(method, loss):
    with pytest.raises(LossError, match=rf"'{method}', which .* with it: auto, cross_entropy"):
        built(method, loss=loss)
    built(method, loss=CrossEntropyLossConfig())


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_focal_with_gamma_zero_is_cross_entropy(batch, label_smoothing):
    logits, labels, weights = batch
    plain = built("none", label_smoothing=label_smoothing)
    focal = built("focal", gamma=0, label_smoothing=label_smoothing)
    for targets in (labels, mixed(labels)):
        expected = plain(logits, targets, weights, 0)
        torch.testing.assert_close(focal(logits, targets, weights, 0), expected)


def test_focal_by_hand():
    probability = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
    found = focal_losses(probability.log(), torch.tensor([2, 1]), gamma=2)
    expected = [-(0.8**2) * np.log(0.2), -(0.2**2) * np.log(0.8)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_focal_of_two_classes_is_torchvisions(batch):
    logits = batch[0][:, :2]
    labels = torch.arange(12) % 2
    expected = sigmoid_focal_loss(logits[:, 1] - logits[:, 0], labels.float(), alpha=-1, gamma=1.5)
    torch.testing.assert_close(focal_losses(logits, labels, gamma=1.5), expected)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_has_a_finite_gradient_where_all_is_certain(gamma):
    logits = torch.tensor([[200.0, 0.0], [200.0, 0.0]], requires_grad=True)
    focal_losses(logits, torch.tensor([0, 1]), gamma).sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[1].abs().max() == pytest.approx(1)


def test_logit_adjustment_by_hand(batch):
    logits, labels, weights = batch
    shifted = logits + 1.5 * torch.tensor(np.log(COUNTS / 100)).float()
    picked = shifted[torch.arange(12), labels]
    expected = ((shifted.exp().sum(1).log() - picked) * weights).mean()
    found = built("logit_adjustment", tau=1.5)(logits, labels, weights, 0)
    torch.testing.assert_close(found, expected)


def test_logit_adjustment_makes_the_balanced_posterior_the_best_logits():
    """Where x tells nothing, the loss is least at equal logits, plain loss at log shares."""
    labels = torch.from_numpy(np.repeat([0, 1, 2], COUNTS))
    for method, expected in (("logit_adjustment", np.zeros(3)), ("none", np.log(COUNTS / 100))):
        logits = torch.zeros(3, requires_grad=True)
        loss = built(method)
        optimizer = torch.optim.LBFGS([logits], max_iter=100)

        def closure(logits=logits, loss=loss, optimizer=optimizer):
            optimizer.zero_grad()
            value = loss(logits.expand(100, 3), labels, torch.ones(100), 0)
            value.backward()
            return value

        optimizer.step(closure)
        found = logits.detach().numpy()
        np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), atol=1e-3)


def test_ldam_margins_by_hand():
    counts = np.array([16, 81, 0, 1])
    np.testing.assert_allclose(ldam_margins(counts, 0.6), [0.3, 0.2, 0, 0.6])


def test_ldam_is_the_papers_loss(batch):
    """s = scale, z = logit: -log exp(s(z_y - m_y)) / (exp(s(z_y - m_y)) + sum exp(s z_j))."""
    logits, labels, weights = (batch[0] / 10).double(), batch[1], batch[2]
    scale, margins = 30, 0.5 * (20 / COUNTS) ** 0.25
    expected = []
    for z, y in zip(logits.numpy(), labels.tolist(), strict=True):
        own = np.exp(scale * (z[y] - margins[y]))
        others = sum(np.exp(scale * z[j]) for j in range(3) if j != y)
        expected.append(-np.log(own / (own + others)))
    found = built("ldam_drw")(logits, labels, weights.double(), 7)
    assert float(found) == pytest.approx(np.mean(expected * weights.numpy()), rel=1e-6)


def test_ldam_weighs_classes_late_by_their_effective_number(batch):
    logits, labels, _ = batch
    loss, ones = built("ldam_drw", max_epochs=10), torch.ones(4)
    per_class = [
        (loss(logits[labels == c], labels[labels == c], ones, 8))
        / loss(logits[labels == c], labels[labels == c], ones, 7)
        for c in range(3)
    ]
    ratios = torch.stack(per_class).double() / per_class[0]
    torch.testing.assert_close(ratios, LDAM_WEIGHTS / LDAM_WEIGHTS[0], rtol=1e-5, atol=0)
    assert float((torch.stack(per_class) * torch.tensor(COUNTS)).sum()) == pytest.approx(100)
    never = built("ldam_drw", reweight_from=1)
    assert never(logits, labels, torch.ones(12), 9) == loss(logits, labels, torch.ones(12), 0)


@pytest.mark.parametrize("method", ["none", "focal", "logit_adjustment", "ldam_drw"])
def test_shares_of_one_class_are_its_label(batch, method):
    logits, labels, weights = batch
    loss, hard = built(method), functional.one_hot(labels, 3).float()
    for epoch in (0, 9):
        expected = loss(logits, labels, weights, epoch)
        torch.testing.assert_close(loss(logits, hard, weights, epoch), expected)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("soft", [False, True])
def test_a_class_without_samples_is_pushed_down_and_breaks_nothing(batch, method, soft):
    labels = batch[1] % 2
    logits = torch.zeros(12, 3, requires_grad=True)
    loss = built(method, counts=np.array([90, 10, 0]), label_smoothing=0.1)
    for epoch in (0, 9):
        logits.grad = None
        targets = functional.one_hot(labels, 3).float() if soft else labels
        value = loss(logits, targets, torch.ones(12), epoch)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()
        assert logits.grad[:, 2].sum() > 0  # a step down the gradient lowers its logit


@pytest.mark.parametrize(("label", "told"), [(-1, "-1"), (3, "3")])
def test_a_label_that_is_no_class_is_refused_with_its_row(batch, label, told):
    logits, labels, weights = batch
    labels[5] = label
    with pytest.raises(ValueError, match=rf"Row 5 .* label {told}, but allowed are 0 to 2"):
        built("none")(logits, labels, weights, 0)


def test_a_combination_has_the_loss_of_its_method(batch):
    logits, labels, weights = batch
    combined = build_loss(
        parse_remedy("focal+threshold"), COUNTS, label_smoothing=0, max_epochs=10
    )
    assert combined(logits, labels, weights, 0) == built("focal")(logits, labels, weights, 0)
