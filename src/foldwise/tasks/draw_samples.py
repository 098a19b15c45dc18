"""Draw samples from a generator, a chunk at a time.

M: samples, K: classes, C: channels, H: height, W: width, T: steps, F: channels of a series.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.gan_models import GanCard

Codes = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

_CHUNK = 1024  # latents of long series are large


class SampleGenerator(Protocol):
    """What draws samples: `tasks.generate.Generator`, or whatever behaves like it."""

    card: GanCard

    def latents(self, num: int, seed: int) -> npt.NDArray[np.float32]:
        """Return latents (num, ...)."""

    def generate(self, labels: Codes, latents: npt.NDArray[np.float32]) -> Array:
        """Return samples of the classes (M,), as `Samples.x` holds them."""


def is_known(card: GanCard) -> npt.NDArray[np.bool_]:
    """Tell of each class whether samples of it can be asked for, (K,)."""
    if not card.is_conditional:
        return np.ones(len(card.classes), dtype=np.bool_)
    return np.array(card.class_counts) > 0


def draw_like(generator: SampleGenerator, labels: Codes, seed: int) -> Array:
    """Return a sample for each label, as `draw_samples`; where it knows no such class, of another.

    A class without any training sample cannot be asked for. In its place others are drawn, as
    often as they are among the labels, so that as many samples come as there are labels.
    """
    known = is_known(generator.card)[labels]
    if known.all():
        return draw_samples(generator, labels, seed)
    others = numpy_generator(seed, "others").choice(labels[known], size=int((~known).sum()))
    replaced = labels.copy()
    replaced[~known] = others
    return draw_samples(generator, replaced, seed)


def draw_samples(generator: SampleGenerator, labels: Codes, seed: int) -> Array:
    """Return a sample for each label, (M, C, H, W) uint8 or (M, T, F) float32.

    Args:
        generator: Draws them.
        labels: Class indices, (M,); nothing is made of them by one that is told no classes.
        seed: Of the latents.
    """
    parts = []
    for start in range(0, len(labels), _CHUNK):
        chunk = labels[start : start + _CHUNK]
        latents = generator.latents(len(chunk), derive_seed(seed, "latents", start))
        parts.append(generator.generate(chunk, latents))
    return np.concatenate(parts)
