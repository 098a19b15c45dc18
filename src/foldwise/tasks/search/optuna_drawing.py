"""Optuna's own drawing functions, called in the project's style and without a screen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from warnings import catch_warnings

import numpy as np

from foldwise.tasks.figure_style import GRID
from foldwise.tasks.search.figure_axes import figure_of

_OPTUNAS_STYLE = "ggplot"  # that its functions ask for by name


def drawn(plot: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401  (axes)
    """Call one of Optuna's functions in the project's style, and close what it has opened."""
    from matplotlib import pyplot

    from foldwise.tasks.search.quiet import quiet_optuna

    # Warnings would tell that figures are an experiment of Optuna's, and of one that is empty.
    with _off_screen(), _own_style(), quiet_optuna(), catch_warnings(action="ignore"):
        axes = plot(*args, **options)
        pyplot.close(figure_of(np.ravel(axes)[0]))
    return axes


@contextmanager
def _own_style() -> Iterator[None]:
    """Let the style that Optuna's functions ask for leave everything as it is."""
    from matplotlib import rc_context, style

    kept = style.library[_OPTUNAS_STYLE]
    style.library[_OPTUNAS_STYLE] = type(kept)()
    try:
        with rc_context(
            {
                "figure.constrained_layout.use": True,
                "axes.grid": True,
                "grid.color": GRID,
                "grid.alpha": 0.35,
                "grid.linewidth": 0.6,
            }
        ):
            yield
    finally:
        style.library[_OPTUNAS_STYLE] = kept


@contextmanager
def _off_screen() -> Iterator[None]:
    """Let pyplot open no window, wherever it runs."""
    import matplotlib
    from matplotlib import pyplot

    before = matplotlib.get_backend(auto_select=False)
    pyplot.switch_backend("agg")
    try:
        yield
    finally:
        if before is not None:
            pyplot.switch_backend(before)
