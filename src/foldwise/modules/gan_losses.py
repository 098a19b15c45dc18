"""What a generator and its discriminator are trained to lessen.

B: batch. Scores are logits (B,), the higher the more real. All losses are means, in float32.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from foldwise.models.gan.config import GanLoss

Critic = Callable[[Tensor], Tensor]  # from samples (B, ...) to scores (B,)


def generator_loss(kind: GanLoss, fake_scores: Tensor) -> Tensor:
    """Return the loss of a generator.

    non_saturating: -log sigmoid(D(x)) (Goodfellow et al., NeurIPS 2014); least_squares:
    (D(x) - 1)^2 / 2 (Mao et al., ICCV 2017); hinge (Miyato et al., ICLR 2018) and wasserstein
    (Arjovsky et al., ICML 2017): -D(x).

    Args:
        kind: Which loss.
        fake_scores: (B,), of generated samples.
    """
    fake_scores = fake_scores.float()
    if kind == "non_saturating":
        return functional.softplus(-fake_scores).mean()
    if kind == "least_squares":
        return (fake_scores - 1).square().mean() / 2
    return -fake_scores.mean()


def discriminator_loss(
    kind: GanLoss, real_scores: Tensor, fake_scores: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Return the loss of a discriminator: the mean over real samples plus that over generated.

    With s for `label_smoothing`: non_saturating is the cross-entropy with the target 1 - s for
    real samples and 0 for generated ones (one-sided, Salimans et al., NeurIPS 2016); least_squares
    is (D(x) - (1 - s))^2 / 2 + D(g)^2 / 2; hinge is max(0, 1 - s - D(x)) + max(0, 1 + D(g)), so
    that real samples need not reach the full margin; wasserstein, D(g) - D(x), has no targets.

    Args:
        kind: Which loss.
        real_scores: (B,), of real samples.
        fake_scores: (B',), of generated samples.
        label_smoothing: In 0..1; by how much the target of real samples is lessened.

    Raises:
        ValueError: Smoothing is asked for where there are no targets.
    """
    real, fake = real_scores.float(), fake_scores.float()
    target = 1 - label_smoothing
    match kind:
        case "non_saturating":
            of_real = functional.binary_cross_entropy_with_logits(
                real, torch.full_like(real, target)
            )
            return of_real + functional.softplus(fake).mean()
        case "least_squares":
            return (real - target).square().mean() / 2 + fake.square().mean() / 2
        case "hinge":
            return functional.relu(target - real).mean() + functional.relu(1 + fake).mean()
        case "wasserstein":
            if label_smoothing:
                raise ValueError(
                    f"label_smoothing is {label_smoothing}, but the loss 'wasserstein' knows no "
                    "labels. Allowed: 0."
                )
            return fake.mean() - real.mean()


def r1_penalty(critic: Critic, real: Tensor) -> Tensor:
    """Return the mean squared gradient of scores by real samples, E |grad D(x)|^2.

    R1 (Mescheder et al., ICML 2018), where it is multiplied by gamma / 2. It is differentiable by
    the discriminator's parameters.

    Args:
        critic: The discriminator, its labels given.
        real: (B, ...), real samples.
    """
    return _gradients(critic, real).square().sum(1).mean()


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator
) -> Tensor:
    """Return E (|grad D(x)| - 1)^2 at random places between real and generated samples.

    WGAN-GP (Gulrajani et al., NeurIPS 2017), where it is multiplied by 10. It is differentiable by
    the critic's parameters.

    Args:
        critic: The discriminator, its labels given; each score may depend on its sample alone.
        real: (B, ...), real samples.
        fake: (B, ...), generated samples.
        generator: On the CPU; decides how far between the two each place lies.
    """
    shares = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator).to(real)
    between = fake.detach().to(real.dtype).lerp(real.detach(), shares)
    norms: Tensor = torch.linalg.vector_norm(_gradients(critic, between), dim=1)
    return (norms - 1).square().mean()


def _gradients(critic: Critic, samples: Tensor) -> Tensor:
    """Return the gradient of each sample's score by the sample, (B, D), in float32."""
    samples = samples.detach().requires_grad_()
    with torch.enable_grad():
        total = critic(samples).sum()
    (gradients,) = torch.autograd.grad(total, samples, create_graph=True)
    return gradients.flatten(1).float()
