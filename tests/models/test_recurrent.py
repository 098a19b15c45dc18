from typing import get_args

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from foldwise.models.config.recurrent import (
    GruConfig,
    LstmConfig,
    Readout,
    RecurrentConfig,
    RnnConfig,
)
from foldwise.models.initialisation import initialise
from foldwise.models.input_spec import SeriesSpec, TokenSpec
from foldwise.models.parts import head_name, stage_names
from foldwise.models.recurrent import build

HIDDEN, NUM_CLASSES, NUM_CHANNELS, NUM_TOKENS = 8, 3, 2, 7
LENGTHS = (9, 4, 1, 7, 9, 2)
CONFIGS = {"rnn": RnnConfig, "lstm": LstmConfig, "gru": GruConfig}
SERIES, TOKENS = SeriesSpec(NUM_CHANNELS, max(LENGTHS)), TokenSpec(NUM_TOKENS, max(LENGTHS))

every_network = pytest.mark.parametrize("name", CONFIGS)
every_readout = pytest.mark.parametrize("readout", get_args(Readout))
every_input = pytest.mark.parametrize(
    ("spec", "token_input"),
    [(SERIES, "embedding"), (TOKENS, "embedding"), (TOKENS, "one_hot")],
    ids=["series", "embedded", "one_hot"],
)


def make(name, spec=SERIES, seed=0, **parameters):
    torch.manual_seed(seed)
    config = CONFIGS[name](**{"hidden_size": HIDDEN, "dropout": 0.0, **parameters})
    return build(config, spec, NUM_CLASSES)


def draw(spec, lengths=LENGTHS, num_steps=None, seed=0):
    """Sequences of these lengths, padded to the longest or further."""
    generator = torch.Generator().manual_seed(seed)
    num_steps = num_steps or max(lengths)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    padding = num_steps - max(lengths)
    if isinstance(spec, TokenSpec):
        tokens = torch.randint(1, NUM_TOKENS, mask.shape, generator=generator) * mask
        return functional.pad(tokens, (0, padding))
    values = torch.randn(*mask.shape, NUM_CHANNELS, generator=generator)
    series = torch.cat([values, torch.ones(*mask.shape, 1)], dim=-1) * mask.unsqueeze(-1)
    return functional.pad(series, (0, 0, 0, padding))


def step(name, cell, x, h, c=None):
    """One step by the formulas of the papers, from torch's weights: (h, c)."""
    of_x = (x @ cell.weight_ih_l0.T + cell.bias_ih_l0).chunk(
        cell.weight_ih_l0.shape[0] // HIDDEN, 1
    )
    of_h = (h @ cell.weight_hh_l0.T + cell.bias_hh_l0).chunk(
        cell.weight_ih_l0.shape[0] // HIDDEN, 1
    )
    if name == "rnn":
        return torch.tanh(of_x[0] + of_h[0]), None
    if name == "gru":
        reset, update = (torch.sigmoid(of_x[i] + of_h[i]) for i in (0, 1))
        candidate = torch.tanh(of_x[2] + reset * of_h[2])
        return (1 - update) * candidate + update * h, None
    into, forget, out = (torch.sigmoid(of_x[i] + of_h[i]) for i in (0, 1, 3))
    c = forget * c + into * torch.tanh(of_x[2] + of_h[2])
    return out * torch.tanh(c), c


@every_network
def test_the_same_cell_by_the_papers_formula_stands_at_every_step(name):
    network, series = make(name, bidirectional=False), draw(SERIES, (6, 6))
    cell = network.layer1.ahead
    nn.init.normal_(cell.bias_hh_l0)  # that no bias is left out
    h = c = torch.zeros(2, HIDDEN)

    states, _ = network.states(series)

    for t in range(6):
        h, c = step(name, cell, series[:, t, :-1], h, c)
        torch.testing.assert_close(states[:, t], h)


@pytest.mark.parametrize(
    ("name", "cell_class"), [("rnn", nn.RNNCell), ("lstm", nn.LSTMCell), ("gru", nn.GRUCell)]
)
def test_one_step_is_that_of_torchs_cell(name, cell_class):
    network, x = make(name, bidirectional=False), draw(SERIES, (1, 1))
    weights = network.layer1.ahead.state_dict()
    cell = cell_class(NUM_CHANNELS, HIDDEN)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in weights.items()})

    states, _ = network.states(x)

    expected = cell(x[:, 0, :-1])
    torch.testing.assert_close(states[:, 0], expected[0] if name == "lstm" else expected)


def test_elmans_network_can_have_rectifiers():
    network, x = make("rnn", nonlinearity="relu", bidirectional=False), draw(SERIES, (5,))

    states, _ = network.states(x)

    h = torch.zeros(HIDDEN)
    for t in range(5):  # the recurrent weights are the identity at first
        h = torch.relu(network.layer1.ahead.weight_ih_l0 @ x[0, t, :-1] + h)
    torch.testing.assert_close(states[0, -1], h)
    assert bool((states == 0).any())


@every_network
def test_how_many_parameters_there_are_does_not_depend_on_the_length(name):
    counts = {
        sum(p.numel() for p in make(name, SeriesSpec(NUM_CHANNELS, num_steps)).parameters())
        for num_steps in (1, 10, 1000)
    }

    assert len(counts) == 1


@pytest.mark.parametrize(("name", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_number_of_parameters_is_that_of_the_formula(name, gates, bidirectional):
    network = make(name, num_layers=2, bidirectional=bidirectional, readout="last")

    directions = 2 if bidirectional else 1
    inputs = (NUM_CHANNELS, directions * HIDDEN)
    layers = sum(directions * gates * HIDDEN * (size + HIDDEN + 2) for size in inputs)
    head = (directions * HIDDEN + 1) * NUM_CLASSES
    assert sum(p.numel() for p in network.parameters()) == layers + head


@every_network
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_are_those_of_torchs_packed_sequences(name, bidirectional):
    network = make(name, num_layers=2, bidirectional=bidirectional)
    torch_class = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[name]
    reference = torch_class(NUM_CHANNELS, HIDDEN, 2, batch_first=True, bidirectional=bidirectional)
    for number, layer in ((0, network.layer1), (1, network.layer2)):
        for cell, suffix in ((layer.ahead, ""), (layer.back, "_reverse")):
            for key, value in cell.state_dict().items() if cell is not None else ():
                reference.get_parameter(key.replace("_l0", f"_l{number}{suffix}")).data = value
    series = draw(SERIES, num_steps=12)

    packed = pack_padded_sequence(
        series[..., :-1], torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False
    )
    expected, _ = pad_packed_sequence(reference(packed)[0], batch_first=True, total_length=12)
    states, mask = network.states(series)

    torch.testing.assert_close(states[mask], expected[mask])


@every_network
@every_readout
@every_input
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_further_padding_changes_nothing(
    name, readout, spec, token_input, bidirectional, training
):
    network = make(
        name, spec, readout=readout, token_input=token_input,
        bidirectional=bidirectional, num_layers=2, dropout=0.3,
    ).train(training)  # fmt: skip

    outputs = []
    for num_steps in (9, 17):
        torch.manual_seed(1)
        outputs.append(network(draw(spec, num_steps=num_steps)))

    assert outputs[0].shape == (len(LENGTHS), NUM_CLASSES)
    torch.testing.assert_close(outputs[0], outputs[1], atol=1e-6, rtol=1e-5)


@every_network
@every_readout
def test_a_sequence_is_read_as_if_it_were_alone(name, readout):
    network, series = make(name, readout=readout, num_layers=2), draw(SERIES)

    together = network(series)

    alone = [
        network(one[:length].unsqueeze(0)) for one, length in zip(series, LENGTHS, strict=True)
    ]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=1e-5)


@every_network
@every_readout
def test_the_order_of_a_batch_does_not_matter(name, readout):
    network, series = make(name, readout=readout), draw(SERIES)
    order = torch.tensor([3, 0, 5, 1, 4, 2])

    torch.testing.assert_close(network(series[order]), network(series)[order])


@every_network
def test_reading_backwards_is_reading_what_is_turned_round(name):
    """With the weights of the two directions swapped, and the halves of the states."""
    network, other = make(name), make(name)
    other.layer1.ahead, other.layer1.back = network.layer1.back, network.layer1.ahead
    series = draw(SERIES, (5, 5))

    states, turned = network.states(series)[0], other.states(series.flip(1))[0].flip(1)

    torch.testing.assert_close(states, turned.roll(HIDDEN, dims=-1))


@every_network
def test_in_one_direction_no_state_depends_on_what_comes_later(name):
    network, series = make(name, num_layers=2, bidirectional=False), draw(SERIES, (6, 6))
    changed = series.clone()
    changed[:, 4:, :-1] += 1

    states, others = network.states(series)[0], network.states(changed)[0]

    torch.testing.assert_close(states[:, :4], others[:, :4])
    assert bool((states[:, 4:] != others[:, 4:]).any(dim=-1).all())


@every_network
@every_readout
@every_input
def test_one_batch_can_be_learned_by_heart_and_all_parameters_take_part(
    name, readout, spec, token_input
):
    network = make(name, spec, readout=readout, token_input=token_input, num_layers=2)
    inputs, labels = draw(spec), torch.arange(len(LENGTHS)) % NUM_CLASSES
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    moved = set()

    for _ in range(80):
        optimizer.zero_grad()
        outputs = network(inputs)
        functional.cross_entropy(outputs, labels).backward()
        optimizer.step()
        moved |= {key for key, p in network.named_parameters() if p.grad.any()}
        if torch.equal(outputs.argmax(dim=1), labels):
            break
    else:
        pytest.fail("the batch was not learned in 80 steps")

    assert {key for key, _ in network.named_parameters()} - moved == set()


@every_network
@every_input
def test_weights_that_were_saved_make_an_equal_network(name, spec, token_input, tmp_path):
    network = make(name, spec, token_input=token_input, num_layers=2).eval()
    other = make(name, spec, seed=1, token_input=token_input, num_layers=2).eval()

    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))

    assert torch.equal(network(draw(spec)), other(draw(spec)))


@every_network
def test_its_stages_are_its_layers_and_the_last_dense_layer_is_its_head(name):
    network, given = make(name, TOKENS, num_layers=2, readout="attention"), []
    network.get_submodule(head_name(network)).register_forward_hook(
        lambda module, args, output: given.append(output)
    )

    outputs = network(draw(TOKENS))

    assert torch.equal(given[-1], outputs)
    assert stage_names(network) == ("input", "layer1", "layer2", "readout", "head")


@pytest.mark.filterwarnings("ignore:The tensor attributes")  # torch's list of its own weights
@pytest.mark.parametrize(
    ("name", "spec", "token_input"),
    [
        ("lstm", SERIES, "embedding"),
        ("gru", TOKENS, "one_hot"),
        pytest.param("rnn", TOKENS, "embedding", marks=pytest.mark.slow),
    ],
)
def test_it_can_be_exported_and_then_takes_other_lengths_padded(name, spec, token_input):
    network = make(name, spec, token_input=token_input, readout="attention").eval()

    exported = torch.export.export(network, (draw(spec),)).module()

    others = draw(spec, (3, 9, 5, 1, 2, 8), seed=1)
    torch.testing.assert_close(exported(others), network(others))


@every_network
@pytest.mark.parametrize("lengths", [LENGTHS, (9, 9, 9, 9, 9, 9)], ids=["unequal", "equal"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_fitted_in_bfloat16_as_in_float32(name, lengths, dtype):
    network, series = make(name, num_layers=2), draw(SERIES, lengths)
    labels, gradients = torch.arange(len(lengths)) % NUM_CLASSES, []

    for is_mixed in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
            outputs = network(series.to(dtype if is_mixed else torch.float32))
        functional.cross_entropy(outputs.float(), labels).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))

    assert gradients[1].dtype == torch.float32
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999


@every_network
def test_a_sequence_without_steps_gives_numbers(name):
    for readout in get_args(Readout):
        network, series = make(name, readout=readout), draw(SERIES, (3, 2))
        series[1] = 0

        network(series).sum().backward()

        assert all(bool(p.grad.isfinite().all()) for p in network.parameters())


def test_attention_tells_the_weights_with_which_the_states_are_added_up():
    network, series = make("lstm", readout="attention"), draw(SERIES, num_steps=12)

    weights, (states, mask) = network.attention(series), network.states(series)

    assert weights.shape == (len(LENGTHS), 12)
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0] * len(LENGTHS))
    assert not weights[~mask].any()
    added_up = torch.einsum("bt,btd->bd", weights, states)
    torch.testing.assert_close(network.head(added_up), network(series))


def test_without_attention_there_are_no_weights_to_tell():
    with pytest.raises(ValueError, match="readout 'attention'"):
        make("gru", readout="mean").attention(draw(SERIES))


def test_dropout_between_layers_takes_a_feature_at_all_steps():
    network = make("lstm", num_layers=2, dropout=0.5).train()
    given = []
    network.layer2.ahead.register_forward_pre_hook(lambda _, args: given.append(args[0]))

    network(draw(SERIES, (9, 9, 9)))

    is_gone = given[0] == 0  # (B, T, D)
    assert torch.equal(is_gone.all(dim=1), is_gone.any(dim=1))
    assert 0.2 < is_gone.float().mean() < 0.8
    assert not torch.equal(is_gone[0], is_gone[1])


@pytest.mark.parametrize(
    ("name", "gate", "bias"), [("lstm", 1, 1.0), ("gru", 1, 1.0), ("lstm", 1, 3.0)]
)
def test_recurrent_weights_start_orthogonal_and_the_gate_that_keeps_open(name, gate, bias):
    given = {} if bias == 1 else {"forget_bias": bias}
    cell = make(name, **given).layer1.back

    for matrix in cell.weight_hh_l0.split(HIDDEN):
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(HIDDEN))
    biases = (cell.bias_ih_l0 + cell.bias_hh_l0).view(-1, HIDDEN)
    expected = torch.zeros_like(biases)
    expected[gate] = bias
    assert torch.equal(biases, expected)


@every_network
def test_another_initialisation_is_of_the_dense_layers(name):
    network = make(name, readout="attention")
    before = {key: value.clone() for key, value in network.state_dict().items()}

    initialise(network, "zeros")

    changed = {key for key, value in network.state_dict().items() if (value != before[key]).any()}
    dense = ("readout.projection.weight", "readout.score.weight", "head.weight")
    assert changed >= set(dense)
    assert not any(key.startswith("layer") for key in changed)


def share_of_first_step(name, num_steps, **parameters):
    """Gradient norm at the first step, relative to that at the last."""
    network = make(name, hidden_size=32, bidirectional=False, readout="last", **parameters)
    series = draw(SERIES, (num_steps,) * 16).requires_grad_()
    (gradient,) = torch.autograd.grad(network(series).square().sum(), series)
    norms = gradient[..., :-1].norm(dim=(0, 2))
    return (norms[0] / norms[-1]).item()


def test_gradients_of_elmans_network_vanish_with_length_and_those_of_an_lstm_much_less():
    elman, lstm = (
        [share_of_first_step(name, num_steps) for num_steps in (10, 40, 160)]
        for name in ("rnn", "lstm")
    )

    assert elman[0] > 1e3 * elman[2]
    assert elman[2] < 1e-6
    assert lstm[2] > 1e3 * elman[2]
    assert lstm[1] > 3 * elman[1]


def test_it_is_the_bias_of_the_forget_gate_that_keeps_an_lstms_gradients():
    shares = [share_of_first_step("lstm", 80, forget_bias=bias) for bias in (0, 1, 4)]

    assert shares[1] > 1e3 * shares[0]
    assert shares[2] > 10 * shares[1]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"readout": "median"}, "'last', 'mean', 'max' or 'attention'"),
        ({"num_layers": 0}, "greater than or equal to 1"),
        ({"hidden_size": 0}, "greater than or equal to 1"),
        ({"dropout": 1.0}, "less than 1"),
        ({"nonlinearity": "tanh"}, "unknown parameter 'nonlinearity'"),
    ],
)
def test_wrong_parameters_are_refused(parameters, told):
    with pytest.raises(ValidationError, match=told):
        LstmConfig(**parameters)


def test_all_recurrent_networks_share_their_parameters():
    for config_class in CONFIGS.values():
        assert issubclass(config_class, RecurrentConfig)
        assert config_class().name == config_class.model_fields["name"].default
