"""Whole layers dropped while a residual network is trained.

B: batch.
"""

from collections.abc import Sequence

from torch import Tensor, nn

NAME = "stochastic_depth"


def drop_branches(branches: Sequence[nn.Module], rate: float) -> None:
    """Drop the residual branches of a network at random, sample by sample, in training only.

    What a branch gives becomes zero with a probability that rises linearly with depth, from
    `rate` / L for the first to `rate` for the last of L branches; what is left is scaled so that
    its mean stays. Deep networks with stochastic depth (Huang et al., 2016). Names in the state
    dict stay as they are.

    Args:
        branches: The last layer of each residual branch, (B, ...) to (B, ...), in their order; not
            an `nn.Sequential`, which would run what is put into it.
        rate: From 0 to below 1.
    """
    from torchvision.ops import StochasticDepth

    if rate == 0:
        return
    for index, branch in enumerate(branches, start=1):
        # A child, so that it follows train() and eval() and is copied with its network; a hook,
        # because a wrapper around the branch would rename its weights.
        branch.add_module(NAME, StochasticDepth(rate * index / len(branches), "row"))
        branch.register_forward_hook(_dropped)


def _dropped(branch: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    dropped: Tensor = branch.get_submodule(NAME)(output)
    return dropped
