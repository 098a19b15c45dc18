"""Figures of a search: drawn from few and many trials, in the project's style, all texts apart."""

import itertools
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from made_search import LR, SPACE, made_scores, made_search
from matplotlib import pyplot, style
from matplotlib.backends.backend_agg import FigureCanvasAgg

from foldwise.tasks.figure_style import inline_svg
from foldwise.tasks.search import figures
from foldwise.tasks.search.axes import axes_of
from foldwise.tasks.search.coverage_figure import coverage_figure, grid_and_random_figure
from foldwise.tasks.search.figure_axes import limits
from foldwise.tasks.search.result import trials_table
from foldwise.tasks.search.study_figures import NAMES, study_figures


def rendered(figure):
    """What has drawn a figure, so that its layout is done."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return canvas.get_renderer()


def overlaps(texts, renderer):
    boxes = [
        text.get_window_extent(renderer)
        for text in texts
        if text.get_visible() and text.get_text() and not text.get_rotation()
    ]
    return sum(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


@pytest.mark.parametrize(
    ("num_trials", "objectives", "lacking"),
    [
        (1, ("val_f1",), {"importances", "contour", "parallel", "front"}),
        (3, ("val_f1",), {"importances", "front"}),
        (12, ("val_f1", "latency_ms", "num_parameters"), set()),
        pytest.param(500, ("frechet", "latency_ms"), set(), marks=pytest.mark.slow),
    ],
)
def test_every_figure_is_drawn_or_says_why_not(num_trials, objectives, lacking):
    found = study_figures(made_scores(num_trials, objectives=objectives))
    assert tuple(found.draw) == NAMES
    figures_drawn = {name: found.draw[name]() for name in NAMES}
    assert {name for name in NAMES if figures_drawn[name] is None} == lacking
    for name, figure in figures_drawn.items():
        shown = inline_svg(figure or found.or_sentence(name), name)
        assert shown.startswith("<svg")
        assert len(shown) < 1_000_000


def test_nothing_of_the_process_is_left_changed():
    before = dict(matplotlib.rcParams), style.library["ggplot"], matplotlib.get_backend()
    study_figures(made_scores(3)).draw["slices"]()
    after = dict(matplotlib.rcParams), style.library["ggplot"], matplotlib.get_backend()
    assert after == before
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("num_trials", [1, 12])
def test_numbers_below_slices_do_not_run_into_one_another(num_trials):
    figure = study_figures(made_scores(num_trials)).draw["slices"]()
    renderer = rendered(figure)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [t.label1 for t in axes.xaxis.get_major_ticks() if low <= t.get_loc() <= high]
        assert overlaps(ticks, renderer) == 0, axes.get_xlabel()


def test_the_parameter_that_decides_is_the_most_important_one():
    study = study_figures(made_scores(40)).study
    found = figures.importances(study)
    assert next(iter(found)) == "lr"
    assert sum(found.values()) == pytest.approx(1)


def test_the_best_so_far_never_falls():
    scores = made_scores(40)
    axes = study_figures(scores).draw["history"]().axes[0]
    (best,) = (line for line in axes.lines if line.get_label() == "best")
    values = np.asarray(best.get_ydata(), dtype=float)
    assert (np.diff(values) >= 0).all()
    assert values[-1] == scores.main["inner"]["val_f1"]


def test_a_far_value_leaves_the_others_apart():
    _, (result,) = made_search(40)
    trials = [replace(t, values=(-1e6,)) if t.number == 1 else t for t in result.trials]
    values = np.array([t.values[0] for t in trials if t.values])
    low, high = limits(values, is_low_better=False)
    assert low > -100
    assert high > values.max()


def test_coverage_counts_distinct_values_and_grid_sees_fewer_than_random():
    config, (result,) = made_search(12)
    axes = axes_of(config)
    figure = coverage_figure(trials_table([result], config), axes, {LR: result.winner.values[LR]})
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[0] == "12 in 12"  # of the rate
    side = (np.arange(3) + 0.5) / 3
    grid = np.array(list(itertools.product(side, side)))
    random = np.random.default_rng(0).random((9, 2))
    titles = [axes.get_title() for axes in grid_and_random_figure(grid, random).axes]
    assert "grid: 9 trials see 3 and 3 values" in titles
    assert "random: 9 trials see 9 and 9 values" in titles


def test_a_space_of_one_axis_has_no_contour():
    found = study_figures(made_scores(12, space=SPACE[:1]))
    assert found.draw["contour"]() is None
    assert found.draw["slices"]() is not None
