"""What the measures of a generator say, in words: whether it is of any good, and why.

Every sentence carries its numbers. The limits are rules of thumb and stand in the notes.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from foldwise.data.bad_input import listing
from foldwise.metrics.estimate import Estimate
from foldwise.tasks.gan_scores import GanScores, GeneratorScores

Grade = Literal["good", "fair", "poor", "copies"]

# Accuracy that a network loses by being trained on generated samples.
_SMALL_LOSS, _LARGE_LOSS = 0.05, 0.2
# Frechet distance, in distances between two halves of the real samples.
_AS_NEAR, _NEAR, _FAR = 1.25, 3.0, 20.0
# Share of copies, in shares of held-out real samples that pass for such.
_MANY_COPIES = 5.0
_LOW_COVERAGE = 0.5
# Balanced accuracy below which the network of the space tells too little to judge by.
_BLIND = 0.6

NOTES = (
    "Samples are compared by the features of a small network (its name is part of each metric's "
    "name) that was trained to tell the classes on the same training part. Numbers of different "
    "networks or data sets are not comparable, nor are they the FID of papers.",
    "Good: no class is missing, a network trained on generated samples alone loses at most 5 "
    "points of accuracy, and nothing was found against it. Poor: it loses more than 20 points or "
    "half of what it knows beyond a guess, half the classes are missing, or the fit did not "
    "converge. Of a generator that is told no "
    "classes, the Frechet distance stands in for the loss of accuracy: up to 3 times the floor, "
    "and more than 20 times.",
    "The floor is the Frechet distance between two halves of the real held-out samples: no "
    "generator can be expected below it. Finite samples add to every such distance, so it is "
    "compared with generated samples of the same number.",
    "A copy is nearer to a training sample than nearly all held-out real samples are, both in the "
    "features and in the values themselves.",
)


class GanVerdict(NamedTuple):
    """A grade, and the sentences that it rests on, the most important first."""

    grade: Grade
    headline: str
    sentences: tuple[str, ...]


def gan_verdict(scores: GanScores) -> GanVerdict:
    """Return the verdict on the worst of the generators, which stands for all."""
    verdicts = [generator_verdict(of_fold) for of_fold in scores.generators]
    worst = max(range(len(verdicts)), key=lambda i: _ORDER.index(verdicts[i].grade))
    verdict = verdicts[worst]
    if len(verdicts) == 1:
        return verdict
    of_fold = scores.generators[worst]
    same = sum(found.grade == verdict.grade for found in verdicts)
    note = (
        f"This is said of the worst of {len(verdicts)} generators (fold {of_fold.fold}); "
        f"{same} of them get this grade."
    )
    return verdict._replace(sentences=(*verdict.sentences, note))


def generator_verdict(scores: GeneratorScores) -> GanVerdict:
    """Return what is to be thought of one generator."""
    grade = _grade(scores)
    return GanVerdict(grade, _HEADLINES[grade], tuple(filter(None, _sentences(scores))))


def _grade(scores: GeneratorScores) -> Grade:
    num_missing, num_classes = len(scores.missing_classes), len(scores.classes)
    loss, small, large = _loss(scores)
    hardly_any = 2 * num_missing >= num_classes
    if has_failed(scores) or hardly_any or loss > large or _teaches_little(scores):
        return "poor"
    if _copies_too_much(scores):
        return "copies"
    flaws = (
        num_missing > 0,
        loss > small,
        bool(_warnings(scores)),
        scores.value("coverage") < _LOW_COVERAGE,
        is_blind(scores),
    )
    return "fair" if any(flaws) else "good"


def _loss(scores: GeneratorScores) -> tuple[float, float, float]:
    """Return what is lost against real samples, what is little of it, and what is much."""
    loss = -scores.value("tstr_minus_trtr")
    if np.isfinite(loss):
        # Of rare classes accuracy says next to nothing.
        balanced = scores.value("trtr_balanced_accuracy") - scores.value("tstr_balanced_accuracy")
        return max(loss, balanced), _SMALL_LOSS, _LARGE_LOSS
    return scores.value("frechet_ratio"), _NEAR, _FAR


def _teaches_little(scores: GeneratorScores) -> bool:
    """Whether most is lost of what the network of real samples knows beyond a guess.

    A network that knows little has few points to lose.
    """
    real, generated = (
        scores.value(f"{trained}_balanced_accuracy") for trained in ("trtr", "tstr")
    )
    return real - generated > (real - 1 / len(scores.classes)) / 2


def has_failed(scores: GeneratorScores) -> bool:
    """Whether the fit ended in an error that it was told to go on from."""
    return any(finding.severity == "error" for finding in scores.findings)


def is_blind(scores: GeneratorScores) -> bool:
    """Whether the network that samples are judged by hardly tells the classes itself."""
    return scores.value("trtr_balanced_accuracy") < _BLIND


def _warnings(scores: GeneratorScores) -> list[str]:
    told = (found for found in scores.findings if found.severity != "info")
    return [f"{found.message} {found.advice}".rstrip() for found in told]


def _copies_too_much(scores: GeneratorScores) -> bool:
    found = scores.metrics.get(f"copies_{scores.space}")
    usual = scores.value("copies_of_real")
    return found is not None and found.low > _MANY_COPIES * max(usual, 1e-3)


def _sentences(scores: GeneratorScores) -> Sequence[str]:
    """Return all that there is to say, what speaks against the generator first."""
    told = (
        (is_blind(scores), blindness_sentence),
        (has_failed(scores), convergence_sentence),
        (bool(scores.missing_classes), classes_sentence),
        (_copies_too_much(scores), copies_sentence),
        (True, usefulness_sentence),
        (True, classes_sentence),
        (True, distance_sentence),
        (True, coverage_sentence),
        (True, copies_sentence),
        (True, convergence_sentence),
    )
    return tuple(dict.fromkeys(tell(scores) for is_due, tell in told if is_due))


def usefulness_sentence(scores: GeneratorScores) -> str:
    """Return how well a network does that saw generated samples only."""
    real = scores.metrics["trtr_accuracy"]
    guess = f"always guessing the most frequent class gets {scores.majority_share:.3f}"
    if "tstr_accuracy" not in scores.metrics:
        return (
            "The generator is told no classes, so no network can be trained on its samples. (One "
            f"trained on real samples reaches an accuracy of {_shown(real)}; {guess}.)"
        )
    gap = scores.metrics["tstr_minus_trtr"]
    points = 100 * gap.value
    if points < 0:
        compared = f"{-points:.1f} points less"
    else:
        compared = "the same" if points == 0 else f"{points:.1f} points more"
    return (
        f"A network trained on {scores.num_on_generated} generated samples alone reaches an "
        f"accuracy of {_shown(scores.metrics['tstr_accuracy'])} on real held-out samples: "
        f"{compared}{_limits(gap, 100)} than the same network trained on "
        f"{scores.num_training} real ones, {_shown(real)}. Balanced over the classes it is "
        f"{scores.value('tstr_balanced_accuracy'):.3f} against "
        f"{scores.value('trtr_balanced_accuracy'):.3f}; {guess}."
    )


def blindness_sentence(scores: GeneratorScores) -> str:
    """Return that the network of the space is a poor judge."""
    return (
        "What follows rests on a poor judge: the network in whose features samples are compared "
        "tells the classes of real samples with a balanced accuracy of only "
        f"{scores.value('trtr_balanced_accuracy'):.3f}."
    )


def classes_sentence(scores: GeneratorScores) -> str:
    """Return which classes are missing."""
    missing, total = scores.missing_classes, len(scores.classes)
    if not missing:
        return f"All {total} classes are among the generated samples."
    return (
        f"{len(missing)} of {total} classes are missing among the generated samples: "
        f"{listing(missing)}. They are recognised less than a tenth as often as real ones."
    )


def distance_sentence(scores: GeneratorScores) -> str:
    """Return how far the samples are from real ones, in floors."""
    floor, found = scores.value("frechet_floor"), scores.value("frechet_halves")
    ratio = scores.value("frechet_ratio")
    if not np.isfinite(ratio):
        return "There are too few held-out real samples for a Frechet distance."
    words = {
        "about as near as real samples are to one another": ratio <= _AS_NEAR,
        "near, but farther than real samples are from one another": ratio <= _NEAR,
        "recognisably apart": ratio <= _FAR,
        "far apart": True,
    }
    told = next(word for word, is_so in words.items() if is_so)
    return (
        f"The Frechet distance from generated to real samples is {found:.3g}, where two halves "
        f"of the real ones are {floor:.3g} apart: {ratio:.1f} times the floor, {told}."
    )


def coverage_sentence(scores: GeneratorScores) -> str:
    """Return how much of the real variety is there, and how many samples are off."""
    precision, coverage = scores.value("precision"), scores.value("coverage")
    density, recall = scores.value("density"), scores.value("recall")
    if not np.isfinite([precision, coverage]).all():
        return ""
    lost = " Much of the variety is missing." if coverage < _LOW_COVERAGE else ""
    return (
        f"{precision:.0%} of the generated samples lie where real ones do (precision; density "
        f"{density:.2f}), and {coverage:.0%} of the real ones have a generated one near them "
        f"(coverage; recall {recall:.0%}).{lost}"
    )


def copies_sentence(scores: GeneratorScores) -> str:
    """Return whether training samples are repeated."""
    share, usual = scores.value("copies"), scores.value("copies_of_real")
    told = (
        "It repeats training samples: what it makes is not new"
        if _copies_too_much(scores)
        else "No sign that it repeats training samples"
    )
    return (
        f"{told}: {share:.1%} of the generated samples count as copies, where {usual:.1%} of the "
        "held-out real ones do by chance."
    )


def convergence_sentence(scores: GeneratorScores) -> str:
    """Return whether the fit converged, as far as it was watched."""
    told = _warnings(scores)
    epochs = f"{len(scores.history)} epochs"
    if not told:
        return f"Nothing was found wrong with the fit in {epochs}."
    return f"The fit of {epochs} was not sound: {' '.join(told)}"


def _shown(found: Estimate) -> str:
    return f"{found.value:.3f}{_limits(found)}"


def _limits(found: Estimate, factor: float = 1.0) -> str:
    if not np.isfinite([found.low, found.high]).all():
        return ""
    digits = 3 if factor == 1 else 1
    low, high = (f"{factor * limit:.{digits}f}" for limit in (found.low, found.high))
    return f" ({low} to {high})"


_ORDER: tuple[Grade, ...] = ("good", "fair", "copies", "poor")
_HEADLINES: dict[Grade, str] = {
    "good": "The generator is good: its samples can stand in for real ones.",
    "fair": "The generator is fair: its samples are usable, but they are no match for real ones.",
    "copies": "The generator repeats its training samples: it adds nothing to them.",
    "poor": "The generator is poor: do not use its samples.",
}
