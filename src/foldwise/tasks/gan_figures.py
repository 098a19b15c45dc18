"""Figures about a generator: its losses, samples by class, ways between latents, nearest pairs.

C: channels, H: height, W: width, T: steps, F: channels of a series. No meaning rests on colour
alone: what differs in colour differs in its dashes or its place.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.contact_sheet import shortened
from foldwise.data.samples import Feature, Modality, Samples
from foldwise.tasks.figure_style import COLOURS, GRID, in_style
from foldwise.tasks.gan_scores import GanPictures
from foldwise.tasks.mistakes_sheet import sample_sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
Record = Mapping[str, Any]

_PAPER = 255
_CELL = 0.55  # inches, of a picture
_LINE_STYLES = ("-", "--")
_MAX_SERIES_CLASSES = 12
_MAX_LINES = 4  # of a class, of either kind
_PER_LETTER = 0.085  # inches


@in_style
def loss_figure(history: Sequence[Record]) -> "Figure":
    """Draw both losses on one axis, and what else was noted of each epoch, epoch by epoch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    _lines(
        left,
        history,
        {"discriminator_loss": "discriminator", "generator_loss": "generator"},
    )
    left.set_title("losses, mean of each epoch", loc="left")
    _lines(
        right,
        history,
        {
            "discriminator_accuracy": "discriminator is right (0.5: it guesses)",
            "diversity": "diversity (1: that of real samples)",
        },
    )
    right.set_title("is it a draw, and do samples differ?", loc="left")
    right.set_ylim(0, max(1.05, right.get_ylim()[1]))
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)
        axes.grid(color=GRID, alpha=0.35, linewidth=0.6)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    return figure


@in_style
def class_grid_figure(
    pictures: GanPictures, modality: Modality, features: Sequence[Feature] = ()
) -> "Figure":
    """Draw samples of each class: real ones on the left, generated ones on the right."""
    if modality == "series":
        return _series_grid(pictures, features)
    size = max([1, *(len(x) for x in (*pictures.real, *pictures.generated))])
    shape = next(x.shape[1:] for x in (*pictures.real, *pictures.generated) if len(x))
    gap = np.full((shape[1], max(2, shape[2] // 2), 3), _PAPER, np.uint8)
    rows = [
        np.concatenate([_strip(real, size, shape), gap, _strip(generated, size, shape)], axis=1)
        for real, generated in zip(pictures.real, pictures.generated, strict=True)
    ]
    start = rows[0].shape[1] - size * _width(shape)
    return _sheet(rows, pictures.classes, {0: "real, held out", start: "generated"})


@in_style
def interpolation_figure(
    pictures: GanPictures, modality: Modality, features: Sequence[Feature] = ()
) -> "Figure":
    """Draw what lies between two latents, a row for each way."""
    if modality == "series":
        return _series_ways(pictures, features)
    ways = pictures.interpolated
    rows = [_strip(way, len(way), way.shape[1:]) for way in ways]
    last = rows[0].shape[1] - _width(ways[0].shape[1:])
    return _sheet(rows, pictures.interpolated_classes, {0: "one latent", last: "another"})


def pair_figure(
    pictures: GanPictures, modality: Modality, features: Sequence[Feature] = ()
) -> "Figure":
    """Draw the generated samples that are most like a training sample, each beside it."""
    x = np.stack([sample for pair in pictures.pairs for sample in pair])
    table = pd.DataFrame({"sample_id": [str(i) for i in range(len(x))]})
    samples = Samples(x, table, modality=modality, features=tuple(features))
    captions = []
    for name, told in pictures.captions:
        captions += [("generated:", told), ("like training:", _brief(name))]
    title = "Pairs: a generated sample, to its right the training sample that it is most like"
    return sample_sheet(samples, np.arange(len(x)), captions, title)


def _lines(axes: "Axes", history: Sequence[Record], names: Mapping[str, str]) -> None:
    for (name, label), dashes, colour in zip(names.items(), _LINE_STYLES, COLOURS, strict=False):
        known = [(r["epoch"] + 1, r[name]) for r in history if r.get(name) is not None]
        if not known:
            continue
        epochs, values = zip(*known, strict=True)
        marker = "o" if len(known) == 1 else ""
        axes.plot(epochs, values, dashes, color=colour, label=label, marker=marker, linewidth=1.5)


def _strip(images: Array, size: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return images (n, C, H, W) side by side, (H, size * (W + gap), 3), the rest blank."""
    height, width = shape[1:]
    strip = np.full((height, size, _width(shape), 3), _PAPER, np.uint8)
    for i, image in enumerate(images[:size]):
        strip[:, i, :width] = _rgb(np.asarray(image))
    return strip.reshape(height, -1, 3)


def _width(shape: tuple[int, ...]) -> int:
    """Return the pixels from one picture (C, H, W) to the next."""
    return shape[2] + max(1, shape[2] // 16)


def _rgb(image: Array) -> npt.NDArray[np.uint8]:
    """Return a picture as (H, W, 3); grey where it has not three channels."""
    if image.shape[0] != 3:
        image = np.repeat(image.mean(axis=0, keepdims=True), 3, axis=0)
    return np.moveaxis(image, 0, -1).astype(np.uint8)


def _sheet(
    rows: Sequence[npt.NDArray[np.uint8]], labels: Sequence[str], headings: Mapping[int, str]
) -> "Figure":
    """Draw strips (H, W, 3) under one another, each with its label; headings start at a pixel."""
    from matplotlib.figure import Figure

    height, width = rows[0].shape[:2]
    gap = np.full((max(1, height // 12), width, 3), _PAPER, np.uint8)
    whole = np.concatenate([part for row in rows for part in (row, gap)])
    names = [shortened(name) for name in labels]
    scale = _CELL / height
    margin = 0.2 + _PER_LETTER * max(map(len, names))
    size = (margin + width * scale + 0.1, 0.4 + len(whole) * scale + 0.05)
    figure = Figure(figsize=size)
    place = margin / size[0], 0.05 / size[1], width * scale / size[0], len(whole) * scale / size[1]
    axes = figure.add_axes(place)
    axes.imshow(whole, aspect="auto", interpolation="nearest")
    step = height + len(gap)
    middles = [i * step + height / 2 for i in range(len(rows))]
    axes.set_yticks(middles, names, parse_math=False)  # a class may be called "$"
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_frame_on(False)
    for start, heading in headings.items():
        axes.annotate(heading, (start, -0.16 * height), fontsize=9, annotation_clip=False)
    return figure


def _series_grid(pictures: GanPictures, features: Sequence[Feature]) -> "Figure":
    """Draw a row for each class; of several channels the first."""
    from matplotlib.figure import Figure

    names = pictures.classes[:_MAX_SERIES_CLASSES]
    figure = Figure(figsize=(8.4, 1.3 * len(names) + 0.5), layout="constrained")
    panels = figure.subplots(len(names), 2, squeeze=False, sharex=True, sharey="row")
    columns = {"real, held out": pictures.real, "generated": pictures.generated}
    for column, (title, by_class) in enumerate(columns.items()):
        for row, name in enumerate(names):
            panel = panels[row, column]
            for i, series in enumerate(by_class[row][:_MAX_LINES]):
                panel.plot(series[:, 0], color=COLOURS[i], linewidth=0.8)
            heading = f"{shortened(name)}: {title}" + _channel(features)
            panel.set_title(heading, fontsize=8, loc="left", parse_math=False)
            panel.tick_params(labelsize=6)
    return figure


def _series_ways(pictures: GanPictures, features: Sequence[Feature]) -> "Figure":
    """Draw all steps of a way in one panel, from dark to light; of several channels the first."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    ways = pictures.interpolated
    figure = Figure(figsize=(8.4, 1.4 * len(ways) + 0.4), layout="constrained")
    panels = figure.subplots(len(ways), 1, squeeze=False, sharex=True)[:, 0]
    for panel, way, name in zip(panels, ways, pictures.interpolated_classes, strict=True):
        for share, series in zip(np.linspace(0, 0.85, len(way)), way, strict=True):
            panel.plot(series[:, 0], color=colormaps["viridis"](share), linewidth=0.8)
        heading = f"{shortened(name)}: from one latent (dark) to another (light)"
        panel.set_title(heading + _channel(features), fontsize=8, loc="left", parse_math=False)
        panel.tick_params(labelsize=6)
    return figure


def _channel(features: Sequence[Feature]) -> str:
    return f", {shortened(features[0].name)} alone" if len(features) > 1 else ""


def _brief(name: str) -> str:
    text = shortened(name)
    return text if len(text) <= 14 else f"{text[:6]}…{text[-7:]}"
