"""The figure of the embedding map."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.tasks.explain.findings import Array, EmbeddingMap
from foldwise.tasks.figure_style import COLOURS, in_style, shown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHAPES = ("o", "s", "^", "v", "D", "P", "X", "*", "<", ">")  # no class is told by colour alone
_OTHERS = "#b5bcc4"
_SHADES = (*COLOURS, "#F0E442", "#000000")  # the rest of Okabe and Ito's


@in_style
def embedding_figure(found: EmbeddingMap, num_classes: int) -> "Figure":
    """Draw the points by PCA and by t-SNE; mistakes, or the largest errors, are ringed.

    Args:
        found: The points.
        num_classes: That get a colour; the others are grey.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.8), layout="constrained")
    panels = figure.subplots(1, 2)
    shares = ", ".join(f"{share:.0%}" for share in found.explained)
    _scatter(panels[0], found, found.pca, num_classes)
    panels[0].set_title(f"PCA ({shares} of the variance)", loc="left")
    if found.tsne is None:
        panels[1].text(0.5, 0.5, "too few points for t-SNE", ha="center", va="center")
        panels[1].set_axis_off()
    else:
        _scatter(panels[1], found, found.tsne, num_classes)
        panels[1].set_title("t-SNE (neighbours, not distances)", loc="left")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", frameon=False, ncols=5, fontsize=8)
    return figure


def _scatter(axes: "Axes", found: EmbeddingMap, points: Array, num_classes: int) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    style: dict[str, Any] = {"s": 16, "linewidths": 0, "alpha": 0.85}
    if len(found.values):
        shades: dict[str, Any] = {"c": found.values, "cmap": "viridis"}
        axes.scatter(points[:, 0], points[:, 1], label="dark: small targets", **shades, **style)
    else:
        _by_class(axes, found, points, num_classes, style)
    ringed = points[found.is_mistake]
    label = "largest errors" if len(found.values) else "mistake"
    if len(ringed):
        ring: dict[str, Any] = {
            "s": 46,
            "facecolors": "none",
            "edgecolors": "black",
            "linewidths": 0.9,
        }
        axes.scatter(ringed[:, 0], ringed[:, 1], label=label, **ring)


def _by_class(
    axes: "Axes", found: EmbeddingMap, points: Array, num_classes: int, style: dict[str, Any]
) -> None:
    counts = Counter(found.classes.tolist())
    largest = sorted(counts, key=lambda name: (-counts[name], str(name)))[:num_classes]
    is_other = ~np.isin(found.classes, largest)
    if is_other.any():
        label = f"{len(counts) - len(largest)} other classes"
        others = points[is_other]
        axes.scatter(others[:, 0], others[:, 1], color=_OTHERS, label=label, **style)
    for place, name in enumerate(sorted(largest, key=str)):
        chosen = points[found.classes == name]
        marks: dict[str, Any] = {"color": _SHADES[place % len(_SHADES)], "marker": _SHAPES[place]}
        label = shown_name(str(name))
        axes.scatter(chosen[:, 0], chosen[:, 1], label=label, **marks, **style)
