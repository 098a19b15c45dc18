import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from foldwise.models.config import SmallCnnConfig
from foldwise.models.small_cnn import SmallCnn


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def widths_of(network):
    return [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d)]


def features_shape(config, *sides):
    network = SmallCnn(config, (1, *sides), 3).eval()
    return tuple(network.features(torch.rand(1, 1, *sides)).shape[1:])


def test_the_number_of_parameters_is_that_of_its_convolutions_norms_and_last_layer():
    config = SmallCnnConfig(widths=(16, 32), depth=2)
    convolutions = 9 * (3 * 16 + 16 * 16 + 16 * 32 + 32 * 32)
    norms = 2 * (16 + 16 + 32 + 32)
    last = 32 * 10 + 10

    network = SmallCnn(config, (3, 28, 28), 10)

    assert num_parameters(network) == convolutions + norms + last


@pytest.mark.parametrize(
    ("side", "expected"), [(4, 4), (8, 4), (16, 4), (28, 7), (32, 8), (63, 15), (64, 8), (128, 16)]
)
def test_pooling_stops_at_four_pixels_and_large_images_are_halved_first(side, expected):
    config = SmallCnnConfig(widths=(4, 6, 8))

    assert features_shape(config, side, side) == (8, expected, expected)


def test_more_blocks_pool_more():
    assert features_shape(SmallCnnConfig(widths=(4, 4, 4, 4, 4)), 64, 64) == (4, 4, 4)


@pytest.mark.parametrize(
    ("sides", "widths"),
    [
        ((28, 28), [32, 64, 128]),
        ((63, 200), [32, 64, 128]),
        ((64, 64), [32, 32, 64, 64, 128, 128, 128, 128]),
    ],
)
def test_the_network_is_deeper_for_larger_images(sides, widths):
    assert widths_of(SmallCnn(SmallCnnConfig(), (1, *sides), 3)) == widths


def test_widths_and_depth_can_be_chosen_one_without_the_other():
    assert widths_of(SmallCnn(SmallCnnConfig(widths=(4, 6)), (1, 64, 64), 3)) == [4, 4, 6, 6]
    assert widths_of(SmallCnn(SmallCnnConfig(depth=1), (1, 64, 64), 3)) == [32, 64, 128, 128]


@pytest.mark.parametrize("sides", [(8, 8), (28, 28), (31, 50), (65, 70)])
def test_a_dense_head_has_a_weight_for_each_place_where_the_pooled_one_has_a_single_one(sides):
    pooled, dense = (
        SmallCnn(SmallCnnConfig(widths=(4, 6), head=head), (1, *sides), 5)
        for head in ("gap", "dense")
    )
    channels, height, width = features_shape(SmallCnnConfig(widths=(4, 6)), *sides)

    added = num_parameters(dense) - num_parameters(pooled)

    assert added == 5 * channels * (height * width - 1)
    assert dense(torch.rand(2, 1, *sides)).shape == (2, 5)


def test_the_pooled_head_forgets_where_something_was_and_the_dense_one_does_not():
    def moved_is_the_same(head):
        torch.manual_seed(0)
        network = SmallCnn(SmallCnnConfig(widths=(4,), head=head), (1, 16, 16), 3).eval()
        image = torch.zeros(1, 1, 16, 16)
        image[..., 4:6, 4:6] = 1
        return torch.allclose(network(image), network(image.roll((5, 5), (2, 3))), atol=1e-6)

    assert moved_is_the_same("gap")
    assert not moved_is_the_same("dense")


def test_maxout_has_as_many_times_the_convolutions_outputs_as_pieces():
    config = SmallCnnConfig(widths=(4, 6), norm="none")
    last = 6 * 3 + 3
    maxout = SmallCnn(
        config.model_copy(update={"activation": "maxout", "maxout_pieces": 3}), (1, 8, 8), 3
    )

    plain = SmallCnn(config, (1, 8, 8), 3)

    assert num_parameters(maxout) - last == 3 * (num_parameters(plain) - last)
    assert maxout(torch.rand(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize(
    ("activation", "reference"),
    [("tanh", torch.tanh), ("gelu", functional.gelu), ("sigmoid", torch.sigmoid)],
)
def test_the_activation_follows_each_convolution(activation, reference):
    config = SmallCnnConfig(widths=(4,), norm="none", activation=activation)
    network = SmallCnn(config, (1, 8, 8), 3)
    images = torch.rand(2, 1, 8, 8)

    torch.testing.assert_close(network.features(images), reference(network.features[0](images)))


@pytest.mark.parametrize(
    ("norm", "is_independent"),
    [("batch", False), ("layer", True), ("group", True), ("none", True)],
)
def test_only_batch_norm_lets_samples_of_a_batch_change_one_another_in_training(
    norm, is_independent
):
    network = SmallCnn(SmallCnnConfig(widths=(4,), norm=norm), (1, 8, 8), 3)
    images = torch.rand(4, 1, 8, 8)

    is_same = torch.allclose(network(images)[:2], network(images[:2]), atol=1e-5)

    assert is_same == is_independent


def test_dropout_acts_in_training_only():
    network = SmallCnn(SmallCnnConfig(widths=(4,), dropout=0.5), (1, 8, 8), 3)
    images = torch.rand(4, 1, 8, 8)

    network.train()
    assert not torch.equal(network(images), network(images))
    network.eval()
    assert torch.equal(network(images), network(images))


def test_a_convolution_carries_a_bias_only_where_no_norm_follows():
    for norm in ("batch", "layer", "group", "none"):
        network = SmallCnn(SmallCnnConfig(widths=(4, 8), norm=norm), (1, 8, 8), 3)
        biases = {m.bias is not None for m in network.modules() if isinstance(m, nn.Conv2d)}
        assert biases == {norm == "none"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widths": "deep"}, "auto"),
        ({"depth": 9}, "less than or equal to 8"),
        ({"activation": "swish"}, "gelu.*maxout"),
        ({"maxout_pieces": 1}, "greater than or equal to 2"),
        ({"norm": "instance"}, "'batch', 'layer', 'group' or 'none'"),
        ({"head": "mlp"}, "'gap' or 'dense'"),
    ],
)
def test_a_bad_choice_is_refused(values, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        SmallCnnConfig.of(**values)
