"""States at the ends of epochs on the disk, so that a killed fit goes on bit for bit.

Lightning's own checkpoints pickle and do not resume exactly. Here every draw derives from
(seed, epoch), so tensors (weights, optimiser moments) and a few numbers are all there is to keep:
one safetensors file and one JSON with its checksum, for the last two epochs.
"""

import logging
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from safetensors.torch import load_file, save_file
from torch import Tensor

from foldwise.atomic import atomic_path, read_sealed_json, sha256_file, write_sealed_json

Tensors = dict[str, Tensor]

_KEPT = 2  # epochs: if the newest is damaged, the one before is used
_LOG = logging.getLogger(__name__)


class EpochState(Protocol):
    """What a fit has to remember between two epochs."""

    @property
    def num_epochs(self) -> int:
        """Of those that are finished."""

    def tensors(self) -> Tensors:
        """Return all tensors by name."""

    def numbers(self) -> dict[str, Any]:
        """Return all else, as a JSON object."""

    @classmethod
    def read(cls, tensors: Tensors, numbers: dict[str, Any]) -> Self:
        """Return the state that these are of."""


State = TypeVar("State", bound=EpochState)


class EpochStates(Generic[State]):
    """The states of one fit on the disk, or of one that keeps none."""

    def __init__(self, folder: Path | None, kind: type[State]) -> None:
        """Take the folder, None: nothing is kept, and of which kind the states are."""
        self._folder, self._kind = folder, kind

    @property
    def is_kept(self) -> bool:
        """Whether a killed fit can go on."""
        return self._folder is not None

    def save(self, state: State) -> None:
        """Write the state whole or not at all; the JSON comes last and makes it count."""
        if self._folder is None:
            return
        path = self._folder / f"epoch_{state.num_epochs - 1:05d}.safetensors"
        with atomic_path(path) as temporary:
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in state.tensors().items()}, temporary
            )
        write_sealed_json(
            path.with_suffix(".json"), {**state.numbers(), "sha256": sha256_file(path)}
        )
        _forget_before(self._folder, state.num_epochs - _KEPT)

    def load(self) -> State | None:
        """Return the newest sound state, or None.

        A damaged one is passed over with one warning.
        """
        if self._folder is None:
            return None
        for card_path in sorted(self._folder.glob("epoch_*.json"), reverse=True):
            try:
                return self._read(card_path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                _LOG.warning("%s is damaged and is not used: %s", card_path, error)
        return None

    def _read(self, card_path: Path) -> State:
        card = read_sealed_json(card_path)
        path = card_path.with_suffix(".safetensors")
        if sha256_file(path) != card["sha256"]:
            raise ValueError("its checksum does not match")
        return self._kind.read(load_file(path), card)


def _forget_before(folder: Path, epoch: int) -> None:
    for path in folder.glob("epoch_*.*"):
        if int(path.stem.removeprefix("epoch_")) < epoch:
            path.unlink(missing_ok=True)


def under(prefix: str, tensors: Tensors) -> Tensors:
    """Return those tensors whose names begin so, without that beginning."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    """Return the tensors, their names beginning so."""
    return {prefix + name: tensor for name, tensor in tensors.items()}


def copied(tensors: Tensors) -> Tensors:
    """Return copies, which no step changes."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
