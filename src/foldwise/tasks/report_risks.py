"""What the sections of the report say against the score, as risks that are weighed."""

from collections.abc import Sequence

from foldwise.tasks.report_verdict import Gravity, Risk, first_sentence

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
