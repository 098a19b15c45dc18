"""The parts that a trial is fitted and scored on; outer folds are left out of them.

N: samples of a part.
"""

from dataclasses import dataclass, replace

import numpy as np

from foldwise.data.fold_parts import FoldParts, fold_parts, inner_fold_parts
from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.data.split_config import SplitError
from foldwise.seeds import derive_seed
from foldwise.tasks.cut_training_part import cut_training_part
from foldwise.tasks.search.trial import Problem, SearchError, StudySpec


@dataclass(frozen=True)
class InnerPart:
    """What one fit of a trial sees: a training part and the part that it is scored on."""

    parts: FoldParts  # `oof` is empty: a trial cannot look at the outer fold
    inner: int  # number of the inner fold; 0 if there is one

    def seed(self, seed: int) -> int:
        """Return the seed of the fit: in the first inner fold that of a training on the fold."""
        return derive_seed(seed, "inner_fold", self.inner) if self.inner else seed

    def limited(self, samples: Samples, folds: Folds, limit: int | None) -> FoldParts:
        """Return the parts with about `limit` samples to fit on; a larger limit holds a smaller.

        Strata keep their shares and units stay whole; in time they are the latest.
        """
        num = len(self.parts.train)
        if limit is None or limit >= num:
            return self.parts
        seed = derive_seed(0, self.parts.repeat, self.parts.fold, self.inner, "search_limit")
        return cut_training_part(self.parts, samples, folds, limit / num, seed)


def inner_parts(problem: Problem, spec: StudySpec) -> tuple[InnerPart, ...]:
    """Return the parts of a study's trials, in the order in which they are fitted.

    With one part per outer fold these are its training and its inner validation part as they are;
    else both together are cut into inner folds: stratified, units whole.

    Raises:
        SearchError: The training parts cannot be cut so.
    """
    num_inner = spec.num_parts // len(spec.folds)
    table, folds = problem.samples.table, problem.folds
    found: list[tuple[FoldParts, ...]]
    if num_inner == 1:
        found = [(parts,) for parts in fold_parts(folds, table)]
    else:
        try:
            found = list(inner_fold_parts(folds, table, num_inner))
        except SplitError as error:
            raise SearchError(f"search_{problem.family}.inner_folds: {error}") from None
    nothing = np.empty(0, dtype=object)
    return tuple(
        InnerPart(replace(parts, oof=nothing), number)
        for of_fold in found
        for number, parts in enumerate(of_fold)
        if (parts.repeat, parts.fold) in spec.folds
    )
