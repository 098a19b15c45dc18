from typing import get_args

import pytest
import torch

from foldwise.models.config.recurrent import Readout
from foldwise.models.readout import AdditiveAttention, make_readout

NUM_FEATURES = 6
LENGTHS = [5, 2, 1]
every_readout = pytest.mark.parametrize("name", get_args(Readout))


@pytest.fixture
def features():
    """(B, T, D), with large numbers at padding: whatever looks at them goes wrong."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 5, NUM_FEATURES, generator=generator)
    return features.masked_fill(~mask_of(5).unsqueeze(-1), 1e6)


def mask_of(num_steps):
    return torch.arange(num_steps) < torch.tensor(LENGTHS).unsqueeze(1)


def make(name, num_directions=1):
    torch.manual_seed(0)
    return make_readout(name, NUM_FEATURES, num_directions=num_directions)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("last", lambda steps: steps[-1]),
        ("mean", lambda steps: steps.mean(dim=0)),
        ("max", lambda steps: steps.max(dim=0).values),
    ],
)
def test_each_sequence_is_read_as_if_it_were_alone_and_not_padded(name, expected, features):
    found = make(name)(features, mask_of(5))

    alone = torch.stack([expected(of[:n]) for of, n in zip(features, LENGTHS, strict=True)])
    torch.testing.assert_close(found, alone)


def test_last_takes_the_first_step_of_the_direction_back(features):
    found = make("last", num_directions=2)(features, mask_of(5))

    half = NUM_FEATURES // 2
    ahead = [of[n - 1, :half] for of, n in zip(features, LENGTHS, strict=True)]
    assert torch.equal(found[:, :half], torch.stack(ahead))
    assert torch.equal(found[:, half:], features[:, 0, half:])


def test_attention_is_the_formula_of_bahdanau(features):
    readout = make("attention")
    matrix, bias, vector = (p.detach() for p in readout.parameters())

    weights, found = readout.weights(features, mask_of(5)), readout(features, mask_of(5))

    for row, length in enumerate(LENGTHS):
        scores = torch.stack(
            [vector[0] @ torch.tanh(matrix @ step + bias) for step in features[row, :length]]
        )
        expected = scores.exp() / scores.exp().sum()
        torch.testing.assert_close(weights[row, :length], expected)
        torch.testing.assert_close(found[row], expected @ features[row, :length])


def test_attention_weights_sum_to_one_and_are_zero_at_padding(features):
    weights = make("attention").weights(features, mask_of(5))

    assert weights.shape == (3, 5)
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0] * 3)
    assert not weights[~mask_of(5)].any()
    assert bool((weights[mask_of(5)] > 0).all())


def test_attention_can_learn_to_look_at_one_step():
    torch.manual_seed(0)
    readout = AdditiveAttention(2)
    steps = torch.rand(32, 8, 2)
    steps[..., 1] = torch.nn.functional.one_hot(torch.randint(0, 8, (32,)), 8)  # marks a step
    wanted = (steps[..., 0] * steps[..., 1]).sum(dim=1)
    mask = torch.ones(32, 8, dtype=torch.bool)
    optimizer = torch.optim.Adam(readout.parameters(), lr=0.1)

    for _ in range(100):
        optimizer.zero_grad()
        loss = (readout(steps, mask)[:, 0] - wanted).square().mean()
        loss.backward()
        optimizer.step()

    looked_at = readout.weights(steps, mask).argmax(dim=1)
    assert torch.equal(looked_at, steps[..., 1].argmax(dim=1))


@every_readout
def test_gradients_reach_the_steps_and_never_the_padding(name, features):
    features = features.clone().requires_grad_()

    make(name)(features, mask_of(5)).square().sum().backward()

    assert bool(features.grad.isfinite().all())
    assert not features.grad[~mask_of(5)].any()
    assert bool(features.grad[2, 0].any())
    if name in ("mean", "attention"):
        assert bool(features.grad[mask_of(5)].any(dim=1).all())
