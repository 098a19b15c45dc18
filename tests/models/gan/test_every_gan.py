"""What every generator and every discriminator promises."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.func import functional_call

from foldwise.models.gan.build import GanModelError, build_gan
from foldwise.models.gan.config import (
    CganConfig,
    ConvolutionalGanConfig,
    DcganConfig,
    DenseGanConfig,
    GanModelConfig,
    HingeGanConfig,
    RecurrentGanConfig,
    WganGpConfig,
)
from foldwise.models.input_spec import ImageSpec, SeriesSpec
from foldwise.modules.gan_losses import discriminator_loss, generator_loss, gradient_penalty

NUM_CLASSES = 3
IMAGES, SERIES = ImageSpec(2, 8, 8), SeriesSpec(2, 11)
SMALL = {"widths": (6, 5), "hidden_size": 7}
NETWORKS = {
    "gan": DenseGanConfig(widths=(9, 10)),
    "gan-conditional": DenseGanConfig(widths=(9,), conditional=True, spectral_norm=True),
    "dcgan": DcganConfig.of(**SMALL),
    "dcgan-conditional": DcganConfig.of(**SMALL, conditional=True),
    "cgan": CganConfig.of(**SMALL),
    "cgan-free": CganConfig.of(**SMALL, spectral_norm=False, loss="least_squares"),
    "wgan_gp": WganGpConfig.of(**SMALL),
    "wgan_gp-conditional": WganGpConfig.of(**SMALL, conditional=True),
    "hinge": HingeGanConfig.of(**SMALL),
    "hinge-unconditional": HingeGanConfig.of(**SMALL, conditional=False),
    "recurrent": RecurrentGanConfig(width=6, latent_size=3),
    "recurrent-gru": RecurrentGanConfig.of(width=6, latent_size=3, discriminator="gru"),
    "recurrent-unconditional": RecurrentGanConfig(width=6, num_layers=2, conditional=False),
}
every_network = pytest.mark.parametrize(
    "config", [pytest.param(config, id=name) for name, config in NETWORKS.items()]
)
conditional = pytest.mark.parametrize(
    "config", [pytest.param(c, id=name) for name, c in NETWORKS.items() if c.conditional]
)
unconditional = pytest.mark.parametrize(
    "config", [pytest.param(c, id=name) for name, c in NETWORKS.items() if not c.conditional]
)


def spec_of(config):
    return SERIES if config.makes == "series" else IMAGES


def build(config, seed=0, spec=None):
    torch.manual_seed(seed)
    return build_gan(config, spec or spec_of(config), NUM_CLASSES)


def draw(networks, num=6, seed=1):
    """Return latents and labels, the classes in turn."""
    generator = torch.Generator().manual_seed(seed)
    latents = torch.randn(num, *networks.generator.latent_shape, generator=generator)
    return latents, torch.arange(num) % NUM_CLASSES


def perturb(network):
    """Make classes differ where they begin alike."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)


@every_network
def test_samples_have_the_shape_of_the_data_and_scores_one_number_each(config):
    networks = build(config)
    latents, labels = draw(networks)

    samples = networks.generator(latents, labels)
    scores = networks.discriminator(samples, labels)

    shape = (11, 2) if config.makes == "series" else (2, 8, 8)
    assert samples.shape == (6, *shape)
    assert scores.shape == (6,)
    assert samples.dtype == scores.dtype == torch.float32
    if config.makes == "images":
        assert samples.abs().max() <= 1


@every_network
def test_each_parameter_of_both_networks_receives_a_gradient(config):
    networks = build(config)
    latents, labels = draw(networks)
    perturb(networks.generator)
    fake = networks.generator(latents, labels)
    real = torch.randn_like(fake).clamp(-1, 1)

    scores = networks.discriminator(fake, labels)
    generator_loss(config.loss, scores).backward(retain_graph=True)
    for name, parameter in networks.generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name

    networks.discriminator.zero_grad()
    real_scores = networks.discriminator(real, labels)
    fake_scores = networks.discriminator(fake.detach(), labels.roll(1))
    # Without the margins, which a few scores could lie beyond
    discriminator_loss("least_squares", real_scores, fake_scores).backward()
    for name, parameter in networks.discriminator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


@every_network
def test_the_discriminator_can_tell_two_batches_apart_and_the_generator_can_win_them_back(config):
    networks = build(config)
    latents, labels = draw(networks, num=8)
    real = -networks.generator(*draw(networks, num=8, seed=5)).detach()
    discriminator, generator = networks.discriminator, networks.generator
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    of_generator = torch.optim.Adam(generator.parameters(), lr=1e-2)

    fake = generator(latents, labels).detach()
    before = discriminator(real, labels).mean() - discriminator(fake, labels).mean()
    for _ in range(40):
        of_discriminator.zero_grad()
        scores = discriminator(real, labels), discriminator(fake, labels)
        discriminator_loss("non_saturating", *scores).backward()
        of_discriminator.step()
    apart = discriminator(real, labels).mean() - discriminator(fake, labels).mean()
    lowest = discriminator(fake, labels).mean()
    for _ in range(40):
        of_generator.zero_grad()
        score = discriminator(generator(latents, labels), labels)
        generator_loss("non_saturating", score).backward()
        of_generator.step()
    won_back = discriminator(generator(latents, labels), labels).mean()

    assert apart > before + 0.5
    assert won_back > lowest + 0.25


@every_network
def test_weights_that_were_saved_make_equal_networks_buffers_included(config, tmp_path):
    networks, others = build(config), build(config, seed=1)
    latents, labels = draw(networks)
    for _ in range(2):  # running statistics and singular vectors that differ from the first ones
        networks.discriminator(networks.generator(latents, labels), labels)
    states = {}
    for part in ("generator", "discriminator"):
        network = getattr(networks, part)
        save_file(network.state_dict(), tmp_path / f"{part}.safetensors")
        getattr(others, part).load_state_dict(load_file(tmp_path / f"{part}.safetensors"))
        states[part] = network.state_dict(), getattr(others, part).state_dict()

    for ours, theirs in states.values():
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    for mode in (True, False):
        results = []
        for each in (networks, others):
            with torch.no_grad():
                samples = each.generator.train(mode)(latents, labels)
                results += [(samples, each.discriminator.train(mode)(samples, labels))]
        assert torch.equal(results[0][0], results[1][0])
        assert torch.equal(results[0][1], results[1][1])


@every_network
def test_equal_seeds_give_equal_weights_and_others_give_others(config):
    same = build(config).generator.state_dict(), build(config).generator.state_dict()
    other = build(config, seed=1).generator.state_dict()

    assert all(torch.equal(same[0][name], same[1][name]) for name in same[0])
    assert any(not torch.equal(same[0][name], other[name]) for name in other)


@unconditional
def test_labels_are_ignored_where_classes_are_not_asked_for(config):
    networks = build(config)
    perturb(networks.generator)
    latents, labels = draw(networks)

    with torch.no_grad():
        samples = networks.generator(latents, labels)
        assert torch.equal(samples, networks.generator(latents, torch.full_like(labels, 99)))
        networks.discriminator.eval()
        scores = networks.discriminator(samples, labels)
        assert torch.equal(scores, networks.discriminator(samples, torch.full_like(labels, 99)))


@conditional
def test_the_class_changes_sample_and_score(config):
    networks = build(config)
    perturb(networks.generator.eval())
    latents, labels = draw(networks)

    with torch.no_grad():
        samples = networks.generator(latents, labels)
        others = networks.generator(latents, labels.roll(1))
        networks.discriminator.eval()
        scores = networks.discriminator(samples, labels)
        other_scores = networks.discriminator(samples, labels.roll(1))

    assert ((samples - others).flatten(1).abs().amax(1) > 1e-3).all()
    assert (scores != other_scores).all()


@every_network
def test_the_latents_change_the_sample(config):
    networks = build(config)
    latents, labels = draw(networks)

    with torch.no_grad():  # statistics are those of the batch: the same of both
        samples = networks.generator(latents, labels)
        others = networks.generator(latents.flip(0), labels)

    assert ((samples - others).flatten(1).abs().amax(1) > 1e-3).all()


@every_network
def test_a_sample_does_not_depend_on_the_others_of_its_batch_when_it_is_drawn(config):
    networks = build(config)
    latents, labels = draw(networks)
    networks.generator(latents, labels)
    networks.generator.eval()

    with torch.no_grad():
        together = networks.generator(latents, labels)
        alone = networks.generator(latents[2:3], labels[2:3])

    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)


@every_network
def test_they_can_be_trained_in_bfloat16(config):
    exact, networks = build(config), build(config)
    latents, labels = draw(networks)

    expected = exact.generator(latents, labels)
    expected_scores = exact.discriminator(expected, labels)
    with torch.autocast("cpu", torch.bfloat16):
        samples = networks.generator(latents, labels)
        scores = networks.discriminator(expected.detach(), labels)
        of_generator = generator_loss(config.loss, networks.discriminator(samples, labels))
    of_generator.backward()

    torch.testing.assert_close(samples.float(), expected, rtol=0.1, atol=0.1)
    scale = expected_scores.abs().max().item()
    torch.testing.assert_close(scores.float(), expected_scores, rtol=0.1, atol=0.1 * scale)
    assert all(p.grad.isfinite().all() for p in networks.generator.parameters())


@every_network
def test_shapes_are_computed_without_numbers(config):
    networks = build(config)
    latents, labels = (tensor.to("meta") for tensor in draw(networks))

    def without_numbers(network, *inputs):
        tensors = [*network.named_parameters(), *network.named_buffers()]
        numberless = {name: torch.empty_like(t, device="meta") for name, t in tensors}
        return functional_call(network.eval(), numberless, inputs)

    samples = without_numbers(networks.generator, latents, labels)
    assert samples.shape[1:] == ((11, 2) if config.makes == "series" else (2, 8, 8))
    assert without_numbers(networks.discriminator, samples, labels).shape == (6,)


@pytest.mark.parametrize(
    "config",
    [c for c in NETWORKS.values() if isinstance(c, ConvolutionalGanConfig)],
    ids=lambda c: c.name,
)
def test_maps_in_the_order_of_channels_last_give_the_same(config):
    networks, others = build(config), build(config)
    latents, labels = draw(networks)
    for network in (others.generator, others.discriminator):
        network.to(memory_format=torch.channels_last)

    samples, other_samples = (each.generator(latents, labels) for each in (networks, others))
    scores = networks.discriminator(samples, labels)
    other_scores = others.discriminator(
        samples.contiguous(memory_format=torch.channels_last), labels
    )

    torch.testing.assert_close(samples, other_samples, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scores, other_scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [DenseGanConfig(), WganGpConfig(), HingeGanConfig()])
def test_without_batch_norm_a_score_depends_on_its_sample_alone(config):
    networks = build(config, spec=ImageSpec(1, 8, 8))
    images, labels = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    networks.discriminator(images, labels)
    networks.discriminator.eval()  # spectral norm moves on in training

    with torch.no_grad():
        together = networks.discriminator(images, labels)
        alone = networks.discriminator(images[:1], labels[:1])

    torch.testing.assert_close(together[:1], alone)
    kinds = {type(module) for module in networks.discriminator.modules()}
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d}


def test_a_dcgan_has_batch_norm_in_both_networks_but_not_where_images_come_in_or_out():
    networks = build(DcganConfig(widths=(6, 5)), spec=ImageSpec(1, 8, 8))

    norms = [
        [m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
        for network in (networks.generator, networks.discriminator)
    ]

    assert norms == [[6, 5], [6]]


@pytest.mark.parametrize("discriminator", ["conv", "gru"])
@pytest.mark.parametrize("num_steps", [1, 2, 5, 6, 40])
def test_series_of_any_length_are_made(discriminator, num_steps):
    config = RecurrentGanConfig.of(discriminator=discriminator, width=5, latent_size=2)
    networks = build(config, spec=SeriesSpec(3, num_steps))
    latents, labels = draw(networks)

    series = networks.generator(latents, labels)

    assert networks.generator.latent_shape == (num_steps, 2)
    assert series.shape == (6, num_steps, 3)
    assert networks.discriminator(series, labels).shape == (6,)


def test_later_noise_does_not_change_what_a_series_was_before():
    networks = build(NETWORKS["recurrent"])
    latents, labels = draw(networks)
    changed = latents.clone()
    changed[:, 6:] += 1

    with torch.no_grad():
        series, other = (networks.generator(z, labels) for z in (latents, changed))

    assert torch.equal(series[:, :6], other[:, :6])
    assert ((series - other)[:, 6:].abs().amax(2) > 0).all()


@every_network
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_gradients_of_gradients_reach_the_discriminators_weights(config, precision):
    networks = build(config)
    latents, labels = draw(networks)
    fake = networks.generator(latents, labels)
    is_half = precision == torch.bfloat16

    with torch.autocast("cpu", precision, enabled=is_half):
        penalty = gradient_penalty(
            lambda samples: networks.discriminator(samples, labels),
            torch.randn_like(fake),
            fake,
            torch.Generator(),
        )
    penalty.backward()

    assert penalty.isfinite()
    for name, parameter in networks.discriminator.named_parameters():
        if "weight" in name:
            assert parameter.grad.any(), name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(
    ("config", "spec", "message"),
    [
        (CganConfig(), SERIES, "'cgan' makes images, but the samples are series.*: recurrent"),
        (RecurrentGanConfig(), IMAGES, "'recurrent' makes series, but .* are images.*wgan_gp"),
    ],
)
def test_networks_that_do_not_go_with_the_samples_are_refused(config, spec, message):
    with pytest.raises(GanModelError, match=message):
        build_gan(config, spec, NUM_CLASSES)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "cgan", "latent_size": 0}, "latent_size.*greater than or equal to 1"),
        ({"name": "biggan"}, "'gan', 'dcgan', 'cgan', 'wgan_gp', 'hinge', 'recurrent'"),
        ({"name": "cgan", "conditional": False}, "conditional.*True"),
        ({"name": "dcgan", "loss": "logistic"}, "'non_saturating', 'hinge', 'wasserstein'"),
        ({"name": "dcgan", "widths": [0, 4]}, "widths.*greater than or equal to 1"),
        ({"name": "gan", "hidden_size": 4}, "unknown parameter 'hidden_size'"),
        (
            {"name": "recurrent", "discriminator": "gru", "spectral_norm": True},
            "spectral_norm is true, but discriminator is 'gru'",
        ),
    ],
)
def test_a_bad_choice_is_refused(values, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        TypeAdapter(GanModelConfig).validate_python(values)


def test_widths_can_be_given_as_one_text():
    assert DcganConfig.of(widths="64;32").widths == (64, 32)
    assert DcganConfig.of(widths="auto").widths == "auto"
    assert not RecurrentGanConfig.of(discriminator="gru").spectral_norm
