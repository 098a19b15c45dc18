"""The parts that generators and discriminators are made of, against their formulas."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from foldwise.models.gan.build import build_gan
from foldwise.models.gan.conditional_norm import make_class_norm
from foldwise.models.gan.config import CganConfig, DcganConfig, DenseGanConfig, RecurrentGanConfig
from foldwise.models.gan.projection import ProjectionHead
from foldwise.models.input_spec import ImageSpec, SeriesSpec
from foldwise.models.recurrent_layer import RecurrentLayer


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_conditional_batch_norm_is_batch_norm_with_a_gain_and_an_offset_of_the_class():
    maps, labels = torch.randn(6, 4, 3, 3), torch.tensor([0, 1, 2, 2, 1, 0])
    norm, reference = make_class_norm(4, 3), nn.BatchNorm2d(4, affine=False)
    nn.init.normal_(norm.gain.weight)
    nn.init.normal_(norm.offset.weight)

    for is_training in (True, False):
        norm.train(is_training)
        reference.train(is_training)
        expected = reference(maps)
        for i, label in enumerate(labels):
            gain, offset = norm.gain.weight[label], norm.offset.weight[label]
            expected[i] = expected[i] * gain[:, None, None] + offset[:, None, None]
        torch.testing.assert_close(norm(maps, labels), expected)


def test_all_classes_begin_alike_and_without_classes_it_is_batch_norm():
    maps, labels = torch.randn(6, 4, 3, 3), torch.tensor([0, 1, 2, 2, 1, 0])

    expected = nn.BatchNorm2d(4)(maps)

    torch.testing.assert_close(make_class_norm(4, 3)(maps, labels), expected)
    torch.testing.assert_close(make_class_norm(4, 0)(maps, labels), expected)


def test_the_score_is_a_linear_map_plus_the_product_with_the_vector_of_the_class():
    head, features = ProjectionHead(5, 3), torch.randn(4, 5)
    labels = torch.tensor([2, 0, 1, 2])
    weight, bias, classes = head.score.weight[0], head.score.bias, head.classes.weight

    expected = torch.stack(
        [
            f @ weight + bias[0] + f @ classes[label]
            for f, label in zip(features, labels, strict=True)
        ]
    )

    torch.testing.assert_close(head(features, labels), expected)
    difference = head(features, labels) - head(features, labels.roll(1))
    torch.testing.assert_close(
        difference, (features * (classes[labels] - classes[labels.roll(1)])).sum(1)
    )


def test_after_many_passes_no_layer_of_the_discriminator_stretches_anything():
    config = CganConfig(widths=(6, 5), hidden_size=7)
    discriminator = build_gan(config, ImageSpec(2, 8, 8), 3).discriminator
    with torch.no_grad():
        for parameter in discriminator.parameters():
            parameter *= 3
        for _ in range(200):
            discriminator(torch.zeros(1, 2, 8, 8), torch.zeros(1, dtype=torch.int64))
    discriminator.eval()

    layers = [
        module
        for module in discriminator.modules()
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding)
    ]

    assert len(layers) == 2 + 1 + 2  # convolutions, dense, and the two terms of the score
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2)
        assert largest.item() == pytest.approx(1, abs=0.01)


def test_spectral_norm_moves_on_in_training_alone_and_stays_in_full_precision():
    config = CganConfig(widths=(6, 5), hidden_size=7)
    discriminator = build_gan(config, ImageSpec(2, 8, 8), 3).discriminator
    images, labels = torch.rand(4, 2, 8, 8), torch.tensor([0, 1, 2, 0])

    def vectors():
        return {name: b.clone() for name, b in discriminator.named_buffers()}

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for parameter in discriminator.parameters():
            parameter += torch.randn_like(parameter)
        before = vectors()
        discriminator.eval()(images, labels)
        in_evaluation = vectors()
        discriminator.train()(images, labels)
        in_training = vectors()

    assert before
    assert all(torch.equal(before[name], in_evaluation[name]) for name in before)
    assert any(not torch.equal(before[name], in_training[name]) for name in before)
    assert {vector.dtype for vector in in_training.values()} == {torch.float32}


def test_the_numbers_of_parameters_of_a_conditional_gan_are_those_counted_by_hand():
    config = CganConfig(latent_size=10, widths=(6, 4), hidden_size=7)
    networks = build_gan(config, ImageSpec(3, 8, 8), 5)

    codes, first = 5 * 32, (10 + 32) * 6 * 2 * 2
    norms = 2 * 5 * (6 + 4)
    doublings = 16 * 6 * 4 + 16 * 4 * 3 + 3
    halvings = 16 * 3 * 4 + 4 + 16 * 4 * 6 + 6
    dense, head = 6 * 2 * 2 * 7 + 7, 7 + 1 + 5 * 7

    assert num_parameters(networks.generator) == codes + first + norms + doublings
    assert num_parameters(networks.discriminator) == halvings + dense + head


def test_the_numbers_of_parameters_of_dense_networks_are_those_counted_by_hand():
    networks = build_gan(DenseGanConfig(latent_size=4, widths=(6, 5)), ImageSpec(1, 3, 2), 5)

    assert num_parameters(networks.generator) == 4 * 6 + 2 * 6 + 6 * 5 + 2 * 5 + 5 * 6 + 6
    assert num_parameters(networks.discriminator) == 6 * 5 + 5 + 5 * 6 + 6 + 6 + 1


def test_the_generator_of_series_sees_at_each_step_its_noise_the_first_noise_and_the_class():
    config = RecurrentGanConfig(latent_size=3, width=4)
    generator = build_gan(config, SeriesSpec(2, 5), 3).generator
    cell = nn.GRU(3 + 3 + 32, 4, batch_first=True)
    cell.load_state_dict(generator.layers[0].ahead.state_dict())
    latents, labels = torch.randn(4, 5, 3), torch.tensor([0, 1, 2, 0])

    shared = torch.cat([latents[:, 0], generator.code.codes.weight[labels]], 1)
    states, _ = cell(torch.cat([latents, shared[:, None].expand(-1, 5, -1)], 2))

    expected = functional.linear(states, generator.last.weight, generator.last.bias)
    torch.testing.assert_close(generator(latents, labels), expected)


def test_the_recurrent_discriminator_reads_in_both_directions():
    config = RecurrentGanConfig.of(discriminator="gru", width=4)
    discriminator = build_gan(config, SeriesSpec(2, 5), 3).discriminator
    series = torch.randn(4, 5, 2)
    reference = nn.GRU(2, 4, batch_first=True, bidirectional=True)
    layer: RecurrentLayer = discriminator.layers[0]
    ahead, back = layer.ahead.state_dict(), layer.back.state_dict()
    reference.load_state_dict({**ahead, **{f"{name}_reverse": w for name, w in back.items()}})

    states, _ = reference(series)
    expected = discriminator.head(
        torch.cat([states.mean(1), states.amax(1)], 1), torch.tensor([0, 1, 2, 0])
    )

    torch.testing.assert_close(discriminator(series, torch.tensor([0, 1, 2, 0])), expected)


def test_weights_are_drawn_as_the_papers_draw_them():
    spec = ImageSpec(1, 28, 28)
    normal = build_gan(DcganConfig(), spec, 3)
    orthogonal = build_gan(CganConfig(spectral_norm=False), spec, 3)

    for network in (normal.generator, normal.discriminator):
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        assert len(layers) == 2
        for layer in layers:
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.15)
            assert layer.bias is None or not layer.bias.any()
    for network, squared in ((orthogonal.generator, 1), (orthogonal.discriminator, 2)):
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                rows = layer.weight.flatten(1)
                product = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
                torch.testing.assert_close(
                    product, squared * torch.eye(len(product)), rtol=0, atol=1e-4
                )
