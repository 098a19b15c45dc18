"""What every convolutional or attention network for sequences promises."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.func import functional_call
from torch.nn import functional

from foldwise.models import cnn1d, fcn, inception_time, resnet1d, tcn, transformer_small
from foldwise.models.config.temporal import (
    Cnn1dConfig,
    FcnConfig,
    InceptionTimeConfig,
    ResNet1dConfig,
    TcnConfig,
    TransformerSmallConfig,
)
from foldwise.models.input_spec import SeriesSpec, TokenSpec
from foldwise.models.parts import head_name, stage_names

NUM_OUTPUTS, NUM_STEPS = 3, 12
LENGTHS = (12, 7, 1, 4)
SERIES, TOKENS = SeriesSpec(2, NUM_STEPS), TokenSpec(6, NUM_STEPS)
BUILDERS = {
    Cnn1dConfig: cnn1d.build,
    FcnConfig: fcn.build,
    ResNet1dConfig: resnet1d.build,
    InceptionTimeConfig: inception_time.build,
    TcnConfig: tcn.build,
    TransformerSmallConfig: transformer_small.build,
}
NARROW = {
    "cnn1d": Cnn1dConfig(widths=(8, 8, 6)),
    "cnn1d-mean": Cnn1dConfig(
        widths=(8, 8), kernel_sizes=(4, 3), pooling="mean", readout="mean", activation="sigmoid"
    ),
    "cnn1d-flatten": Cnn1dConfig(widths=(8, 8), kernel_sizes=(5, 3), readout="flatten"),
    "cnn1d-none": Cnn1dConfig(widths=(8,), kernel_sizes=(5,), pooling="none", activation="elu"),
    "fcn": FcnConfig(widths=(8, 10, 8)),
    "resnet1d": ResNet1dConfig(widths=(6, 8, 8)),
    "inception_time": InceptionTimeConfig(num_filters=4, bottleneck=5),
    "inception_time-even": InceptionTimeConfig(num_filters=4, depth=2, kernel_sizes=(4, 10)),
    "tcn": TcnConfig(width=8, kernel_size=3),
    "tcn-batch": TcnConfig(width=8, norm="batch", readout="mean"),
    "tcn-none": TcnConfig(width=8, norm="none", num_levels=1),
    "transformer_small": TransformerSmallConfig(width=16, feedforward=24),
    "transformer_small-cls": TransformerSmallConfig(
        width=16, feedforward=24, readout="cls", position="learned"
    ),
}
every_network = pytest.mark.parametrize(
    "config", [pytest.param(config, id=name) for name, config in NARROW.items()]
)
every_default = pytest.mark.parametrize("config_class", BUILDERS, ids=lambda c: c().name)
both_kinds = pytest.mark.parametrize("spec", [SERIES, TOKENS], ids=["series", "tokens"])
both_modes = pytest.mark.parametrize("is_training", [False, True], ids=["eval", "train"])


def build(config, spec=SERIES, seed=0):
    """Without dropout: its draws depend on how long a batch is."""
    torch.manual_seed(seed)
    config = config.model_copy(update={"dropout": 0.0})
    return BUILDERS[type(config)](config, spec, NUM_OUTPUTS)


def draw(spec, lengths=LENGTHS):
    """Return inputs of these lengths, padded up to the longest."""
    generator = torch.Generator().manual_seed(1)
    size = len(lengths), max(lengths)
    mask = torch.arange(size[1]) < torch.tensor(lengths)[:, None]
    if isinstance(spec, TokenSpec):
        return torch.randint(1, spec.num_tokens, size, generator=generator) * mask
    # Channels below zero: zeros of padding would win a maximum.
    channels = torch.randn(*size, spec.num_channels, generator=generator) - 2
    return torch.cat([channels, torch.ones(*size, 1)], dim=2) * mask[..., None]


def padded_further(inputs, num_steps=9):
    return torch.cat([inputs, inputs.new_zeros(len(inputs), num_steps, *inputs.shape[2:])], dim=1)


def outcome(network, inputs):
    """Return outputs, gradients and statistics after one pass."""
    outputs = network(inputs)
    outputs.square().sum().backward()
    gradients = {name: p.grad.clone() for name, p in network.named_parameters()}
    return outputs.detach(), gradients, {n: b.clone() for n, b in network.named_buffers()}


def assert_close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@every_network
@both_kinds
@both_modes
def test_further_padding_changes_neither_outputs_nor_gradients_nor_statistics(
    config, spec, is_training
):
    inputs = draw(spec)

    expected = outcome(build(config, spec).train(is_training), inputs)
    actual = outcome(build(config, spec).train(is_training), padded_further(inputs))

    assert_close(actual, expected)


@every_network
@both_kinds
@both_modes
def test_padding_a_batch_in_which_nothing_was_padded_changes_nothing(config, spec, is_training):
    inputs = draw(spec, lengths=(5, 5, 5))

    expected = outcome(build(config, spec).train(is_training), inputs)
    actual = outcome(build(config, spec).train(is_training), padded_further(inputs))

    assert_close(actual, expected)


@every_network
@both_kinds
def test_a_sequence_among_longer_ones_gets_the_output_that_it_gets_alone(config, spec):
    network, inputs = build(config, spec), draw(spec)
    network(inputs)  # running statistics that differ from their initial values
    network.eval()

    with torch.no_grad():
        together = network(inputs)
        alone = [network(inputs[i : i + 1, :length]) for i, length in enumerate(LENGTHS)]

    assert_close(together, torch.cat(alone))


@every_network
@both_kinds
def test_one_batch_can_be_learned_by_heart_and_all_parameters_take_part(config, spec):
    network, inputs = build(config, spec), draw(spec, lengths=(12, 7, 9, 4, 10, 8))
    labels = torch.arange(6) % NUM_OUTPUTS
    parameters, moved, losses = dict(network.named_parameters()), set(), []
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)

    for _ in range(200):
        optimizer.zero_grad()
        outputs = network(inputs)
        loss = functional.cross_entropy(outputs, labels)
        loss.backward()
        moved |= {name for name, p in parameters.items() if p.grad is not None and p.grad.any()}
        losses.append(loss.item())
        if torch.equal(outputs.argmax(1), labels) and loss < losses[0] / 2:
            break
        optimizer.step()
    else:
        pytest.fail(f"after 200 steps: {losses}")

    assert outputs.shape == (6, NUM_OUTPUTS)
    assert outputs.dtype == torch.float32
    assert set(parameters) - moved == set()


@every_network
@both_kinds
def test_weights_that_were_saved_make_an_equal_network(config, spec, tmp_path):
    network, other, inputs = build(config, spec), build(config, spec, seed=1), draw(spec)
    network(inputs)

    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))

    with torch.no_grad():
        assert torch.equal(other.eval()(inputs), network.eval()(inputs))


@every_network
@both_kinds
@pytest.mark.parametrize("num_steps", [1, 2, 7])
def test_short_sequences_can_be_trained_on(config, spec, num_steps):
    network = build(config, spec)

    outputs = network(draw(spec, lengths=(num_steps, num_steps)))
    outputs.sum().backward()

    assert outputs.shape == (2, NUM_OUTPUTS)
    assert outputs.isfinite().all()
    assert all(p.grad.isfinite().all() for p in network.parameters())


@every_network
@both_modes
def test_an_empty_sequence_is_one_of_a_single_step_of_zeros(config, is_training):
    empty = draw(SERIES, lengths=(6, 0, 3))
    one_zero = empty.clone()
    one_zero[1, 0, -1] = 1

    expected = outcome(build(config).train(is_training), one_zero)
    actual = outcome(build(config).train(is_training), empty)

    assert_close(actual, expected)


@every_network
@both_kinds
@pytest.mark.parametrize("lengths", [LENGTHS, (8, 8, 8)], ids=["padded", "equal"])
def test_it_can_be_trained_in_bfloat16(config, spec, lengths):
    inputs = draw(spec, lengths)
    expected = build(config, spec)(inputs).detach()
    network = build(config, spec)

    with torch.autocast("cpu", torch.bfloat16):
        outputs = network(inputs)
    outputs.float().square().sum().backward()

    scale = expected.abs().max().item()
    torch.testing.assert_close(outputs.float(), expected, rtol=0.1, atol=0.1 * scale)
    assert all(p.grad.isfinite().all() for p in network.parameters())


@every_network
def test_shapes_are_computed_without_numbers(config):
    network = build(config).eval()
    tensors = [*network.named_parameters(), *network.named_buffers()]
    numberless = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}

    series = torch.empty(1, NUM_STEPS, 3, device="meta")
    outputs = functional_call(network, numberless, series)

    assert outputs.is_meta
    assert outputs.shape == (1, NUM_OUTPUTS)


@pytest.mark.parametrize("name", sorted({config.name for config in NARROW.values()}))
@both_kinds
def test_an_export_made_without_padding_knows_padding(name, spec):
    network, inputs = build(NARROW[name], spec).eval(), draw(spec)
    unpadded = draw(spec, lengths=(max(LENGTHS),) * len(LENGTHS))

    exported = torch.export.export(network, (unpadded,)).module()

    with torch.no_grad():
        assert_close(exported(inputs), network(inputs))


@every_network
def test_what_the_head_gives_are_the_outputs(config):
    network, given = build(config).eval(), []
    head = network.get_submodule(head_name(network))
    head.register_forward_hook(lambda module, args, output: given.append(output))

    with torch.no_grad():
        outputs = network(draw(SERIES))

    assert torch.equal(given[-1], outputs)


@every_default
def test_stages_run_from_the_input_to_the_head(config_class):
    network = build(config_class(), TOKENS)

    stages = stage_names(network)

    assert stages[0] == "input"  # the embedding
    assert stages[-1] == "head"
    assert len(stages) >= 4


@every_default
def test_dropout_is_drawn_in_training_alone(config_class):
    config, inputs = config_class(dropout=0.5), draw(SERIES)
    torch.manual_seed(0)
    network = BUILDERS[config_class](config, SERIES, NUM_OUTPUTS)

    with torch.no_grad():
        assert not torch.equal(network(inputs), network(inputs))
        network.eval()
        assert torch.equal(network(inputs), network(inputs))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (FcnConfig(widths=(4, 4, 4)), 1 + 7 + 4 + 2),
        (ResNet1dConfig(widths=(4, 4)), 1 + 2 * (7 + 4 + 2)),
        (InceptionTimeConfig(num_filters=2, depth=4, kernel_sizes=(5, 9)), 1 + 4 * 8),
        (InceptionTimeConfig(num_filters=2, depth=2, kernel_sizes=(1,)), 1 + 2 * 2),
    ],
    ids=["fcn", "resnet1d", "inception_time", "inception_time-pooling"],
)
def test_a_step_sees_as_many_steps_as_are_said(config, expected):
    network = build(config).double().eval()
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)  # no rectifier cuts a path
    series = torch.cat([torch.rand(1, 81, 2), torch.ones(1, 81, 1)], dim=2).double()
    has_changed = []

    with torch.no_grad():
        middle = network.step_outputs(series)[-1][..., 40]
        for step in range(81):
            changed = series.clone()
            changed[:, step, :2] += 100  # wins every maximum, on its way too
            other = network.step_outputs(changed)[-1][..., 40]
            has_changed.append(not torch.allclose(other, middle, rtol=0, atol=1e-12))

    seen = [step for step, changed in enumerate(has_changed) if changed]
    assert network.receptive_field == expected
    assert seen[-1] - seen[0] + 1 == expected
