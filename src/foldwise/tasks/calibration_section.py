"""The section of the report about what the probabilities are worth."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from foldwise.tasks.calibration import Calibration, PartCalibration
from foldwise.tasks.calibration_figures import (
    reliability_figure,
    risk_coverage_figure,
    thresholds_figure,
)
from foldwise.tasks.calibration_tables import AS_PREDICTED, scores_of_parts
from foldwise.tasks.operating_points import POINT_METRICS, OperatingPoints
from foldwise.tasks.predictions_table import PARTS
from foldwise.tasks.probability_calibration import ProbabilityScores
from foldwise.tasks.report_section import ReportFigure, ReportSection, ReportTable

_MAX_ROWS = 20  # of a table; of more, the worst are shown
_ANCHOR, _TITLE = "calibration", "Calibration, thresholds, abstention"
_RELIABILITY_ALT = (
    "Reliability diagram: on the diagonal a prediction is right as often as the network says, "
    "below it the network is too sure."
)


def calibration_section(calibration: Calibration) -> ReportSection:
    """Return whether probabilities mean what they say, and what can be decided by them."""
    if calibration.is_empty:
        return ReportSection(_ANCHOR, _TITLE, calibration.notes)
    return ReportSection(
        _ANCHOR,
        _TITLE,
        _paragraphs(calibration),
        tuple(table for table in _tables(calibration) if table.rows),
        _figures(calibration),
    )


def _paragraphs(calibration: Calibration) -> tuple[str, ...]:
    texts = [*calibration.sentences]
    if calibration.temperatures is not None:
        texts.append(_temperature_text(calibration))
    for name, part in calibration.parts.items():
        row = part.abstention.table.set_index("wanted_coverage").loc[0.8]
        texts.append(
            f"If the network decides only the {row['coverage']:.0%} of which it is most certain "
            f"({PARTS[name]}), {row['accuracy']:.1%} of these are right "
            f"({row['accuracy_low']:.1%} to {row['accuracy_high']:.1%}) instead of "
            f"{part.before.accuracy:.1%} of all."
        )
        if part.costs is not None:
            texts.append(_cost_text(name, part))
    points = calibration.points
    wanted = calibration.config.operating_point
    if points is not None and not points.points.empty and wanted is not None:
        texts.append(
            f"Asked for is {wanted.wording()}. Each fold's threshold was chosen on its inner "
            "validation part alone; the table shows what these do elsewhere."
            f"{_reached_text(points)}"
        )
    return (*texts, *calibration.notes)


def _reached_text(points: OperatingPoints) -> str:
    """Say in which parts what was asked for is not reached; nothing if nothing was asked for."""
    judged = points.points.dropna(subset=["is_reached"])
    missed = judged[~judged["is_reached"].astype(bool)]
    if judged.empty:
        return ""
    if missed.empty:
        return " It is reached there."
    found = [
        f"{PARTS[str(part)]} for {_listed([str(name) for name in rows['class']])}"
        for part, rows in missed.groupby("part", sort=False)
    ]
    return f" It is not reached: {'; '.join(found)}."


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_MAX_ROWS])
    more = len(names) - _MAX_ROWS
    return f"{shown} and {more} more" if more > 0 else shown


def _temperature_text(calibration: Calibration) -> str:
    assert calibration.temperatures is not None
    found = calibration.temperatures["temperature"]
    effects = [_effect_text(name, part) for name, part in calibration.parts.items()]
    return (
        f"A temperature for each fold, fitted on its inner validation part ({found.min():.2f} to "
        f"{found.max():.2f}; above 1 is more cautious), {'; '.join(effects)}. Each network's "
        "decisions stay the same, and the predictions table keeps the probabilities as it says "
        "them."
    )


def _effect_text(name: str, part: PartCalibration) -> str:
    """Say what temperatures do to one part."""
    before, after = part.before, part.after
    assert after is not None
    change = part.changes["log_loss"]
    effect = "does not change the log loss beyond chance"
    if np.isfinite(change.low) and (change.high < 0 or change.low > 0):
        effect = f"{'lowers' if change.high < 0 else 'raises'} the log loss"
    text = (
        f"{effect} ({PARTS[name]}: {before.log_loss:.4f} to {after.log_loss:.4f}, change "
        f"{_signed(change)}), where the calibration error goes from "
        f"{before.mass_error.value:.3f} to {after.mass_error.value:.3f}"
    )
    if after.accuracy == before.accuracy:
        return text
    # Of several networks: bolder ones count for more in their mean.
    return (
        f"{text} and the accuracy of their mean from {before.accuracy:.2%} to {after.accuracy:.2%}"
    )


def _cost_text(name: str, part: PartCalibration) -> str:
    costs = part.costs
    assert costs is not None
    if costs.share_changed == 0:
        return (
            f"The costs change no decision ({PARTS[name]}): each sample costs "
            f"{costs.plain.value:.4g}."
        )
    is_sure = costs.saved.low > 0 or costs.saved.high < 0
    outcome = "a saving" if costs.saved.value >= 0 else "no saving but a loss"
    return (
        f"To decide for the class of the least expected cost instead of the most probable one "
        f"changes {costs.share_changed:.1%} of the decisions ({PARTS[name]}) and costs "
        f"{costs.least.value:.4g} instead of {costs.plain.value:.4g} for each sample: {outcome} "
        f"({_signed(costs.saved)}){'' if is_sure else ', which may be chance'}."
    )


# -- tables ---------------------------------------------------------------------------------------


def _tables(calibration: Calibration) -> tuple[ReportTable, ...]:
    return (
        _scores_table(calibration),
        _abstention_table(calibration),
        _points_table(calibration.points),
        _costs_table(calibration),
        _classes_table(calibration),
        _temperatures_table(calibration.temperatures),
    )


def _scores_table(calibration: Calibration) -> ReportTable:
    columns = {
        PARTS[part] if kind == AS_PREDICTED else f"{PARTS[part]}, {kind}": scores
        for (part, kind), scores in scores_of_parts(calibration).items()
    }
    records = zip(*(_score_cells(scores) for scores in columns.values()), strict=True)
    rows = tuple((cells[0][0], *(cell for _, cell in cells)) for cells in records)
    bins = calibration.config.calibration.bins
    note = (
        f"ECE, the expected calibration error, is the mean distance between what is said and what "
        f"happens, in {bins} bins. Even of a network whose every probability is true it is above "
        "0; what that would show stands below it, and p is how often it would show at least as "
        "much. The debiased error has that taken off, so it may be below 0. Brier score = "
        "reliability - resolution + uncertainty + a rest within bins; reliability is what bad "
        "calibration costs, resolution what telling samples apart gains."
    )
    return ReportTable("How true the probabilities are", ("", *columns), rows, note)


def _score_cells(scores: ProbabilityScores) -> tuple[tuple[str, str], ...]:
    """Return names and cells of one column."""
    width, mass, brier = scores.width_error, scores.mass_error, scores.brier
    return (
        ("mean of what is said", f"{scores.mean_confidence:.2%}"),
        ("accuracy", f"{scores.accuracy:.2%}"),
        ("gap, p", f"{scores.test.gap:+.4f}, {_p(scores.test.gap_p_value)}"),
        ("ECE, bins of equal width", f"{width.value:.4f}"),
        (
            "of a calibrated network",
            f"{width.expected:.4f} (95 % below {width.expected_high:.4f})",
        ),
        ("debiased, p", f"{width.debiased:.4f}, {_p(width.p_value)}"),
        ("ECE, bins of equal mass", f"{mass.value:.4f}"),
        ("of a calibrated network", f"{mass.expected:.4f} (95 % below {mass.expected_high:.4f})"),
        ("debiased, p", f"{mass.debiased:.4f}, {_p(mass.p_value)}"),
        ("log loss", f"{scores.log_loss:.4f}"),
        ("Brier score", f"{scores.brier_score:.4f}"),
        ("its reliability", f"{brier.reliability:.4f}"),
        ("its resolution", f"{brier.resolution:.4f}"),
        ("its uncertainty", f"{brier.uncertainty:.4f}"),
        ("its rest within bins", f"{brier.within_bins:.4f}"),
    )


def _abstention_table(calibration: Calibration) -> ReportTable:
    has_test = len(calibration.parts) > 1
    rows = []
    for name, part in calibration.parts.items():
        for row in part.abstention.table.to_dict("records"):
            head = f"{row['wanted_coverage']:.0%}"
            limits = f"{row['accuracy_low']:.2%} to {row['accuracy_high']:.2%}"
            rows.append(
                (
                    f"{PARTS[name]}, {head}" if has_test else head,
                    f"{row['num_kept']} ({row['coverage']:.1%})",
                    f"{row['threshold']:.4f}",
                    f"{row['accuracy']:.2%} ({limits})",
                )
            )
    areas = "; ".join(
        f"{part.abstention.curve.aurc:.4f} {PARTS[name]}, of which "
        f"{part.abstention.curve.excess_aurc:.4f} is due to the order"
        for name, part in calibration.parts.items()
    )
    note = (
        "Samples below the confidence are left undecided, for a human to decide. Of equally "
        f"confident ones all are kept. Area under the risk-coverage curve (AURC): {areas}."
    )
    columns = ("coverage", "decided", "least confidence", "accuracy of these")
    return ReportTable("If the network may abstain", columns, tuple(rows), note)


def _points_table(points: OperatingPoints | None) -> ReportTable:
    title = "Operating points"
    if points is None or points.points.empty:
        return ReportTable(title, (), ())
    rows = []
    shown = points.points.sort_values(["part", "f1"], kind="stable")
    has_test = shown["part"].nunique() > 1
    has_demand = shown["is_reached"].notna().any()
    most = _MAX_ROWS * shown["part"].nunique()
    for row in shown.head(most).to_dict("records"):
        name = f"{row['class']} ({PARTS[row['part']]})" if has_test else str(row["class"])
        threshold = "none"
        if np.isfinite(row["threshold"]):
            spread = f"{row['threshold_low']:.3f} to {row['threshold_high']:.3f}"
            threshold = f"{row['threshold']:.3f} ({spread})"
        cells = [_point_cell(row, metric) for metric in POINT_METRICS]
        reached = {True: "yes", False: "no"}.get(row["is_reached"], "-")
        rows.append((name, *((reached,) if has_demand else ()), threshold, *cells))
    left_out = len(shown) - len(rows)
    note = (
        "With intervals; in square brackets what the most probable class gives. Median and range "
        "of the thresholds of the folds; the held-out part is decided by the median."
    )
    note += f" {left_out} rows with a higher F1 are left out." if left_out > 0 else ""
    columns = ("class", *(("reached",) if has_demand else ()), "threshold (folds)")
    columns = (*columns, *(_metric_word(name) for name in POINT_METRICS))
    return ReportTable(title, columns, tuple(rows), note)


def _point_cell(row: Mapping[Hashable, Any], metric: str) -> str:
    value = row[metric]
    shown = "undefined"
    if np.isfinite(value):
        shown = f"{value:.3f} ({row[f'{metric}_low']:.3f} to {row[f'{metric}_high']:.3f})"
    plain = row[f"{metric}_of_plain_decision"]
    return f"{shown} [{plain:.3f}]" if np.isfinite(plain) else f"{shown} [undefined]"


def _costs_table(calibration: Calibration) -> ReportTable:
    rows = []
    for name, part in calibration.parts.items():
        if part.costs is None:
            continue
        found = part.costs
        entries = (found.plain, found.least, found.saved)
        cells = [_limits(f"{e.value:.4g}", e.low, e.high) for e in entries]
        accuracy = f"{found.accuracy[0]:.2%}, {found.accuracy[1]:.2%}"
        rows.append((PARTS[name], *cells, f"{found.foretold:.4g}", accuracy))
    columns = (
        *("", "most probable class", "least expected cost", "saved"),
        *("foretold", "accuracy of both"),
    )
    note = (
        "Cost of each sample with a t interval, corrected for skewness. Foretold is what the "
        "probabilities say the second way will cost: far from what it costs, they are wrong."
    )
    return ReportTable("What decisions cost", columns, tuple(rows), note)


def _classes_table(calibration: Calibration) -> ReportTable:
    columns = ("class", "ECE", "of a calibrated network", "debiased", "said less share")
    title = "Calibration of each class, out of fold"
    if len(calibration.classes) < 3:
        return ReportTable(title, columns, ())
    found = calibration.parts["oof"].before.classes
    order = np.argsort(-found.debiased, kind="stable")[:_MAX_ROWS]
    rows = tuple(
        (
            calibration.classes[code],
            f"{found.value[code]:.4f}",
            f"{found.expected[code]:.4f}",
            f"{found.debiased[code]:.4f}",
            f"{found.gap[code]:+.4f}",
        )
        for code in order
    )
    left_out = len(calibration.classes) - len(rows)
    note = (
        "Of the probability of the class, whatever is decided; the last column is above 0 where "
        "the network expects the class more often than it comes. The worst first."
    )
    note += f" {left_out} classes are left out." if left_out else ""
    return ReportTable(title, columns, rows, note)


def _temperatures_table(temperatures: pd.DataFrame | None) -> ReportTable:
    columns = ("fold", "samples of its inner part", "temperature")
    title = "Temperatures"
    if temperatures is None:
        return ReportTable(title, columns, ())
    has_repeats = bool((temperatures["repeat"] > 0).any())
    far = np.abs(np.log(temperatures["temperature"])).sort_values(ascending=False).index
    shown = temperatures.loc[sorted(far[:_MAX_ROWS])]
    rows = []
    for row in shown.itertuples(index=False):
        name = f"repeat {row.repeat}, fold {row.fold}" if has_repeats else f"fold {row.fold}"
        rows.append((name, str(row.num_inner), f"{row.temperature:.3f}"))
    left_out = len(temperatures) - len(rows)
    note = (
        "Fitted by the log loss of the inner validation part, which also chose the epoch, and the "
        "weights of decisions if there are any: so it is a little too bold. Guo et al. 2017; a "
        "normal prior of deviation ln 2 on its logarithm steadies small parts."
    )
    note += f" {left_out} folds closer to 1 are left out." if left_out else ""
    return ReportTable(title, columns, tuple(rows), note)


# -- figures --------------------------------------------------------------------------------------


def _figures(calibration: Calibration) -> tuple[ReportFigure, ...]:
    share = f"{calibration.config.confidence:.0%}"
    return (
        ReportFigure(
            "Reliability",
            partial(reliability_figure, calibration),
            f"Bins of equal width with Wilson intervals ({share}) above the number of predictions "
            "in each, as predicted.",
            " ".join((_RELIABILITY_ALT, *calibration.sentences)),
        ),
        ReportFigure(
            "Metrics against the threshold",
            partial(thresholds_figure, calibration),
            "Out of fold, each class against the rest. The choice, if one is asked for, was made "
            "on inner validation parts.",
            "Recall falls and precision mostly rises as the threshold rises.",
        ),
        ReportFigure(
            "Errors against coverage",
            partial(risk_coverage_figure, calibration),
            f"Dots and bands are the coverages of the table with {share} intervals; dotted, the "
            "errors if all came last.",
            "Share of errors among the samples that are decided, by how many are decided.",
        ),
    )


def _signed(change: tuple[float, float, float, str]) -> str:
    value, low, high, _ = change
    return f"{value:+.4f}" + (f" ({low:+.4f} to {high:+.4f})" if np.isfinite(low) else "")


def _limits(shown: str, low: float, high: float) -> str:
    return f"{shown} ({low:.4g} to {high:.4g})" if np.isfinite(low) else shown


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _metric_word(metric: str) -> str:
    return "F1" if metric == "f1" else metric
