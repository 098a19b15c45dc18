"""Attributions of a trained network change with its weights; edges of the input do not."""

import itertools

import numpy as np
import pytest
import torch
from baseline_samples import images
from made_networks import about_image, opened, seeded
from torch import nn

from foldwise.data.preprocessing import fit_preprocessing
from foldwise.data.preprocessing.config import ImageInputConfig
from foldwise.models.build import build_network
from foldwise.models.config import SmallCnnConfig
from foldwise.models.kernel_gallery import filtered, kernel_gallery
from foldwise.modules.inputs import input_spec, to_input
from foldwise.tasks.explain.attributions import attribute
from foldwise.tasks.explain.config import ExplainConfig
from foldwise.tasks.explain.sanity import randomised, sanity_check
from foldwise.tasks.explain.wording import UNCHANGED, sanity_verdict

CONFIG = SmallCnnConfig(widths=(6, 8))


@pytest.fixture(scope="module")
def trained():
    """A network that tells stripes across from upright ones, fitted for some steps."""
    samples = images(size=60, side=10)
    fitted = fit_preprocessing(samples, np.arange(60), ImageInputConfig())
    network = seeded(lambda: build_network(CONFIG, input_spec(fitted, (1, 10, 10)), 2))
    inputs = to_input(torch.from_numpy(samples.x).float() / 255, fitted)
    labels = torch.from_numpy(samples.y)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    network.train()
    for _ in range(30):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    assert (network.eval()(inputs).argmax(dim=1) == labels).float().mean() > 0.9
    card = {"preprocessing": fitted, "shape": (1, 10, 10), "model": CONFIG, "num_outputs": 2}
    return opened(network, **card), inputs[:4]


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "gradcam"])
def test_what_is_attributed_changes_when_the_weights_are_drawn_anew(trained, method):
    network, inputs = trained

    def attributed(opened_network):
        questions = [about_image(opened_network.network, one[None]) for one in inputs]
        return [attribute(method, question, ExplainConfig()) for question in questions]

    stages = sanity_check(network, attributed, 4, 0)
    assert stages[-1].correlation < 0.75
    assert stages[-1].similarity < 0.75
    assert "hardly" not in sanity_verdict(stages)


def test_edges_of_the_input_are_caught(trained):
    network, inputs = trained
    kernel = kernel_gallery()["Laplacian, 8 neighbours"]
    edges = [filtered(one[0].numpy(), kernel) for one in inputs]
    stages = sanity_check(network, lambda _: edges, 4, 0)
    for stage in stages:
        assert stage.correlation == pytest.approx(1)
        assert stage.similarity == pytest.approx(1)
    assert stages[-1].correlation >= UNCHANGED
    assert sanity_verdict(stages) == "hardly changes: it does not explain this network"


def test_layers_are_drawn_anew_from_the_last_to_the_first_and_come_back(trained):
    network, _ = trained
    own = {name: value.clone() for name, value in network.network.state_dict().items()}
    changed = []
    for layer in randomised(network, 100, 0):
        state = network.network.state_dict()
        weights = [n for n in own if n.endswith("weight") and not torch.equal(own[n], state[n])]
        changed.append((layer, set(weights)))
    assert next(layer for layer, _ in changed) == "classifier.2"
    assert [layer for layer, _ in changed][-1] == "features.0"
    assert changed[0][1] == {"classifier.2.weight"}
    assert all(before < after for (_, before), (_, after) in itertools.pairwise(changed))
    assert "features.0.weight" in changed[-1][1]
    for name, value in network.network.state_dict().items():
        assert torch.equal(value, own[name])


def test_the_new_weights_are_always_the_same(trained):
    network, _ = trained
    found = []
    for _ in range(2):
        steps = randomised(network, 1, 5)
        next(steps)
        found.append(network.network.features[0].weight.detach().clone())
        steps.close()
    assert torch.equal(*found)
