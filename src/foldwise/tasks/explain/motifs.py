"""The tokens that the first filters answer to, e.g. the motifs of DNA.

Windows that a filter answers to are lined up and counted place by place: Alipanahi et al.,
Predicting the sequence specificities of DNA- and RNA-binding proteins by deep learning (Nature
Biotechnology, 2015); those with at least half of the strongest answer: Kelley, Snoek and Rinn,
Basset (Genome Research, 2016).

B: texts, K: filters, T: tokens, V: different tokens.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from foldwise.data.samples import Samples
from foldwise.models.cnn1d import Cnn1d
from foldwise.models.step_convolution import CausalConvolution
from foldwise.tasks.explain.findings import Array, Motif
from foldwise.tasks.explain.layers import convolutions
from foldwise.tasks.explain.open_network import OpenNetwork, looked_into
from foldwise.tasks.inference import evaluation_batches

Rows = npt.NDArray[np.int64]

_HALF = 0.5  # of the strongest answer
_MOST_WINDOWS = 200  # of each filter
_MOST_MOTIFS = 8
_MOST_EXAMPLES = 5
_LEAST_SEPARATION = 0.3  # standard deviations; below, a filter tells nothing apart
_MOST_TOKENS = 20  # that are told apart in a motif


class _Answers(NamedTuple):
    """What the filters say at each place of the texts."""

    values: Array  # (B, K, T); -inf where the window is not within the text
    before: int  # tokens of a window before its place
    size: int  # of a window


def find_motifs(opened: OpenNetwork, samples: Samples, rows: Rows) -> tuple[Motif, ...]:
    """Return what the filters answer to that tell classes apart best; none without convolutions.

    Args:
        opened: The network.
        samples: Texts.
        rows: Which of them, (B,): those that the network did not see.
    """
    answers = _answers(opened, samples, rows)
    if answers is None:
        return ()
    strongest = answers.values.max(axis=2)  # (B, K)
    told = [_class_of(strongest[:, k], samples, rows) for k in range(strongest.shape[1])]
    telling = [k for k in _in_turn(told) if told[k][1] >= _LEAST_SEPARATION]
    found = (_motif(k, answers, samples, rows, told[k]) for k in telling)
    return tuple(islice((motif for motif in found if motif is not None), _MOST_MOTIFS))


def _in_turn(told: Sequence[tuple[str, float]]) -> list[int]:
    """Return the filters, the most telling one of each class first, then the second ones, ..."""
    best = sorted(range(len(told)), key=lambda k: (-told[k][1], k))
    ranks: Counter[str] = Counter()
    turns = []
    for k in best:
        turns.append((ranks[told[k][0]], -told[k][1], k))
        ranks[told[k][0]] += 1
    return [k for _, _, k in sorted(turns)]


def _answers(opened: OpenNetwork, samples: Samples, rows: Rows) -> _Answers | None:
    network, preprocessing = opened.network, opened.card.preprocessing
    along = [pair for pair in convolutions(network) if pair[1].kernel_size[1] > 1]
    if not along:
        return None
    first = along[0][1]
    # Behind the norm a filter's answer has the sign that the next layer sees.
    layer = network.get_submodule("block1") if isinstance(network, Cnn1d) else first
    size = first.kernel_size[1]
    before = size - 1 if isinstance(first, CausalConvolution) else (size - 1) // 2
    found: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: found.append(output.squeeze(2)))
    try:
        with looked_into(network), torch.no_grad():
            for inputs, _ in evaluation_batches(network, samples, rows, preprocessing):
                network(inputs)
    finally:
        hook.remove()
    longest = max(part.shape[2] for part in found)
    padded = [nn.functional.pad(part, (0, longest - part.shape[2])) for part in found]
    values = torch.cat(padded).double().cpu().numpy()
    lengths = np.minimum(samples.lengths[rows], longest)
    places = np.arange(longest)
    after = size - 1 - before
    is_within = (places >= before) & (places[None] < lengths[:, None] - after)
    return _Answers(np.where(is_within[:, None], values, -np.inf), before, size)


def _class_of(strongest: Array, samples: Samples, rows: Rows) -> tuple[str, float]:
    """Return which texts a filter answers to most, and by how many deviations more (Cohen's d)."""
    is_real = np.isfinite(strongest)
    if is_real.sum() < 2 or np.ptp(strongest[is_real]) == 0:
        return "", 0.0
    values = strongest[is_real]
    if not samples.classes:
        targets = samples.table[samples.target_names[0]].to_numpy(np.float64)[rows][is_real]
        r = float(np.corrcoef(values, targets)[0, 1]) if np.ptp(targets) else 0.0
        return ("large targets" if r > 0 else "small targets"), abs(r)
    labels = samples.table["label"].to_numpy(dtype=object)[rows][is_real]
    found = [("", 0.0)]
    for name in samples.classes:
        inside, outside = values[labels == name], values[labels != name]
        if len(inside) and len(outside):
            pooled = (inside.var() * len(inside) + outside.var() * len(outside)) / len(values)
            gap = float(inside.mean() - outside.mean())
            found.append((name, gap / max(float(np.sqrt(pooled)), 1e-12)))
    return max(found, key=lambda pair: pair[1])


def _motif(
    number: int, answers: _Answers, samples: Samples, rows: Rows, told: tuple[str, float]
) -> Motif | None:
    values = answers.values[:, number]
    strongest = values.max()
    if not strongest > 0:
        return None
    texts, places = np.nonzero(values >= _HALF * strongest)
    order = np.argsort(-values[texts, places], kind="stable")[:_MOST_WINDOWS]
    texts, places = texts[order], places[order]
    starts = places - answers.before
    windows = np.stack(
        [
            samples.x[rows[text], start : start + answers.size]
            for text, start in zip(texts, starts, strict=True)
        ]
    )  # (windows, T)
    shares, tokens = _shares(windows, samples.tokens)
    gap = _gap(samples.tokens)
    examples: dict[str, float] = {}
    for window, value in zip(windows, values[texts, places], strict=True):
        examples.setdefault(gap.join(samples.tokens[i] for i in window), float(value))
    consensus = gap.join(tokens[i] for i in shares.argmax(axis=1))
    return Motif(
        number,
        consensus,
        shares,
        tokens,
        tuple(examples.items())[:_MOST_EXAMPLES],
        len(windows),
        *told,
    )


def _shares(windows: Rows, names: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """Return how often each of the most frequent tokens stands at each place, and which."""
    counts = Counter(windows.ravel().tolist())
    kept = sorted(sorted(counts, key=lambda token: (-counts[token], token))[:_MOST_TOKENS])
    is_token = windows[:, :, None] == np.array(kept)
    return is_token.mean(axis=0), tuple(names[token] for token in kept)


def _gap(tokens: Sequence[str]) -> str:
    return "" if all(len(token) <= 1 for token in tokens) else " "
