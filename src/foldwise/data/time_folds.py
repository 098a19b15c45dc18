"""Folds in time: contiguous stretches, and training parts that share no time step with them.

Purge and embargo after López de Prado, "Advances in Financial Machine Learning" (2018), chapter 7.

N: samples, D: samples of the development part.
"""

import math

import numpy as np
import numpy.typing as npt

from foldwise.data.fold_table import TRAIN_ONLY
from foldwise.data.split_config import Scheme, SplitConfig, SplitError
from foldwise.data.time_steps import Spans

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def cut_in_time(first: Codes, scheme: Scheme, num_folds: int) -> Codes:
    """Return the fold of each sample, (D,): stretches of about as many moments of beginning.

    `time_blocks` cuts all time into folds. The other schemes leave a first stretch, TRAIN_ONLY,
    which the first fold is predicted from.

    Args:
        first: The step at which each sample begins, (D,).
        scheme: A scheme of time.
        num_folds: How many.

    Raises:
        SplitError: There are fewer distinct moments than stretches.
    """
    from sklearn.model_selection import KFold, TimeSeriesSplit

    steps, place = np.unique(first, return_inverse=True)
    needed = num_folds + (scheme != "time_blocks")
    if len(steps) < needed:
        raise SplitError(
            f"split.scheme={scheme} with split.num_folds={num_folds} needs samples that begin at "
            f"{needed} distinct moments or more, but outside the test part there are "
            f"{len(steps)}. "
            "What would work: fewer folds, a smaller split.test_fraction, or more samples."
        )
    splitter = KFold(num_folds) if scheme == "time_blocks" else TimeSeriesSplit(num_folds)
    fold_of_step = np.full(len(steps), TRAIN_ONLY, dtype=np.int64)
    for number, (_, members) in enumerate(splitter.split(steps)):
        fold_of_step[members] = number
    return fold_of_step[place]


def last_stretch(first: Codes, fraction: float) -> Mask:
    """Mark the samples that begin in the last `fraction` of the distinct moments."""
    steps = np.unique(first)
    count = min(len(steps), max(1, round(fraction * len(steps)))) if fraction > 0 else 0
    return first >= steps[-count] if count else np.zeros(len(first), dtype=bool)


def initial_length(spans: Spans, fold: Codes) -> int:
    """Return the number of steps of the first stretch: until the first fold begins."""
    used = spans.first[(fold >= 0) | (fold == TRAIN_ONLY)]
    return int(spans.first[fold >= 0].min() - used.min())


def outside_in_time(
    spans: Spans, outer: Mask, config: SplitConfig, scheme: Scheme, train_size: int | None
) -> Mask:
    """Mark what may be trained on where `outer` is held out, (N,): nothing that shares a step.

    Args:
        spans: When each sample takes place.
        outer: The outer fold, (N,).
        config: Gap and embargo.
        scheme: `time_expanding`: what ended before the fold begins. `time_rolling`: of that, what
            lies in the last `train_size` steps. `time_blocks`: what lies before or after.
        train_size: See above, in steps.
    """
    start, stop = int(spans.first[outer].min()), int(spans.last[outer].max()) + 1
    if scheme == "time_blocks":
        return ~spans.within(start - config.gap, stop + config.embargo)
    allowed = spans.last < start - config.gap
    if scheme == "time_rolling" and train_size is not None:
        allowed &= spans.first >= start - config.gap - train_size
    return allowed


def inner_in_time(spans: Spans, training: Mask, config: SplitConfig) -> tuple[Mask, Mask]:
    """Split a training part in time; return what is fitted on, and the validation part, (N,).

    The validation part is the last stretch; what is fitted on ended before it, less the gap.
    """
    steps = np.unique(spans.first[training])
    if not len(steps):
        return training, np.zeros_like(training)
    count = max(1, math.ceil(config.validation_fraction * len(steps) - 1e-9))
    start = int(steps[-count])
    return training & (spans.last < start - config.gap), training & (spans.first >= start)
