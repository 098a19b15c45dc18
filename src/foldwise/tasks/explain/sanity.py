"""Whether attributions depend on what the network has learnt.

The weights are drawn anew layer by layer, from the last to the first; what is attributed has to
change. What does not change, such as the edges of the input, explains no network. Adebayo et al.,
Sanity Checks for Saliency Maps (NeurIPS 2018, arXiv 1810.03292): the cascading randomisation.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from foldwise.metrics.attribution_similarity import rank_correlation, structural_similarity
from foldwise.models.build import build_network
from foldwise.models.parts import is_auxiliary
from foldwise.modules.inputs import input_spec
from foldwise.seeds import derive_seed
from foldwise.tasks.explain.findings import Array, SanityStage
from foldwise.tasks.explain.open_network import OpenNetwork

Attribute = Callable[[OpenNetwork], Sequence[Array]]  # one for each of some inputs

_PICTURE = 2  # dimensions of what is attributed to pixels


def sanity_check(
    opened: OpenNetwork, attribute: Attribute, num_stages: int, seed: int
) -> tuple[SanityStage, ...]:
    """Return how alike attributions stay while more and more layers are drawn anew.

    Args:
        opened: A trained network; it is left as it was.
        attribute: From a network to what is attributed to the parts of some inputs.
        num_stages: In how many steps, at most, the layers are drawn anew.
        seed: Of the new weights.
    """
    trained = attribute(opened)
    stages = []
    for layer in randomised(opened, num_stages, seed):
        pairs = list(zip(trained, attribute(opened), strict=True))
        correlation = [rank_correlation(one, other) for one, other in pairs]
        similarity = [
            structural_similarity(one, other) if one.ndim == _PICTURE else np.nan
            for one, other in pairs
        ]
        stages.append(SanityStage(layer, _mean(correlation), _mean(similarity)))
    return tuple(stages)


def randomised(opened: OpenNetwork, num_stages: int, seed: int) -> Iterator[str]:
    """Draw the weights anew from the last layer to the first; yield the last one after each step.

    In the end the network has its own weights again.
    """
    network = opened.network
    own = {name: value.clone() for name, value in network.state_dict().items()}
    other = fresh_weights(opened, seed)
    new: dict[str, Tensor] = {}
    try:
        for owners in _stages(network, num_stages):
            new |= {name: other[name] for owner in owners for name in _keys(own, owner)}
            network.load_state_dict({**own, **new})
            yield owners[-1]
    finally:
        network.load_state_dict(own)


def fresh_weights(opened: OpenNetwork, seed: int) -> dict[str, Tensor]:
    """Return the weights and statistics of an untrained network of the same kind."""
    card = opened.card
    spec = input_spec(card.preprocessing, card.shape)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive_seed(seed, "explain", "sanity"))
        return build_network(card.model, spec, card.num_outputs).state_dict()


def _stages(network: nn.Module, number: int) -> list[list[str]]:
    """Return the layers that own weights, last to first, in about as many steps as are asked."""
    owners: list[str] = []
    for key in network.state_dict():
        owner = _owner(key)
        if owner not in owners and not is_auxiliary(key):
            owners.append(owner)
    parts = np.array_split(np.array(owners[::-1], dtype=object), min(number, len(owners)))
    return [part.tolist() for part in parts]


def _owner(key: str) -> str:
    return key.rpartition(".")[0].partition(".parametrizations")[0]


def _keys(state: dict[str, Tensor], owner: str) -> list[str]:
    return [key for key in state if _owner(key) == owner]


def _mean(values: Sequence[float]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a mean of nothing, which is NaN
        return float(np.nanmean(values))
