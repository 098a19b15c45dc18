import copy

import pytest
import torch
from fixed_batches import Batches
from pytorch_lightning import Trainer
from torch import nn
from torch.nn import functional

from foldwise.models.gan.networks import GanNetworks
from foldwise.modules.gan import GanDivergedError, GanModule
from foldwise.modules.gan_config import GanFitConfig
from foldwise.seeds import derive_seed

NUM, LATENT = 24, 3


class Generator(nn.Module):
    latent_shape = (LATENT,)

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(LATENT + 2, 8, bias=False),
            nn.BatchNorm1d(8),
            nn.ReLU(),
            nn.Linear(8, 16),
            nn.Tanh(),
        )

    def forward(self, latents, labels):
        classes = functional.one_hot(labels, 2).to(latents)
        return self.layers(torch.cat([latents, classes], 1)).view(-1, 1, 4, 4)


class Discriminator(nn.Module):
    # Without the last bias: its gradient by the hinge loss is 0 but for rounding, which Adam would
    # make a whole step of.
    def __init__(self, *, has_norm=False):
        super().__init__()
        norm = [nn.BatchNorm1d(8)] if has_norm else []
        self.layers = nn.Sequential(
            nn.Linear(18, 8, bias=not has_norm), *norm, nn.Tanh(), nn.Linear(8, 1, bias=False)
        )

    def forward(self, samples, labels):
        classes = functional.one_hot(labels, 2).to(samples)
        return self.layers(torch.cat([samples.flatten(1), classes], 1))[:, 0]


def networks(**values):
    torch.manual_seed(0)
    return GanNetworks(Generator(), Discriminator(**values))


def both(pair):
    return pair.generator, pair.discriminator


def batches(size):
    generator = torch.Generator().manual_seed(1)
    real = torch.rand(NUM, 1, 4, 4, generator=generator) * 2 - 1
    labels = torch.arange(NUM) % 2
    return Batches(
        *zip(real.split(size), labels.split(size), torch.ones(NUM).split(size), strict=True)
    )


def trained(pair, fit, data, *, loss="hinge", steps=1, penalty=0.0, epochs=1, precision="32-true"):
    module = GanModule(
        pair, fit, loss, discriminator_steps=steps, gradient_penalty=penalty, seed=7
    )
    Trainer(
        max_epochs=epochs,
        precision=precision,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(module, data)
    return module


def bare_loop(pair, fit, data, *, steps, penalty):
    """The game as the papers write it, by the hinge loss; return the losses of each step."""
    generator, discriminator = pair.generator, pair.discriminator
    of_generator, of_discriminator = (
        torch.optim.Adam(network.parameters(), config.lr, config.betas, fused=True)
        for network, config in ((generator, fit.generator), (discriminator, fit.discriminator))
    )
    random, losses, count = torch.Generator(), [], 0
    for number, (real_batch, label_batch, _) in enumerate(data.batches):
        random.manual_seed(derive_seed(7, 0, number, "step"))
        of_steps = []
        for real, labels in zip(real_batch.chunk(steps), label_batch.chunk(steps), strict=True):
            fake = generator(torch.randn(len(real), LATENT, generator=random), labels)
            scores = discriminator(real, labels), discriminator(fake.detach(), labels)
            loss = (1 - scores[0]).relu().mean() + (1 + scores[1]).relu().mean()
            of_steps.append(loss.item())
            if penalty:
                shares = torch.rand(len(real), 1, 1, 1, generator=random)
                between = (shares * real + (1 - shares) * fake.detach()).requires_grad_()
                (slope,) = torch.autograd.grad(
                    discriminator(between, labels).sum(), between, create_graph=True
                )
                loss = loss + penalty * ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
            if fit.r1 and count % fit.r1_every == 0:
                at = real.clone().requires_grad_()
                (slope,) = torch.autograd.grad(
                    discriminator(at, labels).sum(), at, create_graph=True
                )
                loss = loss + fit.r1 / 2 * fit.r1_every * (slope.flatten(1) ** 2).sum(1).mean()
            of_discriminator.zero_grad()
            loss.backward()
            of_discriminator.step()
            count += 1
        loss = -discriminator(fake, labels).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
        losses.append((loss.item(), sum(of_steps) / steps))
    return losses


@pytest.mark.parametrize("has_norm", [False, True])
@pytest.mark.parametrize(
    ("steps", "penalty", "values"),
    [(1, 0.0, {}), (2, 0.0, {"r1": 2.0, "r1_every": 3}), (3, 10.0, {})],
)
def test_it_plays_the_game_of_a_bare_loop(steps, penalty, values, has_norm):
    fit = GanFitConfig(generator={"lr": 0.01}, discriminator={"lr": 0.02}, ema_decay=0, **values)
    if has_norm and penalty:
        pytest.skip("a penalty of each sample alone is not for batch norm")
    data = batches(6)
    ours, theirs = networks(has_norm=has_norm), networks(has_norm=has_norm)
    module = trained(ours, fit, data, steps=steps, penalty=penalty)
    expected = bare_loop(theirs, fit, data, steps=steps, penalty=penalty)
    epoch = module.finish_epoch()
    pairs = list(zip(epoch.generator_losses, epoch.discriminator_losses, strict=True))
    torch.testing.assert_close(torch.tensor(pairs), torch.tensor(expected))
    for one, other in (
        (ours.generator, theirs.generator),
        (ours.discriminator, theirs.discriminator),
    ):
        for (name, tensor), wanted in zip(
            one.state_dict().items(), other.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(tensor, wanted, rtol=1e-4, atol=1e-5, msg=name)


def test_in_bfloat16_all_steps_move_both_networks():
    """Casts that autocast keeps from a pass without gradients must not hide the weights."""
    pair = networks()
    before = copy.deepcopy(pair)
    fit = GanFitConfig(generator={"lr": 0.01}, discriminator={"lr": 0.01})
    trained(pair, fit, batches(8), steps=2, precision="bf16-mixed")
    for now, then in (
        (pair.generator, before.generator),
        (pair.discriminator, before.discriminator),
    ):
        for one, other in zip(now.parameters(), then.parameters(), strict=True):
            if one.ndim > 1:
                assert not torch.equal(one, other)
            assert one.isfinite().all()


def test_the_mean_of_weights_is_evaluated():
    pair = networks()
    module = trained(pair, GanFitConfig(ema_decay=0.9), batches(8))
    assert module.evaluated is not pair.generator
    assert any(
        not torch.equal(mean, last)
        for mean, last in zip(
            module.evaluated.parameters(), pair.generator.parameters(), strict=True
        )
    )
    assert trained(networks(), GanFitConfig(ema_decay=0), batches(8)).average is None


@pytest.mark.parametrize(
    ("loss", "scores", "expected"),
    [
        ("hinge", (0.1, -0.1), 1.0),
        ("least_squares", (0.6, 0.6), 0.5),
        ("wasserstein", (9, 0), None),
    ],
)
def test_accuracy_goes_by_the_threshold_of_the_loss(loss, scores, expected):
    module = trained(networks(), GanFitConfig(), batches(8), loss=loss)
    module._scores[:] = [tuple(torch.full((4,), float(score)) for score in scores)]
    epoch = module.finish_epoch()
    assert epoch.discriminator_accuracy == expected
    assert (epoch.real_score, epoch.fake_score) == pytest.approx(scores)


def test_a_loss_that_is_no_number_is_an_error_that_names_the_step():
    data = batches(8)
    data.batches[1][0][0] = torch.nan
    module = trained(networks(), GanFitConfig(), data)
    with pytest.raises(GanDivergedError, match="In epoch 1, at its step 2, the generator"):
        module.finish_epoch()


class Recurrent(nn.Module):
    """A discriminator of the rows of pictures, which notes whether it was run by cuDNN."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 1)
        self.by_cudnn = []

    def forward(self, samples, labels):
        self.by_cudnn.append(torch.backends.cudnn.enabled)
        return self.head(self.cell(samples[:, 0])[0].mean(1))[:, 0]


def test_penalties_of_recurrent_critics_are_not_computed_by_cudnn():
    """Its recurrent layers have no gradients of gradients."""
    pair = GanNetworks(Generator(), Recurrent())
    trained(pair, GanFitConfig(r1=1.0, r1_every=1), batches(24), penalty=1.0)
    # Real and generated samples, both penalties, and the step of the generator.
    assert pair.discriminator.by_cudnn == [True, False, False, True]
