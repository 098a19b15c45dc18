"""From what was found to figures, tables and sentences."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from foldwise.tasks.explain import wording
from foldwise.tasks.explain.attribution_colours import label_of
from foldwise.tasks.explain.attribution_figure import attribution_figure
from foldwise.tasks.explain.config import ExplainConfig
from foldwise.tasks.explain.explanations import (
    ExplanationPicture,
    Explanations,
    ExplanationTable,
)
from foldwise.tasks.explain.findings import Explained, Findings
from foldwise.tasks.explain.importance_figure import importance_figure
from foldwise.tasks.explain.learnt_figures import (
    feature_maps_figure,
    filters_figure,
    gallery_figure,
    made_figure,
    motifs_figure,
)
from foldwise.tasks.explain.map_figure import embedding_figure
from foldwise.tasks.explain.picture_png import picture_png
from foldwise.tasks.explain.sanity_figure import sanity_figure
from foldwise.tasks.figure_style import in_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BYTES = 110_000  # of a PNG
_MOST_OF_ATTRIBUTIONS = 400_000
_STRONGEST = 3  # parts that are named in the table
_MOST_ROWS = 50  # of a table


class _Shown:
    """A picture before it is drawn."""

    def __init__(
        self, name: str, title: str, draw: Callable[[], "Figure"], note: str, alt: str
    ) -> None:
        self.name, self.title, self.draw, self.note, self.alt = name, title, draw, note, alt

    def stored(self) -> ExplanationPicture:
        """Return it as a PNG."""
        most = _MOST_OF_ATTRIBUTIONS if self.name == "attributions" else _MOST_BYTES
        png = picture_png(self.draw(), most)
        return ExplanationPicture(
            name=self.name, title=self.title, png=png, note=self.note, alt=self.alt
        )


def make_explanations(findings: Findings, config: ExplainConfig) -> Explanations:
    """Return the explanations as they are stored."""
    if not findings.is_enabled:
        return Explanations(is_enabled=False, paragraphs=wording.opening(findings))
    stages = {} if findings.sanity is None else findings.sanity.stages
    last = {method: found[-1].correlation for method, found in stages.items()}
    return Explanations(
        paragraphs=wording.opening(findings),
        pictures=tuple(shown.stored() for shown in _pictures(findings, config)),
        tables=tuple(_tables(findings)),
        sanity={name: None if math.isnan(value) else value for name, value in last.items()},
    )


def explanation_figures(
    findings: Findings, config: ExplainConfig
) -> tuple["Figure", "Figure", "Figure", "Figure"]:
    """Return attributions, what was learnt, the map of features and the sanity check.

    Where one does not apply, a figure that says so takes its place.
    """
    by_name = {shown.name: shown for shown in _pictures(findings, config)}
    learnt = ("importances", "motifs", "filters", "feature_maps")
    names = ("attributions", next((n for n in learnt if n in by_name), ""), "embedding", "sanity")
    why = "switched off" if not findings.is_enabled else "this does not apply to the network"
    first, second, third, fourth = (
        by_name[name].draw() if name in by_name else message_figure(why) for name in names
    )
    return first, second, third, fourth


@in_style
def message_figure(text: str) -> "Figure":
    """Draw a sentence in the place of a figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0, 1.0))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def _pictures(findings: Findings, config: ExplainConfig) -> Iterator[_Shown]:
    if findings.explained and findings.explained[0].attributions:
        methods = [label_of(name) for name in findings.explained[0].attributions]
        yield _Shown(
            "attributions",
            "What speaks for the output",
            lambda: attribution_figure(findings),
            wording.attribution_note(findings),
            f"{len(findings.explained)} samples, coloured by {', '.join(methods)}.",
        )
    yield from _of_importances(findings)
    yield from _of_filters(findings)
    yield from _of_layers(findings)
    yield from _of_checks(findings, config)


def _of_importances(findings: Findings) -> Iterator[_Shown]:
    found = findings.importances
    if found is None:
        return
    best = found.columns[0]
    yield _Shown(
        "importances",
        "Which columns the score depends on",
        lambda: importance_figure(found),
        wording.IMPORTANCE_NOTE.format(
            metric=found.metric, networks=found.num_networks, repeats=found.num_repeats
        ),
        f"The score falls most without {best.column}: by {best.mean:.3f}.",
    )


def _of_filters(findings: Findings) -> Iterator[_Shown]:
    if findings.motifs:
        yield _Shown(
            "motifs",
            "Motifs that the first filters answer to",
            lambda: motifs_figure(findings.motifs),
            wording.MOTIFS_NOTE,
            "Logos: " + ", ".join(motif.consensus for motif in findings.motifs) + ".",
        )
    filters = findings.filters
    if filters is None:
        return
    note = wording.FILTERS_NOTE[filters.along].format(layer=filters.layer)
    if filters.is_averaged:
        note += " Input channels are averaged."
    yield _Shown(
        "filters",
        "What the first layer looks for",
        lambda: filters_figure(filters),
        note,
        f"{len(filters.pictures)} of {filters.num_filters} filters of the layer {filters.layer}.",
    )
    pictured = [one.content for one in findings.explained if one.content is not None]
    if findings.kind == "image" and filters.along == "picture" and pictured:
        grey = np.asarray(pictured[0], np.float64).mean(axis=2)
        yield _Shown(
            "gallery",
            "Kernels made by hand, for comparison",
            lambda: gallery_figure(grey),
            wording.GALLERY_NOTE,
            "Edge, identity, shift, blur, sharpen and Laplacian kernels, and their pictures.",
        )


def _of_layers(findings: Findings) -> Iterator[_Shown]:
    maps = findings.feature_maps
    if maps:
        yield _Shown(
            "feature_maps",
            "What layers make of one sample",
            lambda: feature_maps_figure(maps),
            wording.MAPS_NOTE.format(sample=maps[0].sample_id),
            f"Maps of the layers {', '.join(layer.layer for layer in maps)}.",
        )
    for name, title, made, note in (
        ("maximised", "Images that units like", findings.maximised, wording.MAXIMISED_NOTE),
        ("dream", "A dream", findings.dream, wording.DREAM_NOTE),
    ):
        if made:
            alt = f"Images: {', '.join(image.title for image in made)}."
            yield _Shown(name, title, partial(made_figure, made), note, alt)


def _of_checks(findings: Findings, config: ExplainConfig) -> Iterator[_Shown]:
    embedding, sanity = findings.embedding, findings.sanity
    if embedding is not None:
        ringed = "the tenth with the largest errors" if findings.is_regression else "mistakes"
        shown = len(embedding.pca)
        yield _Shown(
            "embedding",
            f"Map of the features, fold {embedding.fold}",
            lambda: embedding_figure(embedding, config.embedding.num_classes),
            wording.EMBEDDING_NOTE.format(ringed=ringed),
            f"{shown} of {embedding.num_samples} samples by their {embedding.num_features} "
            f"features, {int(embedding.is_mistake.sum())} of them ringed.",
        )
    if sanity is not None:
        lines = [
            f"{label_of(name)} {wording.sanity_verdict(stages)}"
            for name, stages in sanity.stages.items()
        ]
        yield _Shown(
            "sanity",
            "Do the attributions depend on what was learnt?",
            lambda: sanity_figure(sanity),
            wording.SANITY_NOTE,
            "; ".join(lines) + ".",
        )


def _tables(findings: Findings) -> Iterator[ExplanationTable]:
    if findings.sanity is not None:
        rows = [
            (
                label_of(name),
                _number(stages[-1].correlation),
                _number(stages[-1].similarity),
                wording.sanity_verdict(stages),
            )
            for name, stages in findings.sanity.stages.items()
        ]
        yield ExplanationTable(
            name="sanity",
            title="Attributions before and after all weights were drawn anew",
            columns=("method", "rank correlation", "SSIM", "what that means"),
            rows=tuple(rows),
            note=f"Mean over {findings.sanity.num_samples} sample(s).",
        )
    if findings.explained:
        yield ExplanationTable(
            name="samples",
            title="The samples that are explained",
            columns=("sample", "fold", "actual", "predicted", "probability", "strongest parts"),
            rows=tuple(_sample_row(one, findings.features) for one in findings.explained),
            note="Strongest by the last of the methods that have a sign, else by the last one.",
        )
    yield from _learnt_tables(findings)


def _learnt_tables(findings: Findings) -> Iterator[ExplanationTable]:
    if findings.importances is not None:
        found = findings.importances
        rows = [(c.column, _number(c.mean), _limits(c.low, c.high)) for c in found.columns]
        tested = len(found.columns)
        note = "" if tested == found.num_columns else f"{tested} of {found.num_columns} columns."
        yield ExplanationTable(
            name="importances",
            title="Permutation importance",
            columns=("column", f"fall of {found.metric}", "interval"),
            rows=tuple(rows[:_MOST_ROWS]),
            note=note,
        )
    if findings.motifs:
        yield ExplanationTable(
            name="motifs",
            title="Motifs of the first filters",
            columns=("filter", "consensus", "strongest windows", "windows", "most in", "by (SD)"),
            rows=tuple(
                (
                    str(motif.filter),
                    motif.consensus,
                    ", ".join(text for text, _ in motif.examples),
                    str(motif.num_windows),
                    motif.class_name,
                    f"{motif.separation:.2f}",
                )
                for motif in findings.motifs
            ),
        )


def _sample_row(one: Explained, features: tuple[str, ...]) -> tuple[str, ...]:
    sample = one.sample
    probability = "" if sample.probability is None else f"{sample.probability:.3f}"
    fold = f"{sample.fold}" if sample.repeat == 0 else f"{sample.repeat}/{sample.fold}"
    parts = _strongest(one, features)
    return sample.sample_id, fold, sample.target, sample.predicted, probability, parts


def _strongest(one: Explained, features: tuple[str, ...]) -> str:
    signed = [m for m in one.attributions if m in ("integrated_gradients", "occlusion")]
    if not one.attributions:
        return ""
    values = one.attributions[signed[-1] if signed else list(one.attributions)[-1]]
    places = np.argsort(-np.abs(values), axis=None, kind="stable")[:_STRONGEST]
    if values.ndim > 1:
        pairs = [np.unravel_index(place, values.shape) for place in places]
        return ", ".join(f"row {row}, column {column}" for row, column in pairs)
    if one.content is not None:
        return ", ".join(f"step {place}" for place in places)
    if features:
        return ", ".join(features[place] for place in places)
    return ", ".join(f"{one.words[place]} ({place + 1})" for place in places)


def _number(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:.3f}"


def _limits(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
