"""A running mean of the weights of a network while it is trained."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """An exponential moving average of weights (Polyak and Juditsky, 1992), by torch's own class.

    The n-th update keeps the share `min(decay, (1 + n) / (10 + n))`, as TensorFlow's does, so that
    the mean of a short fit is not one of its first steps. The running statistics of batch norm are
    averaged like the weights: then they belong to the averaged weights. Its counters are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start with the weights of a network.

        Args:
            network: It lies on its device in its memory format.
            decay: Share of the mean that an update keeps in the long run, 0 < decay < 1.
        """
        self._decay, self._num_updates = decay, 0
        self._average = AveragedModel(network, multi_avg_fn=self._blend, use_buffers=True)
        self._average.eval().requires_grad_(requires_grad=False)

    @property
    def network(self) -> nn.Module:
        """The network with the averaged weights, in evaluation mode."""
        network: nn.Module = self._average.module
        return network

    def update(self, network: nn.Module) -> None:
        """Take the weights of a network in, after a step."""
        self._average.update_parameters(network)
        self._num_updates += 1

    def state(self) -> dict[str, Tensor]:
        """Return all that is needed to go on."""
        return self._average.state_dict()

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where a state was taken."""
        self._average.load_state_dict(state)
        self._num_updates = int(self._average.n_averaged)

    def _blend(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Tensor | int
    ) -> None:
        # `num_averaged` is on the device by now; to read it there would make the host wait.
        if averaged[0].is_floating_point():
            number = self._num_updates
            keep = min(self._decay, (1 + number) / (10 + number))
            blend = get_ema_multi_avg_fn(keep)  # type: ignore[no-untyped-call]  # torch's
            blend(averaged, current, num_averaged)
        else:
            for mean, value in zip(averaged, current, strict=True):
                mean.copy_(value)
