"""The pruners: which trials are ended before all their parts are fitted."""

from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    WilcoxonPruner,
)

from foldwise.tasks.search.config import LEAST_WILCOXON_PARTS, SearchConfig
from foldwise.tasks.search.quiet import experiments_expected
from foldwise.tasks.search.trial import SearchError

_STARTUP_TRIALS = 5  # that are finished before any is pruned by the median
_LEAST_COMPARED = 3  # trials at the same step; parts that stop early leave steps out
_WARMUP_SHARE = 3  # of a first part's epochs, one in so many
_REDUCTION = 3  # hyperband keeps a third of the trials at each rung, as in its paper
_MOST_BRACKETS = 4


def build_pruner(config: SearchConfig, num_parts: int, max_epochs: int) -> BasePruner:
    """Return the pruner of a study whose steps count epochs over all parts, from 0.

    Median: a trial ends when its best so far is below the median of the others at that step.
    Hyperband (Li et al. 2018, JMLR 18): rungs from a few epochs to all epochs of all parts.
    Wilcoxon: its steps are parts; a trial ends when it is worse than the best one, part by part.

    Args:
        config: The search.
        num_parts: Fits of one trial.
        max_epochs: Of one fit.

    Raises:
        SearchError: There are too few parts for a Wilcoxon test.
    """
    match pruner_name(config):
        case "median":
            return MedianPruner(
                n_startup_trials=_STARTUP_TRIALS,
                n_warmup_steps=-(-max_epochs // _WARMUP_SHARE),
                n_min_trials=_LEAST_COMPARED,
            )
        case "hyperband":
            most = num_parts * max_epochs
            least = max(1, most // _REDUCTION ** (_MOST_BRACKETS - 1))
            return HyperbandPruner(least, most, _REDUCTION)
        case "wilcoxon":
            if num_parts < LEAST_WILCOXON_PARTS:
                raise SearchError(
                    f"pruner is 'wilcoxon', which compares trials part by part, but a trial has "
                    f"{num_parts} parts. Allowed: at least {LEAST_WILCOXON_PARTS} parts (more "
                    "outer folds, or a larger inner_folds), or pruner median or hyperband."
                )
            with experiments_expected():
                return WilcoxonPruner()
    return NopPruner()


def pruner_name(config: SearchConfig) -> str:
    """Return the pruner that a search has, `auto` resolved.

    A grid is there to be seen as a whole, and several objectives have no one curve.
    """
    if config.pruner != "auto":
        return config.pruner
    return "none" if config.objectives or config.sampler == "grid" else "median"
