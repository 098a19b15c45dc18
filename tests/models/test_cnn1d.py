import pytest
import torch
from torch.nn import functional

from foldwise.models import cnn1d
from foldwise.models.config.temporal import Cnn1dConfig
from foldwise.models.input_spec import SeriesSpec, TokenSpec
from foldwise.models.real_steps import PaddedSteps

LETTERS, FIRST_LETTER = "ACGT", 2  # tokens 0 and 1 are padding and unknown
MOTIF, NUM_STEPS, NUM_SEQUENCES = "TATAATGC", 60, 400
DNA = TokenSpec(FIRST_LETTER + len(LETTERS), NUM_STEPS)


def build(spec, num_outputs=2, **parameters):
    torch.manual_seed(0)
    return cnn1d.build(Cnn1dConfig(**parameters), spec, num_outputs)


def sequences_with_a_planted_motif():
    """Return random letters, the motif somewhere in every other row, and which rows these are."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, (NUM_SEQUENCES, NUM_STEPS), generator=generator)
    starts = torch.randint(NUM_STEPS - len(MOTIF), (NUM_SEQUENCES,), generator=generator)
    motif = torch.tensor([LETTERS.index(letter) for letter in MOTIF])
    for row in range(1, NUM_SEQUENCES, 2):
        tokens[row, starts[row] : starts[row] + len(MOTIF)] = motif
    return tokens + FIRST_LETTER, torch.arange(NUM_SEQUENCES) % 2


def fit(network, tokens, targets, loss):
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(15):
        for batch in torch.randperm(len(tokens), generator=generator).split(50):
            optimizer.zero_grad()
            loss(network(tokens[batch]), targets[batch]).backward()
            optimizer.step()


@pytest.mark.parametrize("is_regression", [False, True], ids=["classes", "numbers"])
def test_a_planted_motif_is_read_off_a_first_filter(is_regression):
    tokens, has_motif = sequences_with_a_planted_motif()
    network = build(DNA, 2 - is_regression, token_input="one_hot", widths=(8,), kernel_sizes=(12,))
    before = strongest_letters(network)

    if is_regression:
        fit(network, tokens, has_motif[:, None].float(), functional.mse_loss)
    else:
        fit(network, tokens, has_motif, functional.cross_entropy)

    # By chance: 8 filters, 5 places in each, 4^8 words.
    assert any(MOTIF in letters for letters in strongest_letters(network))
    assert not any(MOTIF in letters for letters in before)


def strongest_letters(network):
    """Return the letter that each filter answers to most at each of its steps."""
    filters = network.first_filters()[:, 1:]  # without the unknown token
    return ["".join(LETTERS[i] for i in row) for row in filters.argmax(dim=1).tolist()]


@pytest.mark.parametrize("token_input", ["one_hot", "embedding"])
def test_filters_say_what_the_first_layer_answers_to_tokens(token_input):
    network = build(DNA, token_input=token_input, widths=(5,), kernel_sizes=(7,), embedding_size=3)
    tokens, _ = sequences_with_a_planted_motif()
    network(tokens)
    network.eval()

    one_hot = functional.one_hot(tokens, DNA.num_tokens)[..., 1:].transpose(1, 2).float()

    assert network.first_filters().shape == (5, DNA.num_tokens - 1, 7)
    assert_answers(network, tokens, one_hot)


def test_filters_say_what_the_first_layer_answers_to_series():
    network = build(SeriesSpec(3, 20), widths=(5,), kernel_sizes=(7,))
    channels = torch.randn(4, 20, 3, generator=torch.Generator().manual_seed(0)) + 1
    series = torch.cat([channels, torch.ones(4, 20, 1)], dim=2)
    network(series)
    network.eval()

    assert network.first_filters().shape == (5, 3, 7)
    assert_answers(network, series, channels.transpose(1, 2))


def assert_answers(network, inputs, features):
    """Compare differences between windows: they are free of the offset."""
    given = []
    # The activation works in place.
    network.block1.norm.register_forward_hook(lambda module, args, out: given.append(out.clone()))
    with torch.no_grad():
        network(inputs)

    answers = functional.conv1d(features, network.first_filters())
    inside = given[0].squeeze(2)[..., 3:-3]  # windows without a border

    torch.testing.assert_close(answers.diff(dim=2), inside.diff(dim=2), rtol=1e-4, atol=1e-4)
    assert not network.first_filters().requires_grad


@pytest.mark.parametrize(
    ("pooling", "expected"), [("max", [2.0, 5.0, 4.0]), ("mean", [1.5, 4.0, 4.0])]
)
@pytest.mark.parametrize("num_padding", [0, 1, 4])
def test_pooling_halves_the_steps_rounded_up_and_leaves_padding_out(
    pooling, expected, num_padding
):
    network = build(SeriesSpec(1, 5), pooling=pooling)
    x = functional.pad(torch.tensor([[[[1.0, 2.0, 3.0, 5.0, 4.0]]]]), (0, num_padding))
    mask = (torch.arange(5 + num_padding) < 5).reshape(1, 1, 1, -1)
    steps = PaddedSteps(mask) if num_padding else None

    pooled, left = network._pooled(x, steps)

    num_left = len(expected)
    assert pooled.flatten().tolist() == expected + [0] * (pooled.shape[3] - num_left)
    assert pooled.shape[3] == (5 + num_padding + 1) // 2
    if left is not None:
        assert left.mask.flatten().tolist() == [i < num_left for i in range(pooled.shape[3])]


def test_pooling_doubles_what_later_kernels_see():
    def num_seen(pooling):
        # Without a rectifier that cuts paths.
        network = build(SeriesSpec(1, 64), pooling=pooling, activation="gelu").eval()
        series = torch.ones(1, 64, 2).requires_grad_()
        given = []
        network.block3.register_forward_hook(lambda module, args, output: given.append(output))
        network(series)
        given[0][..., given[0].shape[3] // 2].sum().backward()
        num_seen = int((series.grad[..., 0] != 0).sum())
        assert network.receptive_field == num_seen
        return num_seen

    assert num_seen("none") == 9 + 4 + 2
    assert num_seen("mean") == 9 + 1 + 2 * 4 + 2 + 4 * 2


def test_the_number_of_parameters():
    network = build(DNA, token_input="one_hot", widths=(6, 8), kernel_sizes=(9, 3))

    count = 5 * 9 * 6 + 2 * 6 + 6 * 3 * 8 + 2 * 8 + 2 * (8 + 1)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("readout", ["max", "mean", "flatten"])
def test_flatten_alone_tells_where_something_is(readout):
    network = build(DNA, widths=(4,), kernel_sizes=(1,), readout=readout, token_input="one_hot")
    here = torch.full((1, NUM_STEPS), FIRST_LETTER)
    there = here.clone()
    here[0, 5], there[0, 40] = FIRST_LETTER + 1, FIRST_LETTER + 1
    with torch.no_grad():
        difference = network.eval()(here) - network(there)
    assert (difference.abs().max() > 1e-4) == (readout == "flatten")


def test_flatten_takes_sequences_of_other_lengths_than_it_was_built_for():
    network = build(SeriesSpec(1, 12), readout="flatten").eval()
    series = torch.randn(2, 12, 1, generator=torch.Generator().manual_seed(0))
    inputs = torch.cat([series, torch.ones(2, 12, 1)], dim=2)
    with torch.no_grad():
        whole = network(inputs)
        shorter = network(inputs[:, :7])
        assert shorter.shape == whole.shape
        assert not torch.allclose(shorter, whole)
