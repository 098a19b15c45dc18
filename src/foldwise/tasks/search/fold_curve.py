"""The curve by which a trial is pruned: the mean over its parts, epoch by epoch."""

from collections.abc import Sequence

# A point costs a transaction where the storage is a database; a pruner needs no more of them.
_POINTS_PER_PART = 10


class FoldCurve:
    """The scores of a trial's parts so far; parts are fitted one after another."""

    def __init__(self, max_epochs: int) -> None:
        """Start empty; `max_epochs` of a part set its steps apart from those of the next."""
        self._max_epochs = max_epochs
        self._stride = -(-max_epochs // _POINTS_PER_PART)
        self._parts: list[tuple[float, ...]] = []

    @property
    def num_epochs(self) -> int:
        """Of all parts so far."""
        return sum(len(scores) for scores in self._parts)

    def advance(self, part: int, scores: Sequence[float]) -> tuple[int, float] | None:
        """Take the scores of a part, its new epoch the last; return the curve's new point.

        The value at epoch e of part j is the mean over the parts 0 to j of their scores at epoch
        e. A part that stopped before counts with its last epoch's. Its step is j times
        `max_epochs` plus e. None between two points, of which a part has about ten, and where a
        part is longer than `max_epochs`.

        >>> curve = FoldCurve(max_epochs=10)
        >>> curve.advance(0, [0.5]), curve.advance(0, [0.5, 0.75]), curve.advance(1, [0.25])
        ((0, 0.5), (1, 0.75), (10, 0.375))
        """
        self._keep(part, scores)
        epoch = len(scores) - 1
        if epoch >= self._max_epochs or (epoch + 1) % self._stride:
            return None
        values = [known[min(epoch, len(known) - 1)] for known in self._parts]
        return part * self._max_epochs + epoch, sum(values) / len(values)

    def _keep(self, part: int, scores: Sequence[float]) -> None:
        del self._parts[part:]
        self._parts.append(tuple(scores))
