"""What the probabilities are worth: calibration, abstention, thresholds and costs.

Only the predictions are read, so those of any model will do. What is chosen is chosen on the inner
validation part of each fold and shown on rows that had no say in it. S: rows, K: classes.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from foldwise.metrics.classification import Array, Codes
from foldwise.metrics.estimate import Estimate
from foldwise.metrics.mean_estimates import mean_estimates
from foldwise.metrics.scoring_rules import brier_losses, log_losses
from foldwise.seeds import derive_seed
from foldwise.tasks.abstention import Abstention, abstain
from foldwise.tasks.cost_decisions import CostDecision, cost_matrix, decide_by_cost
from foldwise.tasks.evaluate import EvaluateConfig, Evaluation, json_entry
from foldwise.tasks.independent_units import independent_units
from foldwise.tasks.model_rows import PartsOfModels, ensemble_rows, parts_of_models
from foldwise.tasks.operating_points import OperatingPoints, operating_points, shown_classes
from foldwise.tasks.predictions_table import PARTS, Scored, shown_names
from foldwise.tasks.probability_calibration import ProbabilityScores, score_probabilities, verdict
from foldwise.tasks.temperature_scaling import fit_temperatures, scaled

_FEW_POSITIVES = 30  # of the inner parts, below which a threshold is little more than chance
_OF_A_REGRESSION = (
    "The network predicts numbers, not probabilities of classes: calibration, thresholds and "
    "abstention by confidence do not apply. Whether its quantiles hold what they promise is told "
    "by their coverage."
)


@dataclass(frozen=True)
class PartCalibration:
    """What the probabilities of one part are worth, as the network says them and scaled."""

    before: ProbabilityScores
    after: ProbabilityScores | None  # at the temperature of each fold
    changes: dict[str, Estimate]  # of log loss and Brier score, after - before, paired
    abstention: Abstention  # by the probabilities as the network says them
    costs: CostDecision | None


@dataclass(frozen=True)
class Calibration:
    """Calibration, abstention, thresholds and costs of one predictions table."""

    classes: tuple[str, ...]
    config: EvaluateConfig
    parts: dict[str, PartCalibration] = field(default_factory=dict)  # oof and test; else empty
    temperatures: pd.DataFrame | None = None  # repeat, fold, num_inner, temperature
    points: OperatingPoints | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell, as of a regression; the notes say why."""
        return not self.parts

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be said first: whether the probabilities are right, in each part."""
        confidence = self.config.confidence
        return tuple(
            verdict(part.before, confidence, PARTS[name]) for name, part in self.parts.items()
        )


def no_calibration(config: EvaluateConfig) -> Calibration:
    """Return what stands for the calibration of a regression: why there is none."""
    return Calibration((), config, notes=(_OF_A_REGRESSION,))


def calibrate(
    evaluation: Evaluation,
    predictions: pd.DataFrame,
    inner: pd.DataFrame,
    groups: pd.Series | None,
) -> Calibration:
    """Return what the probabilities of an evaluated predictions table are worth.

    Args:
        evaluation: Of this table.
        predictions: The table.
        inner: The inner validation part of each fold by its own network, with the same columns;
            empty if there is none.
        groups: What was not drawn independently, by sample id; a missing value stands alone.

    Raises:
        CostsError: The costs name classes that there are not.
        PredictionsError: The inner rows do not belong to this table.
    """
    config, classes = evaluation.config, evaluation.classes
    costs = None if config.costs is None else cost_matrix(config.costs, classes)
    rows = parts_of_models(predictions, inner, classes)
    temperatures = fit_temperatures(rows) if config.calibration.temperature else None
    before = {"oof": rows.oof.scored}
    if rows.test is not None:
        before["test"] = ensemble_rows(rows.test, rows.test.scored.probabilities)
    after = {} if temperatures is None else _after(rows, temperatures)
    units = {part: independent_units(scored.ids, groups) for part, scored in before.items()}
    parts = {}
    for part, scored in before.items():
        parts[part] = _part(scored, after.get(part), units[part], costs, config, part)
    codes = shown_classes(rows.oof.scored, evaluation.positive, len(classes))
    points = operating_points(
        rows,
        classes,
        codes,
        config.operating_point,
        units,
        before.get("test"),
        config.confidence,
        config.proportion_interval,
    )
    notes = _notes(rows, temperatures, points, config)
    return Calibration(classes, config, parts, temperatures, points, tuple(notes))


def calibration_metrics(calibration: Calibration) -> dict[str, Any]:
    """Return the numbers as JSON; None where undefined."""
    metrics: dict[str, Any] = {"notes": list(calibration.notes)}
    if calibration.is_empty:
        return {"calibration": metrics}
    for name, part in calibration.parts.items():
        metrics[name] = {**_scores(part.before), "abstention": _abstention(part.abstention)}
        if part.after is not None:
            metrics[name]["at_temperature"] = _scores(part.after) | {
                f"{rule}_change": json_entry(change) for rule, change in part.changes.items()
            }
        if part.costs is not None:
            metrics[name]["costs"] = _costs(part.costs)
    if calibration.temperatures is not None:
        found = calibration.temperatures["temperature"]
        metrics["temperature"] = {
            "mean": float(found.mean()),
            "lowest": float(found.min()),
            "highest": float(found.max()),
        }
    return {"calibration": metrics}


def _after(rows: PartsOfModels, temperatures: pd.DataFrame) -> dict[str, Scored]:
    """Return out-of-fold and held-out rows at the temperatures of the networks."""
    found = {"oof": rows.oof.scored._replace(probabilities=scaled(rows.oof, temperatures))}
    if rows.test is not None:
        found["test"] = ensemble_rows(rows.test, scaled(rows.test, temperatures))
    return found


def _part(
    before: Scored,
    after: Scored | None,
    units: Codes | None,
    costs: Array | None,
    config: EvaluateConfig,
    part: str,
) -> PartCalibration:
    options, confidence = config.calibration, config.confidence
    seed = derive_seed(config.seed, "calibration", part)
    best = before if after is None else after
    decision = None
    if costs is not None:
        decision = decide_by_cost(best, units, costs, confidence)
    scaled_scores, changes = None, {}
    if after is not None:
        scaled_scores = score_probabilities(after, units, options, confidence, seed)
        found = mean_estimates(_losses(after) - _losses(before), units, confidence)
        changes = dict(zip(("log_loss", "brier_score"), found, strict=True))
    return PartCalibration(
        score_probabilities(before, units, options, confidence, seed),
        scaled_scores,
        changes,
        abstain(before, units, confidence, config.proportion_interval),
        decision,
    )


def _losses(scored: Scored) -> Array:
    """Return log loss and Brier score of each row, (S, 2)."""
    rules = (log_losses, brier_losses)
    return np.stack([rule(scored.target, scored.probabilities) for rule in rules], axis=1)


def _notes(
    rows: PartsOfModels,
    temperatures: pd.DataFrame | None,
    points: OperatingPoints,
    config: EvaluateConfig,
) -> list[str]:
    """Say what could not be chosen, and what rests on little."""
    notes = []
    is_choosing = config.calibration.temperature or config.operating_point is not None
    if rows.inner is None:
        if is_choosing:
            notes.append(
                "There are no predictions of inner validation parts (those of another program "
                "have none): no temperature is fitted and no operating point chosen."
            )
        return notes
    if temperatures is not None and (temperatures["num_inner"] == 0).any():
        without = temperatures[temperatures["num_inner"] == 0]
        names = ", ".join(f"repeat {r}, fold {f}" for r, f in without[["repeat", "fold"]].values)
        notes.append(f"No inner validation part, so a temperature of 1: {names}.")
    return notes + _threshold_notes(points, config)


def _threshold_notes(points: OperatingPoints, config: EvaluateConfig) -> list[str]:
    """Say which classes have no threshold somewhere, and which too few samples for one."""
    notes = []
    found = points.points[points.points["part"] == "oof"]
    lacking = found[found["num_without"] > 0]
    if config.operating_point is not None and len(lacking):
        notes.append(
            f"No threshold gives {config.operating_point.wording()} in the inner part of some "
            f"folds for {shown_names(list(lacking['class']))}; there the most probable class is "
            "decided."
        )
    size = (found["num_inner_positive"] / found["num_models"]).astype(np.float64)
    scarce = found[size < _FEW_POSITIVES]
    if len(scarce):
        notes.append(
            f"The thresholds of {shown_names(list(scarce['class']))} rest on as few as "
            f"{size.min():.3g} samples of the class in an inner part; with fewer than "
            f"{_FEW_POSITIVES} they are little more than chance."
        )
    return notes


# -- JSON -----------------------------------------------------------------------------------------


def _scores(scores: ProbabilityScores) -> dict[str, Any]:
    width, mass, brier = scores.width_error, scores.mass_error, scores.brier
    return {
        "ece": width.value,
        "ece_expected_if_calibrated": width.expected,
        "ece_debiased": width.debiased,
        "ece_p_value": width.p_value,
        "ece_equal_mass": mass.value,
        "ece_equal_mass_debiased": mass.debiased,
        "ece_equal_mass_p_value": mass.p_value,
        "class_ece_mean": float(scores.classes.value.mean()),
        "mean_confidence": scores.mean_confidence,
        "accuracy": scores.accuracy,
        "confidence_gap": scores.test.gap,
        "confidence_gap_p_value": scores.test.gap_p_value,
        "log_loss": scores.log_loss,
        "brier_score": scores.brier_score,
        "brier_reliability": brier.reliability,
        "brier_resolution": brier.resolution,
        "brier_uncertainty": brier.uncertainty,
        "brier_within_bins": brier.within_bins,
    }


def _abstention(abstention: Abstention) -> dict[str, Any]:
    found: dict[str, Any] = {
        "aurc": abstention.curve.aurc,
        "excess_aurc": abstention.curve.excess_aurc,
    }
    for row in abstention.table.to_dict("records"):
        found[f"at_{100 * row['wanted_coverage']:.0f}"] = {
            "coverage": row["coverage"],
            "threshold": row["threshold"],
            **json_entry(
                Estimate(row["accuracy"], row["accuracy_low"], row["accuracy_high"], row["method"])
            ),
        }
    return found


def _costs(decision: CostDecision) -> dict[str, Any]:
    return {
        "most_probable_class": json_entry(decision.plain),
        "least_expected_cost": json_entry(decision.least),
        "saved": json_entry(decision.saved),
        "foretold": decision.foretold,
        "share_changed": decision.share_changed,
    }
