"""One self-contained HTML page about a training of generators: the verdict in words first."""

import base64
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from foldwise.metrics.estimate import Estimate
from foldwise.tasks.explain.picture_png import picture_png
from foldwise.tasks.gan_figures import (
    class_grid_figure,
    interpolation_figure,
    loss_figure,
    pair_figure,
)
from foldwise.tasks.gan_scores import ClassGeneration, GanScores, GeneratorScores
from foldwise.tasks.gan_verdict import (
    NOTES,
    classes_sentence,
    convergence_sentence,
    copies_sentence,
    gan_verdict,
)
from foldwise.tasks.report_section import ReportFigure, ReportImage, ReportSection, ReportTable
from foldwise.tasks.sections_page import render_sections

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BYTES = 400_000  # of a picture
_MAX_ROWS = 60  # classes in a table
# Short name (long ones are cut in a first column), what it is.
_LABELS = {
    "tstr_accuracy": ("TSTR accuracy", "trained on generated samples (synthetic), tested on real"),
    "trtr_accuracy": ("TRTR accuracy", "trained on real samples, tested on real ones"),
    "tstr_minus_trtr": ("TSTR less TRTR", "what generated samples in place of real ones cost"),
    "tstr_balanced_accuracy": ("TSTR balanced", "mean recall of the classes"),
    "trtr_balanced_accuracy": ("TRTR balanced", "mean recall of the classes"),
    "trts_accuracy": ("TRTS accuracy", "trained on real samples, tested on generated ones"),
    "frechet": ("Frechet distance", "from all generated to all real samples, 0: none"),
    "frechet_floor": ("Frechet floor", "from one half of the real samples to the other"),
    "frechet_halves": ("Frechet to a half", "from as many generated samples to a half"),
    "frechet_ratio": ("times the floor", "distance to a half over floor, 1: as near as real ones"),
    "kernel_distance": ("kernel distance", "KID, unbiased, 0 on average: none"),
    "precision": ("precision", "share of generated samples that lie where real ones do"),
    "recall": ("recall", "share of real samples that lie where generated ones do"),
    "density": ("density", "how densely real samples lie around generated ones, 1: as theirs"),
    "coverage": ("coverage", "share of real samples with a generated one near them"),
    "copies": ("copies", "share of generated samples that count as copies"),
    "copies_of_real": ("copies by chance", "the same of held-out real samples"),
    "num_missing_classes": (
        "missing classes",
        "recognised a tenth as often as real ones, or less",
    ),
}


def render_gan_report(scores: GanScores, *, provenance: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page: it needs no network, no script and no other file.

    Args:
        scores: What was measured.
        provenance: Heading -> name -> value, for whoever wants to get the same figures again.
    """
    verdict = gan_verdict(scores)
    return render_sections(
        "Is the generator any good?",
        gan_sections(scores),
        lead=(verdict.headline, *verdict.sentences),
        provenance=provenance,
    )


def gan_sections(scores: GanScores) -> tuple[ReportSection, ...]:
    """Return the sections of the page; samples are shown of the first generator."""
    first = scores.generators[0]
    return (
        _samples_section(scores, first),
        _measures_section(scores),
        _classes_section(first),
        _copies_section(scores, first),
        _training_section(scores),
        ReportSection("how", "How to read this", NOTES),
    )


def _samples_section(scores: GanScores, first: GeneratorScores) -> ReportSection:
    how = (
        "Generated samples were asked for by class."
        if first.is_conditional
        else "The generator is told no classes: its samples stand where the network puts them, "
        "and a class without any is empty."
    )
    grid = class_grid_figure(first.pictures, scores.modality, scores.features)
    images = [
        ReportImage(
            "Samples of each class, real and generated",
            _png(grid),
            f"{how} None was picked by hand.",
            alt="For each class, real held-out samples on the left, generated ones on the right.",
        )
    ]
    if first.pictures.interpolated:
        way = interpolation_figure(first.pictures, scores.modality, scores.features)
        images.append(
            ReportImage(
                "From one latent to another",
                _png(way),
                "A latent: the random numbers that a sample is made from. Smooth changes through "
                "likely samples speak for a generator that has learnt; jumps between a few speak "
                "for one that repeats.",
                alt="Samples on the way between two latents, a row for each way.",
            )
        )
    of = f" of fold {first.fold}" if len(scores.generators) > 1 else ""
    return ReportSection("samples", f"Samples{of}", images=tuple(images))


def _measures_section(scores: GanScores) -> ReportSection:
    first = scores.generators[0]
    names = [f"fold {of.fold}" if of.repeat == 0 else f"repeat {of.repeat}, fold {of.fold}"
             for of in scores.generators]  # fmt: skip
    rows = []
    for name in _LABELS:
        found = [_entry(of_fold, name) for of_fold in scores.generators]
        if any(entry is not None for entry in found):
            cells = ("-" if entry is None else _cell(entry) for entry in found)
            short, meaning = _LABELS[name]
            rows.append((short, *cells, meaning))
    percent = f"{scores.config.confidence:.0%}"
    methods = {e.method for of in scores.generators for e in of.metrics.values()}
    told = "; ".join(sorted(methods - {"none", "undefined", "halvings"}))
    note = (
        f"In the space of {first.space} ({first.num_features} numbers), {first.num_real} held-out "
        f"real samples and as many generated ones. In brackets: {percent} intervals ({told}); of "
        "the floor, the range over five halvings."
    )
    if first.num_real <= first.num_features:
        note += (
            " There are fewer samples than numbers: Frechet distances are dominated by that, "
            "trust the kernel distance."
        )
    return ReportSection(
        "measures",
        "Measures",
        tables=(
            ReportTable("All measures", ("measure", *names, "what it is"), tuple(rows), note),
        ),
    )


def _classes_section(first: GeneratorScores) -> ReportSection:
    columns = (
        "class",
        "training samples",
        "share of real",
        "share of generated",
        "recognised real",
        "recognised generated",
        "TSTR recall",
        "",
    )
    shown = sorted(first.classes, key=lambda of_class: not of_class.is_missing)[:_MAX_ROWS]
    note = (
        "Share: how many of all samples the network trained on real ones takes for this class. "
        "Recognised: how many samples of this class it takes for it. TSTR recall: how many real "
        "samples of this class the network trained on generated ones takes for it."
    )
    if first.missing_classes:
        note += " Classes that are missing come first."
    if len(first.classes) > len(shown):
        note += f" {len(first.classes) - len(shown)} classes are not shown."
    rows = tuple(_class_row(of_class) for of_class in shown)
    table = ReportTable("Class by class", columns, rows, note)
    return ReportSection("classes", "Classes", (classes_sentence(first),), (table,))


def _class_row(of_class: ClassGeneration) -> tuple[str, ...]:
    shares = (
        of_class.real_share,
        of_class.generated_share,
        of_class.real_recognised,
        of_class.recognised,
        of_class.recall_by_generated,
    )
    missing = "missing" if of_class.is_missing else ""
    return (of_class.name, str(of_class.num_training), *map(_share, shares), missing)


def _copies_section(scores: GanScores, first: GeneratorScores) -> ReportSection:
    images: tuple[ReportImage, ...] = ()
    if first.pictures.pairs:
        sheet = pair_figure(first.pictures, scores.modality, scores.features)
        images = (
            ReportImage(
                "Generated samples and the training samples that they are most like",
                _png(sheet),
                "The most alike of all that were compared come first.",
                alt="Pairs of a generated sample and its nearest training sample.",
            ),
        )
    return ReportSection("copies", "Copies", (copies_sentence(first),), images=images)


def _training_section(scores: GanScores) -> ReportSection:
    figures = tuple(
        ReportFigure(
            f"Losses of fold {of_fold.fold}" if len(scores.generators) > 1 else "Losses",
            partial(loss_figure, of_fold.history),
            "Losses of two networks that work against each other need not fall: what counts is "
            "that neither runs away.",
            "Losses of generator and discriminator by epoch; beside them how often the "
            "discriminator is right, and the diversity of generated samples. "
            f"{convergence_sentence(of_fold)}",
        )
        for of_fold in scores.generators
        if of_fold.history
    )
    told = tuple(convergence_sentence(of_fold) for of_fold in scores.generators[:1])
    return ReportSection("training", "Training", told, figures=figures)


def _entry(scores: GeneratorScores, name: str) -> Estimate | None:
    return scores.metrics.get(f"{name}_{scores.space}", scores.metrics.get(name))


def _cell(found: Estimate) -> str:
    if not np.isfinite(found.value):
        return "undefined"
    value = f"{found.value:.4g}"
    if not np.isfinite([found.low, found.high]).all():
        return value
    return f"{value} ({found.low:.4g} to {found.high:.4g})"


def _share(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if np.isfinite(value) else "undefined"


def _png(figure: "Figure") -> bytes:
    return base64.b64decode(picture_png(figure, _MOST_BYTES))
