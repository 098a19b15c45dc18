"""Figures of what a network has learnt: filters, motifs, feature maps, images that it likes.

Drawn without any global figure state; the same findings give the same bytes.
"""

from typing import TYPE_CHECKING

import numpy as np

from foldwise.models.kernel_gallery import filtered, kernel_gallery
from foldwise.tasks.explain.attribution_figure import mosaic
from foldwise.tasks.explain.findings import Array, FeatureMaps, Filters, MadeImage, Motif
from foldwise.tasks.figure_style import COLOURS, in_style, shown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PER_ROW = 8
_SIDE = 0.95  # inches of a small picture
_LOGO_SIZE = 1.0  # units of matplotlib's text paths


@in_style
def gallery_figure(picture: Array) -> "Figure":
    """Draw the hand-made kernels, and what each makes of a picture (H, W)."""
    from matplotlib.figure import Figure

    kernels = kernel_gallery()
    figure = Figure(figsize=(1.2 * (len(kernels) + 1), 2.9), layout="constrained")
    panels = figure.subplots(2, len(kernels) + 1)
    for axes in panels.flat:
        _bare(axes)
    panels[0, 0].set_axis_off()
    panels[1, 0].imshow(picture, cmap="gray")
    panels[1, 0].set_title("picture", fontsize=7)
    for column, (name, kernel) in enumerate(kernels.items(), 1):
        above, below = panels[:, column]
        above.imshow(_signed_colours(kernel), interpolation="nearest")
        above.set_title(name.replace(", ", ",\n"), fontsize=7)
        for (i, j), value in np.ndenumerate(kernel):
            text = "1/9" if 0 < value < 1 else f"{value:g}"
            above.text(j, i, text, ha="center", va="center", fontsize=6)
        below.imshow(filtered(picture, kernel), cmap="gray")
    return figure


@in_style
def filters_figure(filters: Filters) -> "Figure":
    """Draw the filters of the first layer: orange adds, blue takes away, or three channels."""
    from matplotlib.figure import Figure

    pictures = filters.pictures
    if filters.along == "steps" or (pictures.ndim == 3 and not _is_square(pictures)):
        return _curves(pictures)
    coloured = [_in_colours(one) if one.ndim > 2 else _signed_colours(one) for one in pictures]
    rows = [coloured[i : i + _PER_ROW] for i in range(0, len(coloured), _PER_ROW)]
    sheet, _ = mosaic(rows)
    size = (_SIDE * len(rows[0]), _SIDE * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    _bare(axes)
    axes.imshow(sheet, interpolation="nearest")
    return figure


@in_style
def motifs_figure(motifs: tuple[Motif, ...]) -> "Figure":
    """Draw each motif as a logo: letters as high as their share of the information, in bits.

    Schneider and Stephens, Sequence logos: a new way to display consensus sequences (1990).
    """
    from matplotlib.figure import Figure

    num_columns = 2
    num_rows = -(-len(motifs) // num_columns)
    figure = Figure(figsize=(9.0, 1.35 * num_rows + 0.2), layout="constrained")
    panels = figure.subplots(num_rows, num_columns, squeeze=False).ravel()
    for axes in panels[len(motifs) :]:
        axes.set_axis_off()
    for axes, motif in zip(panels, motifs, strict=False):
        _draw_logo(axes, motif)
    return figure


@in_style
def feature_maps_figure(found: tuple[FeatureMaps, ...]) -> "Figure":
    """Draw maps of each layer in a row; along steps, one picture of all channels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 1.6 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), 1, squeeze=False)[:, 0]
    for axes, layer in zip(panels, found, strict=True):
        _bare(axes)
        axes.set_title(f"{layer.layer} ({layer.num_maps} maps)", fontsize=8, loc="left")
        if layer.maps.shape[0] > 1:
            sheet, _ = mosaic([[_bright(values) for values in layer.maps]])
            axes.imshow(sheet, interpolation="nearest")
        else:
            axes.imshow(layer.maps[0], cmap="viridis", aspect="auto", interpolation="nearest")
    return figure


@in_style
def made_figure(made: tuple[MadeImage, ...]) -> "Figure":
    """Draw images that were made, with their titles."""
    from matplotlib.figure import Figure

    per_row = min(6, len(made))
    num_rows = -(-len(made) // per_row)
    figure = Figure(figsize=(1.5 * per_row, 1.7 * num_rows), layout="constrained")
    panels = figure.subplots(num_rows, per_row, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, image in zip(panels, made, strict=False):
        values = image.picture
        is_colour = values.shape[2] == len("RGB")
        axes.imshow(values if is_colour else values.mean(axis=2), cmap="gray", vmin=0, vmax=1)
        axes.set_title(shown_name(image.title), fontsize=8)
    return figure


def _bare(axes: "Axes") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _signed_colours(values: Array) -> Array:
    """Return values (H, W) as colours (H, W, 3): orange above 0, white at it, blue below."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("signed", [COLOURS[0], "#ffffff", COLOURS[1]])
    largest = float(np.abs(values).max()) or 1.0
    found: Array = colours(0.5 + 0.5 * values / largest)[..., :3]
    return found


def _bright(values: Array) -> Array:
    """Return a map (H, W) on a scale of its own as colours (H, W, 3)."""
    from matplotlib import colormaps

    spread = float(np.ptp(values)) or 1.0
    found: Array = colormaps["viridis"]((values - values.min()) / spread)[..., :3]
    return found


def _in_colours(picture: Array) -> Array:
    """Return weights (H, W, 3) as colours around grey."""
    return 0.5 + 0.5 * picture / (np.abs(picture).max() or 1.0)


def _is_square(pictures: Array) -> bool:
    return bool(pictures.shape[1] == pictures.shape[2])


@in_style
def _curves(pictures: Array) -> "Figure":
    """Draw filters along steps (K, F, T), a curve for each channel; of many channels a picture."""
    from matplotlib.figure import Figure

    num_filters, channels, num_steps = pictures.shape
    if channels > len(COLOURS):
        colours = [_signed_colours(one) for one in pictures]
        rows = [colours[i : i + _PER_ROW] for i in range(0, num_filters, _PER_ROW)]
        figure = Figure(figsize=(8.6, 1.2 * len(rows)), layout="constrained")
        axes = figure.subplots()
        _bare(axes)
        axes.imshow(mosaic(rows)[0], interpolation="nearest", aspect="auto")
        return figure
    num_rows = -(-num_filters // _PER_ROW)
    figure = Figure(figsize=(8.6, 0.8 * num_rows + 0.2), layout="constrained")
    axes = figure.subplots()  # one for all: many would be slow
    _bare(axes)
    places = np.linspace(0.08, 0.92, num_steps)
    for number, kernel in enumerate(pictures):
        row, column = divmod(number, _PER_ROW)
        scale = 0.42 / (float(np.abs(kernel).max()) or 1.0)
        axes.hlines(-row, column + 0.05, column + 0.95, color="#8b949e", linewidth=0.5)
        axes.text(column + 0.05, 0.36 - row, str(number), fontsize=6)
        for channel, values in enumerate(kernel):
            (curve,) = axes.plot(column + places, scale * values - row, ".-")
            curve.set(color=COLOURS[channel], linewidth=1.2, markersize=3)
    axes.set(xlim=(0, _PER_ROW), ylim=(0.5 - num_rows, 0.5))
    return figure


def _draw_logo(axes: "Axes", motif: Motif) -> None:
    shares = motif.shares
    most = np.log2(max(2, len(motif.tokens)))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(shares > 0, shares * np.log2(shares), 0.0).sum(axis=1)
    heights = shares * (most - entropy)[:, None]  # (T, V), bits
    is_of_letters = all(len(token) == 1 for token in motif.tokens)
    for place, of_place in enumerate(heights):
        bottom = 0.0
        for token in np.argsort(of_place, kind="stable"):
            height = float(of_place[token])
            if height > 0.02 * most and is_of_letters:
                colour = COLOURS[token % len(COLOURS)]
                _letter(axes, motif.tokens[token], (place, bottom, height), colour)
            bottom += height
        if not is_of_letters:
            word = shown_name(motif.tokens[int(of_place.argmax())])
            axes.bar(place, bottom, color="#d6e8f5", width=0.9)
            axes.text(place, bottom / 2, word, ha="center", va="center", fontsize=7, rotation=30)
    axes.set(xlim=(-0.5, len(shares) - 0.5), ylim=(0, most), xticks=[])
    axes.set_ylabel("bits", fontsize=7)
    axes.tick_params(labelsize=6)
    told = (
        f": {shown_name(motif.class_name)}, +{motif.separation:.1f} SD" if motif.class_name else ""
    )
    axes.set_title(f"filter {motif.filter}{told}", loc="left", fontsize=8)


def _letter(axes: "Axes", letter: str, place: tuple[int, float, float], colour: str) -> None:
    """Draw a letter that fills its place: number, bottom and height."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.patches import PathPatch
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    number, bottom, height = place
    font = FontProperties(family="DejaVu Sans", weight="bold")
    path = TextPath((0, 0), letter.upper(), size=_LOGO_SIZE, prop=font)
    box = path.get_extents()
    if not (box.width > 0 and box.height > 0):  # a blank
        return
    scale = Affine2D().translate(-box.x0, -box.y0).scale(0.9 / box.width, height / box.height)
    moved = scale.translate(number - 0.45, bottom)
    axes.add_patch(PathPatch(moved.transform_path(path), color=colour, linewidth=0))
