"""What every network for tables promises."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from foldwise.models import linear_model, mlp
from foldwise.models.config.dense import (
    LinearConfig,
    LogisticConfig,
    MlpConfig,
    PerceptronConfig,
)
from foldwise.models.input_spec import TableSpec
from foldwise.models.model_card import model_card
from foldwise.models.parts import head_name
from foldwise.models.perceptron import perceptron_loss

SPEC = TableSpec((0, 4, 0, 3))
NUM_SAMPLES, NUM_OUTPUTS = 12, 3
DENSE = {
    "perceptron": PerceptronConfig(),
    "logistic": LogisticConfig(),
    "linear": LinearConfig(),
    "mlp": MlpConfig(),
    "plain": MlpConfig(number_embedding="none", widths=(8,), activation="sigmoid"),
    "batch-maxout-residual": MlpConfig(
        norm="batch", activation="maxout", residual=True, widths=(32, 16, 16)
    ),
    "layer-periodic-one_hot": MlpConfig(
        norm="layer", number_embedding="periodic", category_input="one_hot"
    ),
}
every_network = pytest.mark.parametrize("config", DENSE.values(), ids=DENSE)


def build(config, seed=0, spec=SPEC):
    torch.manual_seed(seed)
    module = mlp if isinstance(config, MlpConfig) else linear_model
    return module.build(config, spec, NUM_OUTPUTS)


def without_dropout(config):
    is_mlp = isinstance(config, MlpConfig)
    return config.model_copy(update={"dropout": 0.0}) if is_mlp else config


def draw_rows(num_samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(num_samples, 2, generator=generator)
    first = torch.randint(1, 4, (num_samples,), generator=generator)
    second = torch.randint(1, 3, (num_samples,), generator=generator)
    return torch.stack([numbers[:, 0], first, numbers[:, 1], second], dim=1)


def some_labels(config, rows):
    """Of one layer, labels that it can learn; of others any."""
    if isinstance(config, MlpConfig):
        return torch.arange(NUM_SAMPLES) % NUM_OUTPUTS
    return torch.stack([rows[:, 0], -rows[:, 0], rows[:, 1] - 2], dim=1).argmax(1)


@every_network
def test_one_batch_can_be_learned_by_heart_and_all_parameters_take_part(config):
    rows, moved = draw_rows(NUM_SAMPLES), set()
    network, labels = build(without_dropout(config)), some_labels(config, rows)
    if isinstance(config, MlpConfig):
        network.initialise_from(rows)
    loss_of = perceptron_loss if config.name == "perceptron" else functional.cross_entropy
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)

    for _ in range(300):
        optimizer.zero_grad()
        outputs = network(rows)
        loss_of(outputs, labels).backward()
        moved |= {name for name, p in network.named_parameters() if p.grad.any()}
        if torch.equal(outputs.argmax(1), labels):
            break
        optimizer.step()
    else:
        pytest.fail("after 300 steps")

    assert outputs.shape == (NUM_SAMPLES, NUM_OUTPUTS)
    assert outputs.dtype == torch.float32
    assert moved == {name for name, _ in network.named_parameters()}


@every_network
def test_weights_that_were_saved_make_an_equal_network(config, tmp_path):
    network, other = build(config), build(config, seed=1)
    rows = draw_rows(5)
    if isinstance(config, MlpConfig):
        network.initialise_from(draw_rows(50, seed=2))
    network(rows)  # running statistics that differ from their initial values

    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))

    with torch.no_grad():
        assert torch.equal(other.eval()(rows), network.eval()(rows))


@every_network
def test_it_is_built_and_runs_where_there_are_shapes_alone(config):
    with torch.device("meta"):
        network = build(config)
        outputs = network(torch.empty(5, 4))

    assert outputs.shape == (5, NUM_OUTPUTS)
    card = model_card(build(config), SPEC.shape)
    assert card.num_parameters == sum(p.numel() for p in network.parameters())


@every_network
def test_in_bfloat16_it_says_nearly_the_same(config):
    network, rows = build(config).eval(), draw_rows(64)

    with torch.no_grad():
        exact = network(rows)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(rows)

    assert rounded.isfinite().all()
    torch.testing.assert_close(rounded.float(), exact, atol=0.05 * exact.std().item(), rtol=0.05)


@every_network
def test_what_the_head_gives_are_the_outputs(config):
    network, given = build(config).eval(), []
    head = network.get_submodule(head_name(network))
    head.register_forward_hook(lambda module, args, output: given.append(output))

    outputs = network(draw_rows(2))

    assert torch.equal(given[-1], outputs)


@every_network
def test_it_can_be_exported(config):
    network, rows = build(config).eval(), draw_rows(2)

    exported = torch.export.export(network, (rows,)).module()

    with torch.no_grad():
        torch.testing.assert_close(exported(rows), network(rows))


@every_network
@pytest.mark.parametrize("cardinalities", [(0,), (3,), (2, 2)])
def test_columns_of_one_kind_alone_are_enough(config, cardinalities):
    rows = torch.tensor([[1.0], [0.0], [1.0]]).repeat(1, len(cardinalities))

    outputs = build(config, spec=TableSpec(cardinalities))(rows)

    assert outputs.isfinite().all()
    assert outputs.shape == (3, NUM_OUTPUTS)


@every_network
def test_a_category_that_training_never_saw_is_predicted_for(config):
    rows = draw_rows(4)
    rows[:, [1, 3]] = 0

    assert build(config).eval()(rows).isfinite().all()
