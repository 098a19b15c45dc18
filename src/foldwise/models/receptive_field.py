"""Which pixels a unit of the last feature map can see.

Every feature map carries, for each axis, the interval of pixels that its first unit sees and the
step to that of the next unit; each convolution and pooling widens it, and where branches meet it
is their union. So residual and Inception networks are counted right, without numbers being
computed: tensors on the device `meta` suffice. Formulas: Araujo, Norris and Sim, Computing
Receptive Fields of Convolutional Neural Networks (Distill, 2019).

C: channels, H: height, W: width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

_WINDOWS = ("conv2d", "max_pool2d", "avg_pool2d")
_POOLS_OF_ALL = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "amax")
_ROWS_AND_COLUMNS = 2


@dataclass(frozen=True)
class Interval:
    """Pixels `start` to `end` along one axis, seen by the first unit; the next is `step` on."""

    start: int = 0
    end: int = 0
    step: int = 1

    def seen_through(self, window: "Window") -> "Interval":
        """Return what a unit behind a window sees."""
        start = self.start - window.padding * self.step
        end = start + (self.end - self.start) + (window.size - 1) * window.dilation * self.step
        return Interval(start, end, self.step * window.stride)

    def united_with(self, other: "Interval") -> "Interval":
        """Return what a unit sees that is made from one of each."""
        return Interval(
            min(self.start, other.start), max(self.end, other.end), max(self.step, other.step)
        )

    @property
    def size(self) -> int:
        """Pixels."""
        return self.end - self.start + 1


@dataclass(frozen=True)
class Window:
    """A kernel or a pooling window along one axis."""

    size: int
    stride: int = 1
    padding: int = 0  # before the first pixel
    dilation: int = 1


Seen = tuple[Interval, ...]  # along H and W


class ReceptiveField(TorchFunctionMode):
    """While it is active, follow what the units of all feature maps (B, C, H, W) can see.

    Attributes:
        last: What a unit of the last feature map sees: the one before the global pooling, if
            there is one; None before there is any.
    """

    def __init__(self, images: Tensor) -> None:
        """Take the images (B, C, H, W) that the network is going to be shown."""
        super().__init__()
        self.last: Seen | None = None
        self._seen: dict[int, tuple[Tensor, Seen]] = {}  # holds the tensors: ids are not reused
        self._is_pooled = False
        self._remember(images, (Interval(),) * _ROWS_AND_COLUMNS)

    @property
    def size(self) -> tuple[int, int] | None:
        """Pixels (H, W) that a unit of the last feature map sees, those of the border included."""
        if self.last is None:
            return None
        height, width = self.last
        return height.size, width.size

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  (torch's contract)
        """Call the function, and note what its result sees."""
        kwargs = kwargs or {}
        seen = self._united([*args, *kwargs.values()])
        result = func(*args, **kwargs)
        if seen is not None:
            self._follow(getattr(func, "__name__", ""), args, kwargs, result, seen)
        return result

    def _united(self, arguments: list[Any]) -> Seen | None:
        found = [
            self._seen[id(leaf)][1] for leaf in tree_leaves(arguments) if id(leaf) in self._seen
        ]
        if not found:
            return None
        united = found[0]
        for other in found[1:]:
            united = tuple(a.united_with(b) for a, b in zip(united, other, strict=True))
        return united

    def _follow(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: object,
        seen: Seen,
    ) -> None:
        if not isinstance(result, Tensor):
            return
        if name in _POOLS_OF_ALL and _is_pooled(result):
            self.last, self._is_pooled = seen, True
        if result.ndim != len(("B", "C", "H", "W")):
            return
        if name in _WINDOWS:
            windows = _windows(name, args, kwargs)
            seen = tuple(s.seen_through(window) for s, window in zip(seen, windows, strict=True))
            # Gates that look at all (squeeze and excitation) pool amid the network.
            self._is_pooled = self._is_pooled and _is_pooled(result)
        elif name == "pad":
            seen = _padded(seen, *args, **kwargs)
        elif name == "interpolate":  # the network's pixels are those of the scaled image
            seen = (Interval(),) * _ROWS_AND_COLUMNS
        self._remember(result, seen)
        if not self._is_pooled:
            self.last = seen

    def _remember(self, tensor: Tensor, seen: Seen) -> None:
        self._seen[id(tensor)] = tensor, seen


def _is_pooled(result: Tensor) -> bool:
    return result.ndim == len(("B", "C")) or tuple(result.shape[-2:]) == (1, 1)


def _windows(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Window, ...]:
    if name == "conv2d":
        given = _named(("input", "weight", "bias", "stride", "padding", "dilation"), args, kwargs)
        sizes = tuple(given["weight"].shape[-2:])
        strides = _pair(given.get("stride", 1))
    else:
        given = _named(("input", "kernel_size", "stride", "padding", "dilation"), args, kwargs)
        sizes = _pair(given["kernel_size"])
        strides = _pair(given.get("stride") or sizes)
    # The fifth argument of an average pooling is no dilation, but how it rounds.
    dilations = _pair(1 if name == "avg_pool2d" else given.get("dilation", 1))
    paddings = _paddings(given.get("padding", 0), sizes, dilations)
    return tuple(Window(*axis) for axis in zip(sizes, strides, paddings, dilations, strict=True))


def _named(
    names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _paddings(
    given: Any,  # noqa: ANN401  (a number, a pair or a word)
    sizes: tuple[int, ...],
    dilations: tuple[int, ...],
) -> tuple[int, ...]:
    if given == "valid":
        return 0, 0
    if given == "same":
        return tuple((size - 1) * d // 2 for size, d in zip(sizes, dilations, strict=True))
    return _pair(given)


def _pair(value: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(value, int):
        return value, value
    return tuple(value) if len(value) == _ROWS_AND_COLUMNS else (value[0],) * _ROWS_AND_COLUMNS


def _padded(seen: Seen, _: Tensor, pad: Sequence[int], *rest: object, **options: object) -> Seen:
    """Shift by the border before the first pixel; torch gives the last axis first."""
    before = (pad[2] if len(pad) > _ROWS_AND_COLUMNS else 0, pad[0])
    return tuple(s.seen_through(Window(1, padding=n)) for s, n in zip(seen, before, strict=True))
