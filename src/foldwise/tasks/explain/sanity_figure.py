"""The figure of the sanity check."""

from typing import TYPE_CHECKING

from foldwise.tasks.explain.attribution_colours import label_of
from foldwise.tasks.explain.findings import Sanity
from foldwise.tasks.figure_style import COLOURS, GRID, in_style, shown_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKS = ("o", "s", "^", "D", "v", "P")


@in_style
def sanity_figure(found: Sanity) -> "Figure":
    """Draw how alike attributions stay while the layers are drawn anew, last to first."""
    from matplotlib.figure import Figure

    has_pictures = any(
        stage.similarity == stage.similarity
        for stages in found.stages.values()
        for stage in stages
    )
    figure = Figure(figsize=(9.0 if has_pictures else 5.4, 3.9), layout="constrained")
    panels = figure.subplots(1, 2 if has_pictures else 1, squeeze=False)[0]
    titles = ("Spearman's rank correlation", "structural similarity (SSIM)")
    for axes, title in zip(panels, titles, strict=False):
        axes.set_title(title, loc="left")
        axes.axhline(0, color=GRID, linewidth=0.8)
        axes.set_xlabel("weights drawn anew from the last layer down to this one", fontsize=8)
    for place, (method, stages) in enumerate(found.stages.items()):
        names = ["trained", *(shown_name(stage.layer) for stage in stages)]
        style = {"marker": _MARKS[place % 6], "color": COLOURS[place % 6], "markersize": 4.5}
        line = "--" if method == "edges" else "-"
        curves = (
            [1.0, *(stage.correlation for stage in stages)],
            [1.0, *(stage.similarity for stage in stages)],
        )
        for axes, values in zip(panels, curves, strict=False):
            axes.plot(values, linestyle=line, label=label_of(method), **style)
            axes.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=7)
            axes.set_ylim(min(-0.3, *(v for v in values if v == v), axes.get_ylim()[0]), 1.05)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=4, fontsize=8)
    return figure
