import torch
from torch import nn

from foldwise.models import fcn
from foldwise.models.config.temporal import FcnConfig
from foldwise.models.input_spec import SeriesSpec


def num_parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_number_of_parameters_is_that_of_the_papers_network_without_idle_biases():
    network = fcn.build(FcnConfig(), SeriesSpec(1, 150), 2)

    convolutions = 1 * 8 * 128 + 128 * 5 * 256 + 256 * 3 * 128
    norms = 2 * (128 + 256 + 128)
    assert num_parameters(network) == convolutions + norms + (128 + 1) * 2 == 264_450


def test_it_computes_what_torchs_layers_in_a_row_compute():
    torch.manual_seed(0)
    network = fcn.build(FcnConfig(widths=(4, 6, 4)), SeriesSpec(3, 20), 2)
    reference = nn.Sequential(
        *(nn.Conv1d(3, 4, 8, padding="same", bias=False), nn.BatchNorm1d(4), nn.ReLU()),
        *(nn.Conv1d(4, 6, 5, padding="same", bias=False), nn.BatchNorm1d(6), nn.ReLU()),
        *(nn.Conv1d(6, 4, 3, padding="same", bias=False), nn.BatchNorm1d(4), nn.ReLU()),
        *(nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 2)),
    )
    own = network.state_dict().values()
    pairs = zip(reference.state_dict().items(), own, strict=True)
    reference.load_state_dict({name: w.reshape(other.shape) for (name, other), w in pairs})
    channels = torch.randn(5, 20, 3)
    series = torch.cat([channels, torch.ones(5, 20, 1)], dim=2)

    for mode in (True, False):
        expected = reference.train(mode)(channels.transpose(1, 2))
        torch.testing.assert_close(network.train(mode)(series), expected)
