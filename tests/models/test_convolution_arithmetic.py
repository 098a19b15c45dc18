"""The arithmetic of convolutions, by hand and by torch.

W: pixels along an axis, F: pixels of the window, S: stride, P: padding.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from foldwise.models.convolution import output_size


def count(module):
    return sum(p.numel() for p in module.parameters())


def correlate(image, kernel, **options):
    """Slide a kernel over an image, both lists of rows."""
    image, kernel = torch.tensor(image).float(), torch.tensor(kernel).float()
    return functional.conv2d(image[None, None], kernel[None, None], **options)[0, 0]


# Sizes


@pytest.mark.parametrize(
    ("window", "stride", "padding", "size"),
    [(5, 3, 0, 10), (5, 1, 2, 32), (5, 1, 0, 28), (1, 1, 0, 32), (32, 1, 0, 1)],
)
def test_32_pixels_become(window, stride, padding, size):
    assert output_size(32, window, stride, padding) == size


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(1, 40),
    window=st.integers(1, 7),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
)
def test_sizes_are_those_of_torch(size, window, stride, padding, dilation):
    layer = nn.Conv2d(1, 1, window, stride, padding, dilation, device="meta")
    images = torch.empty(1, 1, size, size, device="meta")

    if dilation * (window - 1) + 1 > size + 2 * padding:
        with pytest.raises(ValueError, match=f"into {size} pixels and {padding} of padding"):
            output_size(size, window, stride, padding, dilation)
        return
    expected = output_size(size, window, stride, padding, dilation)
    assert layer(images).shape == (1, 1, expected, expected)


@settings(deadline=None, max_examples=30)
@given(window=st.integers(2, 5), stride=st.integers(1, 4), size=st.integers(5, 40))
def test_poolings_have_the_same_sizes_and_no_parameters(window, stride, size):
    images = torch.empty(1, 2, size, size, device="meta")
    expected = output_size(size, window, stride)

    for pool in (nn.MaxPool2d(window, stride), nn.AvgPool2d(window, stride)):
        assert pool(images).shape == (1, 2, expected, expected)
        assert count(pool) == 0


# Shapes and counts of layers


@pytest.mark.parametrize(
    ("layer", "shape", "output", "parameters"),
    [
        (nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32), (10, 32, 32), 760),
        (nn.Conv2d(3, 6, 5), (3, 32, 32), (6, 28, 28), 456),
        (nn.Conv2d(6, 10, 5), (6, 28, 28), (10, 24, 24), 1_510),
        (nn.Conv2d(64, 32, 1), (64, 56, 56), (32, 56, 56), 2_080),
        (nn.MaxPool2d(2, 2), (64, 224, 224), (64, 112, 112), 0),
        (nn.MaxPool2d(3, 2), (1, 13, 13), (1, 6, 6), 0),
        (nn.AvgPool2d(3, 2), (1, 13, 13), (1, 6, 6), 0),
        (nn.Linear(32 * 32 * 3, 1), (32 * 32 * 3,), (1,), 3_073),
        (nn.Linear(200 * 200 * 3, 1), (200 * 200 * 3,), (1,), 120_001),
        (nn.Linear(64 * 64 * 3, 1), (64 * 64 * 3,), (1,), 12_289),
    ],
    ids=str,
)
def test_a_layer_has_the_shape_and_the_parameters_of_the_textbook(
    layer, shape, output, parameters
):
    layer = layer.to("meta")

    assert tuple(layer(torch.empty(1, *shape, device="meta")).shape[1:]) == output
    assert count(layer) == parameters


@settings(deadline=None, max_examples=30)
@given(window=st.integers(1, 7), channels=st.integers(1, 16), filters=st.integers(1, 16))
def test_a_convolution_has_a_kernel_per_channel_and_a_bias_per_filter(window, channels, filters):
    layer = nn.Conv2d(channels, filters, window, device="meta")

    assert count(layer) == window**2 * channels * filters + filters


def test_a_unit_of_the_first_layer_is_a_dot_product_of_75_numbers_and_a_bias():
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(3, 6, 5).double()
    image = torch.rand(1, 3, 32, 32, generator=generator, dtype=torch.float64)

    patch = image[0, :, 4:9, 7:12].reshape(-1)

    assert patch.shape == (75,)
    expected = patch @ layer.weight[2].reshape(-1) + layer.bias[2]
    torch.testing.assert_close(layer(image)[0, 2, 4, 7], expected)


def test_the_drawn_network_has_2255_parameters():
    # Windows of 6x6x1 to 5 maps and of 3x3x5 to 10 maps, halved each: 28 > 23 > 11 > 9 > 4 pixels
    network = nn.Sequential(
        nn.Conv2d(1, 5, 6),  # 180 weights, 5 biases
        nn.MaxPool2d(2),
        nn.Conv2d(5, 10, 3),  # 450 weights, 10 biases
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 4 * 10, 10),  # 1600 weights, 10 biases
    )

    assert network(torch.rand(2, 1, 28, 28)).shape == (2, 10)
    assert [network[i].weight.numel() for i in (0, 2, 5)] == [180, 450, 1600]
    assert count(network) == 2_255


# Values


IMAGE = [[2, 4, 9, 1, 4], [2, 1, 4, 4, 6], [1, 1, 2, 9, 2], [7, 3, 5, 1, 3], [2, 3, 4, 8, 5]]
KERNEL = [[1, 2, 3], [-4, 7, 4], [2, -5, 1]]


def by_hand(image, kernel):
    """Slide without torch."""
    size = len(kernel)
    return [
        [
            sum(image[r + i][c + j] * kernel[i][j] for i in range(size) for j in range(size))
            for c in range(len(image[0]) - size + 1)
        ]
        for r in range(len(image) - size + 1)
    ]


def test_layers_correlate_and_do_not_flip_the_kernel():
    flipped = [row[::-1] for row in KERNEL[::-1]]

    correlated = correlate(IMAGE, KERNEL).tolist()

    assert correlated == [[51, 66, 20], [31, 49, 101], [15, 53, -2]]
    assert correlate(IMAGE, flipped).tolist() == by_hand(IMAGE, flipped) != correlated


def test_the_binary_image_of_the_textbook():
    image = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
    kernel = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]

    assert correlate(image, kernel).tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_padding_by_one_keeps_the_size_and_the_middle():
    padded = correlate(IMAGE, KERNEL, padding=1)

    assert padded.shape == (5, 5)
    assert padded[0].tolist() == [21, 59, 37, -19, 2]
    assert padded[1:-1, 1:-1].tolist() == by_hand(IMAGE, KERNEL)
    bordered = [[0] * 7, *([0, *row, 0] for row in IMAGE), [0] * 7]
    assert padded.tolist() == by_hand(bordered, KERNEL)


@pytest.mark.parametrize(
    ("image", "pool", "expected"),
    [
        (
            [[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]],
            functional.max_pool2d,
            [[6, 8], [3, 4]],
        ),
        (
            [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]],
            functional.max_pool2d,
            [[20, 30], [112, 37]],
        ),
        (
            [[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]],
            functional.avg_pool2d,
            [[13, 8], [79, 19.5]],
        ),
    ],
)
def test_pooling_takes_the_greatest_or_the_mean_of_each_window(image, pool, expected):
    pooled = pool(torch.tensor(image).float()[None], 2)

    assert pooled[0].tolist() == expected


def test_overlapping_windows_share_pixels():
    row = torch.tensor([[[0.0, 0, 9, 0, 0]] * 3])

    assert functional.max_pool2d(row, 3, 2)[0].tolist() == [[9, 9]]


SQUARE = [[0] * 7, [0] * 7, *[[0, 0, 9, 9, 9, 0, 0]] * 3, [0] * 7, [0] * 7]  # bright in the middle


@pytest.mark.parametrize(
    ("kernel", "middle_row"),
    [
        ([[1, 0, -1]] * 3, [-27, -27, 0, 27, 27]),  # vertical edges: bright to the right is < 0
        ([[0, 0, 0], [0, 1, 0], [0, 0, 0]], [0, 9, 9, 9, 0]),  # identity
        ([[0, 0, 0], [0, 0, 1], [0, 0, 0]], [9, 9, 9, 0, 0]),  # shift to the left
        ([[1 / 9] * 3] * 3, [3, 6, 9, 6, 3]),  # box blur
        ([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], [-9, 18, 9, 18, -9]),  # sharpen
        ([[0, 1, 0], [1, -4, 1], [0, 1, 0]], [9, -9, 0, -9, 9]),  # Laplacian, four neighbours
        ([[1, 1, 1], [1, -8, 1], [1, 1, 1]], [27, -27, 0, -27, 27]),  # and eight
    ],
    ids=["edges", "identity", "shift", "blur", "sharpen", "laplace4", "laplace8"],
)
def test_a_kernel_made_by_hand_gives_the_picture_it_is_known_for(kernel, middle_row):
    torch.testing.assert_close(correlate(SQUARE, kernel)[2], torch.tensor(middle_row).float())


def test_only_edges_remain_where_the_weights_sum_to_zero():
    flat = [[5] * 5] * 5

    for kernel in ([[1, 0, -1]] * 3, [[0, 1, 0], [1, -4, 1], [0, 1, 0]]):
        assert not correlate(flat, kernel).any()


# A convolution is a matrix


def test_a_2x2_kernel_over_3x3_pixels_is_a_4x9_matrix():
    a, b, c, d = 1.0, 2.0, 3.0, 4.0
    matrix = torch.tensor(
        [
            [a, b, 0, c, d, 0, 0, 0, 0],
            [0, a, b, 0, c, d, 0, 0, 0],
            [0, 0, 0, a, b, 0, c, d, 0],
            [0, 0, 0, 0, a, b, 0, c, d],
        ]
    )
    image = torch.arange(9.0)

    slid = correlate(image.reshape(3, 3).tolist(), [[a, b], [c, d]])

    assert matrix.shape == (4, 9)
    torch.testing.assert_close(slid.reshape(-1), matrix @ image)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_unfolded_patches_times_weights_are_the_convolution(stride, padding):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 9, 9, generator=generator, dtype=torch.float64)
    weight = torch.rand(4, 3, 5, 5, generator=generator, dtype=torch.float64)

    patches = functional.unfold(images, 5, padding=padding, stride=stride)  # (B, 75, places)
    product = weight.reshape(4, -1) @ patches

    expected = functional.conv2d(images, weight, stride=stride, padding=padding)
    torch.testing.assert_close(product, expected.flatten(2))


def test_a_shifted_picture_gives_a_shifted_map():
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(1, 1, 12, 12)
    image[..., 3:6, 3:6] = torch.rand(3, 3, generator=generator)
    kernel = torch.rand(1, 1, 3, 3, generator=generator)

    there = functional.conv2d(image, kernel)
    shifted = functional.conv2d(image.roll((2, 3), (2, 3)), kernel)

    torch.testing.assert_close(shifted, there.roll((2, 3), (2, 3)))
