"""What the worst predictions and the likely label errors say, for the report."""

import io
from typing import TYPE_CHECKING

import pandas as pd

from foldwise.data.contact_sheet import shortened
from foldwise.data.samples import Samples
from foldwise.tasks.mistakes import Mistakes
from foldwise.tasks.mistakes_sheet import Caption, sample_sheet
from foldwise.tasks.regression_summary import show_number
from foldwise.tasks.report_section import ReportImage, ReportSection, ReportTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_ROWS = 12  # of a table on the page
_DPI = 110
_MAX_BYTES = 200_000  # of a picture on the page, beyond which its colours are reduced
_LEAST_ACCURACY = 0.6  # with which a network can tell wrong labels from its own mistakes


def mistakes_section(mistakes: Mistakes, samples: Samples) -> ReportSection:
    """Return the worst predictions as a sheet, the likely label errors as a table and a sheet."""
    tables: list[ReportTable] = []
    images = [
        ReportImage(
            _heading(mistakes),
            _png(mistakes_figure(mistakes, samples)),
            "Above each: the actual and the predicted value."
            if mistakes.label_errors is None and "error" in mistakes.table
            else "Above each: the actual class, then the predicted one with its probability.",
            alt=f"{_heading(mistakes)}. {mistakes_sentence(mistakes)}",
        )
    ]
    texts = [mistakes_sentence(mistakes)]
    if mistakes.label_errors is not None:
        texts.append(label_errors_sentence(mistakes))
        if mistakes.num_label_errors:
            tables.append(_label_error_table(mistakes.label_errors))
            images.append(
                ReportImage(
                    "Labels that are likely wrong",
                    _png(label_errors_figure(mistakes, samples)),
                    "Above each: the given label, then the suggested one with its probability.",
                    alt=label_errors_sentence(mistakes),
                )
            )
    return ReportSection(
        anchor="mistakes",
        title="Worst samples",
        paragraphs=tuple(texts),
        tables=tuple(tables),
        images=tuple(images) if len(mistakes.table) else (),
    )


def mistakes_sentence(mistakes: Mistakes) -> str:
    """Return how many mistakes there are, and how confident."""
    if "error" in mistakes.table:
        errors = mistakes.table["error"].abs()
        return (
            f"The largest error of {mistakes.num_samples} out-of-fold samples is "
            f"{show_number(float(errors.iloc[0]))}. mistakes.csv has the largest ones."
        )
    if not mistakes.num_mistakes:
        return f"None of {mistakes.num_samples} out-of-fold samples was taken for another class."
    surest = float(mistakes.table["probability"].iloc[0])
    return (
        f"{mistakes.num_mistakes} of {mistakes.num_samples} out-of-fold samples were taken for "
        f"another class, the surest of them with a probability of {surest:.3f}. mistakes.csv has "
        "the most confident ones."
    )


def label_errors_sentence(mistakes: Mistakes) -> str:
    """Return how many labels are likely wrong, and what to do about it."""
    number = mistakes.num_label_errors
    share = number / mistakes.num_samples
    if not number:
        return "No label looks wrong (confident learning on out-of-fold probabilities)."
    labels, are = ("label", "is") if number == 1 else ("labels", "are")
    accuracy = 1 - mistakes.num_mistakes / mistakes.num_samples
    if accuracy < _LEAST_ACCURACY:
        return (
            f"Confident learning suspects {number} {labels} of {mistakes.num_samples} "
            f"({share:.1%}), which says little here: networks that are right on only "
            f"{accuracy:.0%} of the samples cannot tell wrong labels from their own mistakes. "
            "Train better ones before you act on label_errors.csv."
        )
    return (
        f"{number} {labels} of {mistakes.num_samples} ({share:.1%}) {are} likely wrong (confident "
        "learning on out-of-fold probabilities). Look at the samples in label_errors.csv from the "
        "top, correct in the source what is wrong, and run again; a hard but rightly labelled "
        "sample may stand there too, so delete none without looking."
    )


def mistakes_figure(mistakes: Mistakes, samples: Samples) -> "Figure":
    """Draw the worst predictions."""
    table = mistakes.table.head(mistakes.config.num_samples)
    title = _heading(mistakes) if len(table) else mistakes_sentence(mistakes)
    return _sheet(table, samples, title)


def label_errors_figure(mistakes: Mistakes, samples: Samples) -> "Figure":
    """Draw the samples whose labels are the likeliest to be wrong."""
    if mistakes.label_errors is None:
        title = "Labels are not examined where there are no classes, or one only."
        return _sheet(mistakes.table.head(0), samples, title)
    table = mistakes.label_errors.head(mistakes.config.num_samples)
    title = f"Labels that are likely wrong ({mistakes.num_label_errors} in all)"
    names = {"label": "target", "suggested_label": "prediction", "p_suggested": "probability"}
    return _sheet(table.rename(columns=names), samples, title)


def _sheet(table: pd.DataFrame, samples: Samples, title: str) -> "Figure":
    return sample_sheet(samples, samples.positions(table["sample_id"]), _captions(table), title)


def _heading(mistakes: Mistakes) -> str:
    if "error" in mistakes.table:
        return "The largest errors"
    return f"The most confident mistakes ({mistakes.num_mistakes} in all)"


def _captions(table: pd.DataFrame) -> list[Caption]:
    if "error" in table:
        return [
            (f"actual {show_number(t)}", f"predicted {show_number(p)}")
            for t, p in zip(table["target"], table["prediction"], strict=True)
        ]
    columns = (table[name] for name in ("target", "prediction", "probability"))
    return [
        (_short(str(target)), f"→ {_short(str(prediction))} {probability:.3f}")
        for target, prediction, probability in zip(*columns, strict=True)
    ]


def _short(name: str) -> str:
    text = shortened(name)
    return text if len(text) <= 14 else f"{text[:6]}…{text[-7:]}"


def _label_error_table(errors: pd.DataFrame) -> ReportTable:
    rows = tuple(
        (str(row["sample_id"]), str(row["label"]), str(row["suggested_label"]),
         f"{row['p_label']:.3f}", f"{row['p_suggested']:.3f}")
        for row in errors.head(_MAX_ROWS).to_dict("records")
    )  # fmt: skip
    hidden = len(errors) > len(rows)
    return ReportTable(
        "Labels that are likely wrong, the likeliest first",
        ("sample", "label", "suggested", "probability of the label", "of the suggestion"),
        rows,
        f"The first {len(rows)}; label_errors.csv has more." if hidden else "",
    )


def _png(figure: "Figure") -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    if buffer.tell() <= _MAX_BYTES:
        return buffer.getvalue()
    reduced = io.BytesIO()
    # Photographs would be a megabyte; 256 colours are enough to see what is on them.
    Image.open(buffer).convert("RGB").quantize(256).save(reduced, "png", optimize=True)
    return reduced.getvalue()
