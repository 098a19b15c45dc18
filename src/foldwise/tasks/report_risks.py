"""What the sections of the report say against the score, as risks that are weighed."""

from collections.abc import Sequence

from foldwise.tasks.calibration import Calibration
from foldwise.tasks.report_verdict import Gravity, Risk, first_sentence
from foldwise.tasks.slices import Slices
from foldwise.tasks.slices_section import biggest_risk

_TRAINING = "the training curves"


def training_risks(verdict: str, sentences: Sequence[str]) -> list[Risk]:
    """Return over- or underfitting: the score holds, but a better one may be had.

    Args:
        verdict: overfitting, underfitting, fine or unknown.
        sentences: What it rests on, the verdict first.
    """
    if verdict not in ("overfitting", "underfitting"):
        return []
    return [Risk(Gravity.USE, _TRAINING, first_sentence(sentences[0]))]


def calibration_risks(calibration: Calibration) -> list[Risk]:
    """Return that probabilities mislead, where chance does not explain it: the score holds."""
    part = calibration.parts.get("oof")
    if part is None:
        return []
    chance = 1 - calibration.config.confidence
    scores = part.before
    if min(scores.mass_error.p_value, scores.test.gap_p_value) >= chance:
        return []
    return [Risk(Gravity.USE, "the calibration", first_sentence(calibration.sentences[0]))]


def slice_risks(slices: Slices | None) -> list[Risk]:
    """Return the part of the samples that fails most: for it the score does not hold."""
    text = biggest_risk(slices)
    return [] if text is None else [Risk(Gravity.MEANING, "the slices", text)]
