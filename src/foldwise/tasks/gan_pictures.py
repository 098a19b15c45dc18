"""Choose the samples of a generator that a page shows.

K: classes, P: samples of a class, S: steps between two latents.

Source:
    White, T. (2016). Sampling generative networks. arXiv:1609.04468 (interpolation on the sphere).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.contact_sheet import strata_to_show
from foldwise.data.samples import Samples
from foldwise.seeds import derive_seed
from foldwise.tasks.copies import CopyCheck, NearestTraining
from foldwise.tasks.draw_samples import SampleGenerator, is_known
from foldwise.tasks.gan_scores import GanPictures

Array = npt.NDArray[Any]
Codes = npt.NDArray[np.int64]
Latents = npt.NDArray[np.float32]

_MOST_CLASSES = 20
_PER_CLASS = 8
_MOST_PATHS, _NUM_STEPS = 6, 10


@dataclass(frozen=True)
class PictureSource:
    """What the pictures are chosen from."""

    generator: SampleGenerator
    samples: Samples
    rows: Codes  # held-out real samples, (N,)
    drawn: Array  # generated with their labels, (N, ...)
    taken: Codes  # classes that the real network takes the generated ones for, (N,)
    by_class: Mapping[int, Array]  # generated, of each class that can be asked for: (n, ...)


def gan_pictures(
    source: PictureSource,
    nearest: NearestTraining,
    check: CopyCheck,
    num_pairs: int,
    seed: int,
) -> GanPictures:
    """Choose samples by class, paths between latents, and the pairs that are most alike.

    Args:
        source: The samples.
        nearest: The nearest training sample of each of `source.drawn`.
        check: How near is too near.
        num_pairs: Of samples that are most alike.
        seed: Of the latents that the paths join.
    """
    samples = source.samples
    labels = samples.y[source.rows]
    counts = np.bincount(labels, minlength=len(samples.classes))
    shown = strata_to_show(dict(zip(samples.classes, counts.tolist(), strict=True)), _MOST_CLASSES)
    codes = [samples.classes.index(name) for name in shown]
    real = [samples.x[source.rows[labels == code][:_PER_CLASS]] for code in codes]
    paths, of_paths = _paths(source, codes, seed)
    pairs, captions = _pairs(source, nearest, check, num_pairs)
    return GanPictures(
        classes=tuple(shown),
        real=tuple(real),
        generated=tuple(_of_class(source, code) for code in codes),
        interpolated=paths,
        interpolated_classes=of_paths,
        pairs=pairs,
        captions=captions,
    )


def between(first: Latents, last: Latents, num_steps: int) -> Latents:
    """Return points on the way from one latent to another, (S, ...), both ends included.

    The way goes along the sphere: a point halfway along the line would be shorter than any latent
    of so many normal numbers, so that the generator has never seen the like.

    >>> print(between(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3)[1].round(4))
    [0.7071 0.7071]
    """
    one, other = first.astype(np.float64), last.astype(np.float64)
    cosine = (one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12)
    angle = float(np.arccos(np.clip(cosine, -1, 1)))
    shares = np.linspace(0, 1, num_steps).reshape(-1, *(1,) * one.ndim)
    if np.sin(angle) < 1e-6:
        return np.asarray((1 - shares) * one + shares * other, dtype=np.float32)
    way = np.sin((1 - shares) * angle) * one + np.sin(shares * angle) * other
    return np.asarray(way / np.sin(angle), dtype=np.float32)


def _of_class(source: PictureSource, code: int) -> Array:
    """Return generated samples of a class: asked for, or else taken for it."""
    if not source.generator.card.is_conditional:
        return source.drawn[np.flatnonzero(source.taken == code)[:_PER_CLASS]]
    return source.by_class.get(code, source.drawn[:0])[:_PER_CLASS]


def _paths(
    source: PictureSource, codes: list[int], seed: int
) -> tuple[tuple[Array, ...], tuple[str, ...]]:
    """Return samples between two latents each, of one class where classes are told."""
    found, names = [], []
    known = is_known(source.generator.card)
    for number, code in enumerate([code for code in codes if known[code]][:_MOST_PATHS]):
        ends = source.generator.latents(2, derive_seed(seed, "path", number))
        latents = between(ends[0], ends[1], _NUM_STEPS)
        found.append(source.generator.generate(np.full(_NUM_STEPS, code), latents))
        is_told = source.generator.card.is_conditional
        names.append(source.samples.classes[code] if is_told else f"path {number + 1}")
    return tuple(found), tuple(names)


def _pairs(
    source: PictureSource, nearest: NearestTraining, check: CopyCheck, num_pairs: int
) -> tuple[tuple[tuple[Array, Array], ...], tuple[tuple[str, str], ...]]:
    """Return the generated samples that are most like a training sample, with it."""
    of_features, of_values = (
        np.argsort(np.argsort(distances, kind="stable"), kind="stable")
        for distances in (nearest.in_features, nearest.in_values)
    )
    order = np.argsort(np.maximum(of_features, of_values), kind="stable")
    is_copy, samples = check.is_copy(nearest), source.samples
    pairs, captions = [], []
    for i in order[:num_pairs]:
        row = nearest.rows[i]
        pairs.append((source.drawn[i], np.asarray(samples.x[row])))
        told = "copy" if is_copy[i] else "no copy"
        captions.append((str(samples.table["label"].iloc[row]), told))
    return tuple(pairs), tuple(captions)
