"""Losses and penalties of GANs against their closed forms."""

import math

import pytest
import torch
from torch.nn import functional

from foldwise.modules.gan_losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    r1_penalty,
)

KINDS = ["non_saturating", "hinge", "wasserstein", "least_squares"]
REAL, FAKE = torch.tensor([2.0, -0.5, 0.3]), torch.tensor([-3.0, 0.4])


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def mean(values):
    return sum(values) / len(values)


def of_real(kind, score, smoothing=0.0):
    target = 1 - smoothing
    return {
        "non_saturating": lambda: (
            -target * math.log(sigmoid(score)) - smoothing * math.log(1 - sigmoid(score))
        ),
        "hinge": lambda: max(0, target - score),
        "wasserstein": lambda: -score,
        "least_squares": lambda: (score - target) ** 2 / 2,
    }[kind]()


def of_fake(kind, score):
    return {
        "non_saturating": lambda: -math.log(1 - sigmoid(score)),
        "hinge": lambda: max(0, 1 + score),
        "wasserstein": lambda: score,
        "least_squares": lambda: score**2 / 2,
    }[kind]()


@pytest.mark.parametrize("kind", KINDS)
def test_the_discriminators_loss_is_the_mean_over_real_plus_that_over_fake(kind):
    expected = mean([of_real(kind, s) for s in REAL.tolist()])
    expected += mean([of_fake(kind, s) for s in FAKE.tolist()])

    assert discriminator_loss(kind, REAL, FAKE).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "wasserstein"])
def test_smoothing_lessens_the_target_of_real_samples_alone(kind):
    expected = mean([of_real(kind, s, 0.1) for s in REAL.tolist()])
    expected += mean([of_fake(kind, s) for s in FAKE.tolist()])

    assert discriminator_loss(kind, REAL, FAKE, 0.1).item() == pytest.approx(expected, rel=1e-5)


def test_without_targets_nothing_is_smoothed():
    with pytest.raises(ValueError, match=r"label_smoothing is 0.1, .*'wasserstein'"):
        discriminator_loss("wasserstein", REAL, FAKE, 0.1)


@pytest.mark.parametrize(
    ("kind", "of_score"),
    [
        ("non_saturating", lambda s: -math.log(sigmoid(s))),
        ("hinge", lambda s: -s),
        ("wasserstein", lambda s: -s),
        ("least_squares", lambda s: (s - 1) ** 2 / 2),
    ],
)
def test_the_generators_loss_falls_with_its_score(kind, of_score):
    expected = mean([of_score(s) for s in FAKE.tolist()])

    assert generator_loss(kind, FAKE).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_large_scores_give_finite_losses_and_gradients(kind):
    real = torch.tensor([-200.0, 200.0], requires_grad=True)
    fake = torch.tensor([-200.0, 200.0], requires_grad=True)

    loss = discriminator_loss(kind, real, fake) + generator_loss(kind, fake)
    loss.backward()

    assert loss.isfinite()
    assert real.grad.isfinite().all()
    assert fake.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_of_half_precision_give_losses_of_full_precision(kind):
    real, fake = REAL.bfloat16(), FAKE.bfloat16()

    assert discriminator_loss(kind, real, fake).dtype == torch.float32
    torch.testing.assert_close(generator_loss(kind, fake), generator_loss(kind, fake.float()))


def test_the_original_games_value_is_the_divergence_between_the_two():
    """At D* = log(p / q) the loss is 2 log 2 - 2 JSD(p, q) (Goodfellow et al., 2014)."""
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.3, 0.6])
    best = torch.log(p / q)
    counts = torch.tensor([50, 30, 20]), torch.tensor([10, 30, 60])
    real, fake = (best.repeat_interleave(count) for count in counts)
    middle = (p + q) / 2
    divergence = ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2

    loss = discriminator_loss("non_saturating", real, fake)

    assert loss.item() == pytest.approx(2 * math.log(2) - 2 * divergence.item(), rel=1e-5)


def quadratic(matrix):
    """D(x) = x' A x / 2, whose gradient is A x where A is symmetric."""
    return lambda x: ((x.flatten(1) @ matrix) * x.flatten(1)).sum(1) / 2


def symmetric(size=6):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return matrix + matrix.T


def test_r1_is_the_mean_squared_gradient_at_real_samples():
    matrix, real = symmetric(), torch.randn(5, 1, 2, 3, dtype=torch.float64)
    expected = (real.flatten(1) @ matrix).square().sum(1).mean()

    penalty = r1_penalty(quadratic(matrix), real)

    assert penalty.item() == pytest.approx(expected.item(), rel=1e-5)


def test_r1_teaches_the_discriminator():
    matrix = symmetric().float().requires_grad_()
    real = torch.randn(5, 6)

    r1_penalty(quadratic(matrix), real).backward()

    # grad D = (A + A') x / 2 =: S x, and d|S x|^2 / dA = S x x' + x x' S, as S is symmetric
    both = (matrix.detach() + matrix.detach().T) / 2
    outer = real.T @ real / len(real)
    torch.testing.assert_close(matrix.grad, both @ outer + outer @ both, rtol=1e-4, atol=1e-5)
    assert not real.requires_grad


def test_the_gradient_penalty_of_a_linear_critic_is_known_wherever_it_is_taken():
    weight = torch.randn(6)
    real, fake = torch.randn(5, 6), torch.randn(5, 6)

    penalty = gradient_penalty(lambda x: x @ weight, real, fake, torch.Generator())

    assert penalty.item() == pytest.approx((weight.norm().item() - 1) ** 2, rel=1e-4)


def test_the_gradient_penalty_is_taken_between_real_and_fake_each_pair_at_its_own_place():
    seen, matrix = [], symmetric().float()
    real, fake = torch.zeros(200, 6), torch.ones(200, 6)

    def critic(x):
        seen.append(x.detach().clone())
        return quadratic(matrix)(x)

    penalty = gradient_penalty(critic, real, fake, torch.Generator().manual_seed(3))

    places = seen[0]
    assert torch.equal(places, places[:, :1].expand(-1, 6))  # on the line between the two
    assert places.min() >= 0
    assert places.max() <= 1
    assert places[:, 0].mean().item() == pytest.approx(0.5, abs=4 / math.sqrt(12 * 200))
    assert places[:, 0].var().item() == pytest.approx(1 / 12, abs=0.02)
    expected = ((places @ matrix).norm(dim=1) - 1).square().mean()
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_gradient_penalty_pulls_the_gradients_length_to_one():
    weight = torch.full((6,), 0.1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)

    for _ in range(200):
        optimizer.zero_grad()
        gradient_penalty(
            lambda x: x @ weight, torch.randn(4, 6), torch.randn(4, 6), torch.Generator()
        ).backward()
        optimizer.step()

    assert weight.detach().norm().item() == pytest.approx(1, abs=1e-3)


def test_penalties_teach_no_generator_and_work_where_gradients_are_off():
    fake = torch.randn(4, 6, requires_grad=True)
    weight = torch.randn(6, requires_grad=True)

    with torch.no_grad():
        assert r1_penalty(lambda x: x @ weight, torch.randn(4, 6)) >= 0
    gradient_penalty(
        lambda x: functional.softplus(x @ weight), torch.randn(4, 6), fake, torch.Generator()
    ).backward()

    assert fake.grad is None
    assert weight.grad.any()
