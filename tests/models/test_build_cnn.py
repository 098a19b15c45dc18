"""What all networks promise, whichever one is built."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch.nn import functional

from foldwise.errors import UserError
from foldwise.models.build import build_cnn
from foldwise.models.config import CnnModelConfig, LeNet5Config, SmallCnnConfig, WideResNetConfig

CONFIGS = [
    LeNet5Config(),
    SmallCnnConfig(widths=(8, 16, 16)),
    SmallCnnConfig(widths=(8,), depth=2, dropout=0.2),
    WideResNetConfig(depth=10, width_factor=1),
]
NUM_CLASSES = 5


def build(config, shape=(1, 8, 8), seed=0):
    torch.manual_seed(seed)
    return build_cnn(config, shape, NUM_CLASSES)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (1, 32, 32), (3, 64, 64), (1, 30, 70)])
def test_images_become_one_row_of_logits_each(config, shape):
    logits = build(config, shape)(torch.rand(2, *shape))

    assert logits.shape == (2, NUM_CLASSES)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28)])
def test_every_parameter_gets_a_gradient(config, shape):
    network = build(config, shape)
    labels = torch.arange(10) % NUM_CLASSES

    functional.cross_entropy(network(torch.rand(10, *shape)), labels).backward()

    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_one_batch_can_be_learned_by_heart(config):
    network = build(config.model_copy(update={"dropout": 0.0}))
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(10, 1, 8, 8, generator=generator)
    labels = torch.arange(10) % NUM_CLASSES
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)

    for _ in range(100):
        logits = network(images)
        if torch.equal(logits.argmax(1), labels):
            break
        optimizer.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        optimizer.step()

    assert torch.equal(network(images).argmax(1), labels)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_in_evaluation_a_sample_does_not_depend_on_its_neighbours(config):
    network = build(config)
    images = torch.rand(6, 1, 8, 8)
    network(images)  # running statistics that differ from their initial values
    network.eval()

    with torch.no_grad():
        alone = network(images[2:3])
        among = network(images)[2:3]

    torch.testing.assert_close(alone, among)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_global_seed_decides_the_weights(config):
    first, again, other = (build(config, seed=seed).state_dict() for seed in (1, 1, 2))

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_channels_last_and_bfloat16_change_the_logits_by_rounding_only(config):
    network = build(config, (3, 28, 28)).eval()
    images = torch.rand(4, 3, 28, 28)

    with torch.no_grad():
        expected = network(images)
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-5)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(network(images).float(), expected, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("axis", [0, 1])
def test_an_image_too_small_is_an_error_that_names_the_least_size(config, axis):
    sides = [28, 28]
    sides[axis] = config.least_side - 1
    least = (
        f"at least {config.least_side} x {config.least_side} pixels, .* {sides[0]} x {sides[1]}"
    )

    with pytest.raises(UserError, match=f"{config.name}.*{least}"):
        build_cnn(config, (1, *sides), NUM_CLASSES)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_least_size_is_enough(config):
    shape = (1, config.least_side, config.least_side)

    assert build(config, shape)(torch.rand(2, *shape)).shape == (2, NUM_CLASSES)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "lenet"}, "lenet5.*small_cnn.*resnet18"),
        ({"name": "lenet5", "widths": [8]}, "unknown parameter 'widths'"),
        ({"name": "small_cnn", "widths": []}, "widths"),
        ({"name": "small_cnn", "widths": [8, 0]}, "widths"),
        ({"name": "small_cnn", "depth": 0}, "depth"),
        ({"name": "small_cnn", "dropout": 1.0}, "dropout"),
        ({"name": "resnet18", "norm": "layer"}, "norm"),
        ({"name": "resnet18", "stem": "5x5"}, "stem"),
    ],
)
def test_a_bad_choice_is_refused(values, message):
    with pytest.raises(ValidationError, match=f"(?s){message}"):
        TypeAdapter(CnnModelConfig).validate_python(values)
