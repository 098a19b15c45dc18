"""What every network that can be chosen by its name promises, with its default parameters.

The columns of VGG are one code, as are the residual networks: some of each are `slow`.
"""

from typing import get_args

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from foldwise.errors import UserError
from foldwise.models.auxiliary import AuxiliaryLogits
from foldwise.models.build import build_cnn
from foldwise.models.config import AlexNetConfig, CnnModelConfig, TimmConfig
from foldwise.models.parts import head_name

NUM_CHANNELS, SIDE, NUM_CLASSES = 2, 16, 3
NUM_SAMPLES, MAX_STEPS = 6, 60
HEAVY = {
    *("vgg_a_lrn", "vgg_b", "vgg_c", "vgg_d", "vgg_e"),
    *("resnet34", "resnet50", "resnext50", "inception_v3", "timm", "alexnet-grouped"),
}


def every_config():
    configs = [AlexNetConfig(variant="grouped")]
    for config_class in get_args(get_args(CnnModelConfig)[0]):
        if config_class is TimmConfig:
            configs.append(TimmConfig(architecture="test_resnet"))
        else:
            names = get_args(config_class.model_fields["name"].annotation)
            configs += [config_class(name=name) for name in names]
    return configs


def name_of(config):
    return f"{config.name}-{getattr(config, 'variant', '')}".rstrip("-")


CONFIGS = [
    pytest.param(config, id=name_of(config), marks=[pytest.mark.slow] * (name_of(config) in HEAVY))
    for config in every_config()
]
every_network = pytest.mark.parametrize("config", CONFIGS)
# What a network of timm can take is known when it is built: see its own tests.
every_network_of_known_size = pytest.mark.parametrize(
    "config", [config for config in CONFIGS if not isinstance(config.values[0], TimmConfig)]
)


def build(config, side=SIDE, seed=0):
    torch.manual_seed(seed)
    return build_cnn(config, (NUM_CHANNELS, side, side), NUM_CLASSES)


def draw_images(num_samples, side=SIDE):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(num_samples, NUM_CHANNELS, side, side, generator=generator)


def logits_and_loss(network, images, labels):
    output = network(images)
    if not isinstance(output, AuxiliaryLogits):
        return output, functional.cross_entropy(output, labels)
    losses = [functional.cross_entropy(logits, labels) for logits in output.auxiliary]
    main_loss = functional.cross_entropy(output.logits, labels)
    return output.logits, main_loss + output.weight * sum(losses)


def learn_by_heart(network, images, labels):
    """Fit until all is right; yield logits and loss of each step while the gradients are there."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    for _ in range(MAX_STEPS):
        optimizer.zero_grad()
        logits, loss = logits_and_loss(network, images, labels)
        loss.backward()
        yield logits, loss.item()
        optimizer.step()


@every_network
def test_one_batch_can_be_learned_by_heart_and_all_parameters_take_part(config):
    network = build(config.model_copy(update={"dropout": 0.0}))
    labels = torch.arange(NUM_SAMPLES) % NUM_CLASSES
    trainable = {name: p for name, p in network.named_parameters() if p.requires_grad}
    moved, losses = set(), []

    for logits, loss in learn_by_heart(network, draw_images(NUM_SAMPLES), labels):
        assert logits.shape == (NUM_SAMPLES, NUM_CLASSES)
        assert logits.dtype == torch.float32
        assert all(p.grad.isfinite().all() for p in trainable.values())
        # A residual branch may start at zero: then its gradients do, in the first step.
        moved |= {name for name, p in trainable.items() if p.grad.any()}
        losses.append(loss)
        if torch.equal(logits.argmax(1), labels) and loss < losses[0] / 2:
            break
    else:
        pytest.fail(f"after {MAX_STEPS} steps: {losses}")

    assert set(trainable) - moved == set()


@every_network
def test_weights_that_were_saved_make_an_equal_network(config, tmp_path):
    network, other = build(config), build(config, seed=1)
    images = draw_images(2)
    network(images)  # running statistics that differ from their initial values

    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))

    with torch.no_grad():
        assert torch.equal(other.eval()(images), network.eval()(images))


@every_network
def test_what_the_head_gives_are_the_logits(config):
    network, given = build(config).eval(), []
    head = network.get_submodule(head_name(network))
    head.register_forward_hook(lambda module, args, output: given.append(output))

    with torch.no_grad():
        logits = network(draw_images(2))

    assert torch.equal(given[-1], logits)


@every_network
def test_it_can_be_exported(config):
    network, images = build(config).eval(), draw_images(2)

    exported = torch.export.export(network, (images,)).module()

    with torch.no_grad():
        torch.testing.assert_close(exported(images), network(images))


@every_network_of_known_size
def test_the_least_size_is_enough_to_train_with_two_samples(config):
    side = config.least_side
    network = build(config, side)

    logits, loss = logits_and_loss(network, draw_images(2, side), torch.tensor([0, 1]))
    loss.backward()

    assert logits.shape == (2, NUM_CLASSES)
    assert logits.isfinite().all()


@every_network_of_known_size
@pytest.mark.parametrize("axis", [0, 1])
def test_an_image_too_small_is_refused_with_the_least_size(config, axis):
    least, sides = config.least_side, [28, 28]
    sides[axis] = least - 1

    told = (
        f"'{config.name}' needs .* at least {least} x {least} pixels, .* {sides[0]} x {sides[1]}"
    )
    with pytest.raises(UserError, match=told):
        build_cnn(config, (NUM_CHANNELS, *sides), NUM_CLASSES)
