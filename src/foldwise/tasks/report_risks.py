"""What the sections of the report say against the score, as risks that are weighed."""

from collections.abc import Sequence

from foldwise.tasks.calibration import Calibration
from foldwise.tasks.probability_calibration import is_miscalibrated
from foldwise.tasks.report_verdict import Gravity, Risk, first_sentence
from foldwise.tasks.slices import Slices
from foldwise.tasks.slices_section import biggest_risk

_TRAINING = "the training curves"
_MAX_WRONG_LABELS = 0.02  # share of the samples, above which a score says little of the truth


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
    if part is None or not is_miscalibrated(part.before, calibration.config.confidence):
        return []
    return [Risk(Gravity.USE, "the calibration", first_sentence(calibration.sentences[0]))]


def slice_risks(slices: Slices | None) -> list[Risk]:
    """Return the part of the samples that fails most: for it the score does not hold."""
    text = biggest_risk(slices)
    return [] if text is None else [Risk(Gravity.MEANING, "the slices", text)]


def label_risks(num_wrong: int, num_samples: int) -> list[Risk]:
    """Return that many labels are likely wrong: the score is agreement with them, not truth."""
    if num_wrong <= _MAX_WRONG_LABELS * num_samples:
        return []
    text = (
        f"{num_wrong:,} of {num_samples:,} labels ({num_wrong / num_samples:.1%}) are likely "
        "wrong, and the score is agreement with them."
    )
    return [Risk(Gravity.MEANING, "confident learning", text)]
