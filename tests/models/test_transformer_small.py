import pytest
import torch

from foldwise.models import transformer_small
from foldwise.models.config.temporal import TransformerSmallConfig
from foldwise.models.input_spec import SeriesSpec, TokenSpec
from foldwise.models.transformer_small import sinusoids

NUM_STEPS = 10


def build(spec=None, **parameters):
    torch.manual_seed(0)
    config = TransformerSmallConfig(width=16, feedforward=24, dropout=0.0, **parameters)
    return transformer_small.build(config, spec or SeriesSpec(3, NUM_STEPS), 2).eval()


def draw_series(num_steps=NUM_STEPS):
    generator = torch.Generator().manual_seed(0)
    channels = torch.randn(2, num_steps, 3, generator=generator)
    return torch.cat([channels, torch.ones(2, num_steps, 1)], dim=2)


def test_sinusoids_are_those_of_the_paper():
    waves = sinusoids(torch.arange(4), 6)

    assert waves.shape == (4, 6)
    slowness = 10_000 ** (2 / 6)
    assert waves[3, 0].item() == pytest.approx(torch.tensor(3.0).sin().item())
    assert waves[3, 1].item() == pytest.approx(torch.tensor(3 / slowness).sin().item())
    assert waves[3, 3].item() == pytest.approx(torch.tensor(3.0).cos().item())


def test_how_alike_two_places_are_depends_on_their_distance_alone():
    waves = sinusoids(torch.arange(50), 16)

    likeness = waves @ waves.T

    torch.testing.assert_close(likeness[10:, 10:], likeness[:-10, :-10], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("position", ["sinusoidal", "learned"])
@pytest.mark.parametrize("readout", ["mean", "cls"])
def test_the_order_of_the_steps_matters_by_their_places_alone(position, readout, monkeypatch):
    network, series = build(position=position, readout=readout), draw_series()
    backwards = series.flip(1)

    with torch.no_grad():
        assert not torch.allclose(network(series), network(backwards), atol=1e-3)
        monkeypatch.setattr(network, "_places", lambda x: 0)
        torch.testing.assert_close(network(series), network(backwards), rtol=1e-4, atol=1e-5)


def test_steps_beyond_the_longest_known_share_the_last_learned_place():
    network = build(position="learned")
    x = torch.zeros(1, NUM_STEPS + 2, 16)

    places = network._places(x)

    assert torch.equal(places[:NUM_STEPS], network.places.weight)
    assert torch.equal(places[NUM_STEPS:], network.places.weight[-1:].expand(2, -1))
    assert network(draw_series(NUM_STEPS + 2)).isfinite().all()


def test_the_number_of_parameters():
    network = build(TokenSpec(7, NUM_STEPS), embedding_size=5, depth=3)

    attention = 4 * 16 * (16 + 1)
    dense = 24 * (16 + 1) + 16 * (24 + 1)
    layer = attention + dense + 2 * 2 * 16
    count = 7 * 5 + 16 * (5 + 1) + 3 * layer + 2 * 16 + 2 * (16 + 1)
    assert sum(p.numel() for p in network.parameters()) == count
