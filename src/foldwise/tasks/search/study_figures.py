"""All figures of one search by name, for files and for the page."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from foldwise.tasks.search import figures
from foldwise.tasks.search.axes import axes_of_record
from foldwise.tasks.search.coverage_figure import coverage_figure
from foldwise.tasks.search.rebuilt_study import rebuilt_study
from foldwise.tasks.search.scores import SearchScores
from foldwise.tasks.search.summary import objective_label

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna import Study

NAMES = ("history", "importances", "slices", "contour", "parallel", "front", "curves", "coverage")

# Why there is none.
_LACKING = {
    "history": "No trial was completed.",
    "importances": "Importances need four completed trials whose scores differ.",
    "slices": "No trial was completed.",
    "contour": "A contour needs two parameters that were tried together, with two values each.",
    "parallel": "Parallel coordinates need two completed trials.",
    "front": "There is one objective: no front.",
    "curves": "Nothing was reported to a pruner.",
    "coverage": "There are no axes.",
}


class StudyFigures(NamedTuple):
    """The figures of the main study."""

    study: "Study"
    draw: dict[str, "Callable[[], Figure | None]"]  # by name

    def or_sentence(self, name: str) -> "Figure":
        """Draw a figure, or say why there is none."""
        return self.draw[name]() or figures.empty_figure(_LACKING[name])


def study_figures(scores: SearchScores) -> StudyFigures:
    """Return how to draw each figure of the study whose winner is kept."""
    main, trials = scores.main, scores.main_trials
    axes = axes_of_record(scores.record)
    study = rebuilt_study(trials, axes, main["objectives"], main["directions"])
    label = objective_label(scores.objective)
    per_part = 1 if scores.record["pruner"] == "wilcoxon" else int(main["max_epochs"])
    best = {axis.path: axis.cell(main["winner"][axis.path]) for axis in axes
            if axis.path in main["winner"]}  # fmt: skip
    labels = [objective_label(name) for name in main["objectives"]]
    return StudyFigures(
        study,
        {
            "history": partial(figures.history_figure, study, label),
            "importances": partial(figures.importances_figure, study, label),
            "slices": partial(figures.slices_figure, study, label),
            "contour": partial(figures.contour_figure, study, label),
            "parallel": partial(figures.parallel_figure, study, label),
            "front": partial(figures.front_figure, study, labels),
            "curves": partial(figures.curves_figure, study, label, per_part),
            "coverage": partial(coverage_figure, trials, axes, best),
        },
    )
