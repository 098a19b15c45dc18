"""Open what scores the trials of a study; torch is imported where it is used."""

from foldwise.tasks.search.studies import studies_of
from foldwise.tasks.search.trial import Problem, Scorer, StudySpec

__all__ = ["open_scorer", "studies_of"]


def open_scorer(problem: Problem, spec: StudySpec) -> Scorer:
    """Return what fits and scores candidates on the inner parts of a study.

    It is opened once per process: what all trials share is read and made here. The outer folds are
    left out of what it holds.

    Raises:
        SearchError: The training parts cannot be cut as asked.
        UserError: What a training with the base parameters would refuse.
    """
    if problem.family == "gan":
        from foldwise.tasks.search.gan_trial import GanScorer

        return GanScorer(problem, spec)
    from foldwise.tasks.search.network_trial import NetworkScorer

    return NetworkScorer(problem, spec)
