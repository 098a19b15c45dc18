"""Find texts that are nearly the same: reworded here and there, or with another number in them.

N: texts, T: tokens, H: hash values of a text, B: bands, R: hash values of a band, P: pairs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from foldwise.config import Config
from foldwise.data.audit.near_pairs import NearPairs, Positions, near_pairs, no_pairs
from foldwise.data.token_texts import texts_of

Hashes = npt.NDArray[np.uint64]
Tokens = npt.NDArray[np.int32]

_NUM_HASHES = 128  # H
_COMPARED = 4  # texts that follow in a bucket
_MISSED = 0.01  # of the pairs that are just as similar as asked for
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: spreads the letters over all bits


class NearTextConfig(Config):
    """What makes two texts nearly the same."""

    similarity: float = Field(0.8, gt=0, le=1)  # shingles in common, of all that either has
    shingle: int = Field(5, ge=2)  # characters
    min_shingles: int = Field(20, ge=1)  # different ones; shorter texts, e.g. names, are left out


def find_near_texts(
    x: Tokens, lengths: Positions, tokens: tuple[str, ...], config: NearTextConfig
) -> NearPairs:
    """Find the pairs of texts that have most of their shingles in common (Broder 1997).

    Shingles are all runs of some characters, whatever the tokens are; case and the kind of white
    space do not count. Candidates are found by MinHash and banding (Leskovec, Rajaraman and
    Ullman, Mining of massive datasets, 3.4) and then counted exactly. Within a bucket each text is
    compared with the few that follow it, so that a thousand copies of one template do not make a
    million pairs.

    Args:
        x: Shape (N, T), without exact copies; see `Samples.x`.
        lengths: Of each text in tokens, shape (N,).
        tokens: What the numbers in `x` stand for.
        config: What counts.
    """
    texts = texts_of(x, lengths, tokens)
    shingles = [shingle_hashes(text, config.shingle) for text in texts]
    rows = np.array([i for i, s in enumerate(shingles) if len(s) >= config.min_shingles], int)
    if len(rows) < 2:
        return no_pairs()
    signatures = _signatures([shingles[i] for i in rows])
    pairs = rows[_candidates(signatures, config.similarity)]
    similarity = np.array([jaccard(shingles[i], shingles[j]) for i, j in pairs], np.float32)
    is_near = similarity >= config.similarity
    return near_pairs(pairs[is_near], similarity[is_near])


def shingle_hashes(text: str, size: int) -> Hashes:
    """Return a number for each different run of `size` characters, in ascending order."""
    plain = " ".join(text.casefold().split())
    letters = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(letters) < size:
        return np.empty(0, np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(letters.astype(np.uint64), size)
    powers = np.uint64(_MULTIPLIER) ** np.arange(size, dtype=np.uint64)
    mixed = (runs * powers).sum(axis=1) * np.uint64(_MULTIPLIER)
    return np.unique(mixed >> np.uint64(32))


def jaccard(a: Hashes, b: Hashes) -> float:
    """Return how many of two texts' shingles are in both.

    >>> jaccard(shingle_hashes("abcdef", 2), shingle_hashes("abcdex", 2))
    0.6666666666666666
    """
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)


def _signatures(shingles: Sequence[Hashes]) -> npt.NDArray[np.uint32]:
    """Return the MinHash signature of each text, (N, H)."""
    from datasketch import MinHash

    hashes = MinHash.generator(shingles, num_perm=_NUM_HASHES, seed=1, hashfunc=int)
    return np.stack([one.hashvalues for one in hashes]).astype(np.uint32)


def _candidates(signatures: npt.NDArray[np.uint32], similarity: float) -> Positions:
    """Return pairs that agree in a band of the signature, (N, H) -> (P, 2)."""
    width = _band_width(similarity)
    found = []
    for start in range(0, _NUM_HASHES - width + 1, width):
        band = signatures[:, start : start + width]
        bucket = np.unique(band, axis=0, return_inverse=True)[1].ravel()
        order = np.argsort(bucket, kind="stable")
        for step in range(1, min(_COMPARED, len(order) - 1) + 1):
            is_same = bucket[order[:-step]] == bucket[order[step:]]
            found.append(np.stack([order[:-step], order[step:]], axis=1)[is_same])
    return np.unique(np.concatenate(found), axis=0)


def _band_width(similarity: float) -> int:
    """Return how many hashes make a band, so that 99 % of the similar pairs agree in one."""
    widths = range(_NUM_HASHES, 1, -1)
    missed = ((width, (1 - similarity**width) ** (_NUM_HASHES // width)) for width in widths)
    return next((width for width, share in missed if share <= _MISSED), 1)
