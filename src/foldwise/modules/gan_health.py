"""Whether a generator converges: what its samples lack, and what its discriminator says.

N: real samples, M: generated samples, D: numbers of one sample, K: clusters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from foldwise.data.findings import Finding
from foldwise.modules.gan_records import GanRecord

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

NUM_REAL, NUM_GENERATED = 2000, 512  # samples that are compared

_MOST_CLUSTERS = 20
_REAL_PER_CLUSTER = 20
# Of a cluster that counts, so many samples are expected: e^-5, under 1 %, is the chance that a
# generator of the right distribution misses it.
_LEAST_EXPECTED = 5.0

# Before this share of the epochs, and before so many steps of the generator, samples are all alike
# in any fit (dense networks on digits: 3 % as far apart as real ones after 70 steps, 70 % after
# 1,000, with a rate of 0.001); then so many looks in a row
# have to agree, and the last must not be so much better than the first of them.
_FIRST_SHARE, FIRST_STEPS, _LOOKS, _BETTER = 0.2, 300, 3, 0.1
_LEAST_DIVERSITY, _FEW_OF_A_CLASS = 0.25, 0.15
_MOST_MISSING = 0.5
_SATURATED = 0.99  # of the discriminator's accuracy

_ADVICE = (
    "Try, of pictures, the gradient penalty (train_gan.model.name=wgan_gp with "
    "train_gan.model.conditional=true, and the rates in docs/generators.md), a lower rate of the "
    "discriminator (train_gan.fit.discriminator.lr), train_gan.fit.diff_augment "
    "(color;translation;cutout of pictures), train_gan.fit.r1=1, a model with spectral norm "
    "(cgan, hinge), more samples, or train_gan.fit.on_collapse=restart."
)


@dataclass(frozen=True)
class SampleLook:
    """What generated samples lack of real ones."""

    diversity: float | None  # see `GanRecord`; None: real samples are all alike
    least_diversity: float | None
    least_diverse: int | None  # the class of it
    missing_clusters: int
    num_clusters: int


class RealSamples:
    """What generated samples are compared with: clusters of real ones, and how far they lie apart.

    The clusters are those of k-means (Lloyd, 1982; by scikit-learn).
    """

    def __init__(self, real: Floats, labels: Labels, seed: int) -> None:
        """Cluster the samples.

        Args:
            real: (N, D), of the training part alone, as often of each class as they are generated.
            labels: (N,), all the same where the generator knows no classes.
            seed: Of the first centres.
        """
        self._spreads = {
            int(label): spread
            for label in np.unique(labels)
            if (spread := mean_distance(real[labels == label])) > 0
        }
        number = int(np.clip(len(real) // _REAL_PER_CLUSTER, 1, _MOST_CLUSTERS))
        number = min(number, len(np.unique(real, axis=0)))
        # One thread: sums in one order, whatever the machine.
        with threadpool_limits(limits=1):
            fitted = KMeans(number, n_init=1, random_state=seed % 2**32).fit(real)
        self._centres = fitted.cluster_centers_
        self._shares = np.bincount(fitted.labels_, minlength=number) / len(real)

    def look(self, generated: Floats, labels: Labels) -> SampleLook:
        """Compare generated samples (M, D) of classes (M,) with the real ones."""
        nearest = cdist(generated, self._centres).argmin(axis=1)
        hits = np.bincount(nearest, minlength=len(self._centres))
        counts = self._shares * len(generated) >= _LEAST_EXPECTED
        diversities = {
            label: mean_distance(generated[labels == label]) / spread
            for label, spread in self._spreads.items()
            if (labels == label).sum() > 1
        }
        least = min(diversities, key=diversities.__getitem__, default=None)
        return SampleLook(
            diversity=float(np.mean(list(diversities.values()))) if diversities else None,
            least_diversity=None if least is None else diversities[least],
            least_diverse=least,
            missing_clusters=int((counts & (hits == 0)).sum()),
            num_clusters=int(counts.sum()),
        )


def mean_distance(samples: Floats) -> float:
    """Return the root mean squared distance of two samples of (N, D): sqrt(2 tr(covariance)).

    >>> mean_distance(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
    5.0
    """
    if len(samples) < 2:
        return 0.0
    return float(np.sqrt(2 * samples.astype(np.float64).var(axis=0, ddof=1).sum()))


def health_findings(
    history: Sequence[GanRecord],
    max_epochs: int,
    steps_per_epoch: int,
    least_diverse: str | None = None,
) -> tuple[Finding, ...]:
    """Return what speaks against convergence after the last epoch that was looked at.

    Samples are all alike in the first epochs of any fit, and a discriminator may be ahead for a
    while. So nothing is said in the first fifth of the epochs, nor before 300 steps, and what ends
    a fit (severity `error`) has to be seen at three looks in a row that do not get better: a slow
    fit is no collapsed one.

    Args:
        history: The epochs so far.
        max_epochs: Of the whole fit.
        steps_per_epoch: Of the generator.
        least_diverse: The class whose samples are least diverse at the last look.
    """
    first = max(_FIRST_SHARE * max_epochs, FIRST_STEPS / steps_per_epoch)
    looks = [
        record
        for record in history
        if record.missing_clusters is not None and record.epoch + 1 >= first
    ]
    if not looks and len(history) == max_epochs:
        return (_too_short(max_epochs * steps_per_epoch),)
    if not looks or looks[-1] != history[-1]:
        return ()
    found = [_collapse(looks), _saturation(history, looks), _poor_class(looks[-1], least_diverse)]
    return tuple(finding for finding in found if finding is not None)


def _too_short(num_steps: int) -> Finding:
    return Finding(
        check="short_fit",
        severity="warn",
        message=(
            f"The fit has {num_steps} steps of the generator: whether it converges cannot be told "
            f"before {FIRST_STEPS}."
        ),
        advice="Try more epochs (train_gan.fit.max_epochs), or smaller batches "
        "(train_gan.fit.batch_size).",
        values={"num_steps": num_steps},
    )


def _collapse(looks: Sequence[GanRecord]) -> Finding | None:
    last = looks[-1]
    if not _is_poor(last):
        return None
    lasts = _is_stuck(looks)
    since = f", as at the {_LOOKS - 1} looks before," if lasts else ""
    return Finding(
        check="mode_collapse",
        severity="error" if lasts else "warn",
        message=(
            f"After epoch {last.epoch + 1}{since} the samples lie {_diversity_text(last)} as far "
            f"apart as real ones, and hit {_hit(last)} of {last.num_clusters} clusters of them: "
            "the generator makes the same few samples over and over."
        ),
        advice=_ADVICE,
        values={
            "epoch": last.epoch + 1,
            "diversity": last.diversity,
            "missing_clusters": last.missing_clusters,
            "num_clusters": last.num_clusters,
        },
    )


def _saturation(history: Sequence[GanRecord], looks: Sequence[GanRecord]) -> Finding | None:
    """Find a discriminator that tells all samples rightly: it has little left to teach.

    It is grave where the samples are poor as well, and stay so.
    """
    start = looks[-_LOOKS].epoch if len(looks) >= _LOOKS else history[-1].epoch + 1
    accuracies = [record.discriminator_accuracy for record in history if record.epoch >= start]
    if not accuracies or any(a is None or a < _SATURATED for a in accuracies):
        return None
    last = history[-1]
    return Finding(
        check="discriminator_saturation",
        severity="error" if _is_stuck(looks) else "warn",
        message=(
            f"From epoch {start + 1} to {last.epoch + 1} the discriminator told "
            f"{min(a for a in accuracies if a is not None):.1%} or more of all samples rightly: "
            "the generator has little to learn from it."
        ),
        advice=_ADVICE,
        values={"epoch": last.epoch + 1, "discriminator_accuracy": accuracies[-1]},
    )


def _poor_class(last: GanRecord, name: str | None) -> Finding | None:
    least = last.least_diversity
    if name is None or least is None or least >= _FEW_OF_A_CLASS or _is_poor(last):
        return None
    return Finding(
        check="poor_class",
        severity="warn",
        message=(
            f"After epoch {last.epoch + 1} the samples of the class {name!r} lie only "
            f"{least:.0%} as far apart as its real ones."
        ),
        advice="A class of few samples needs train_gan.fit.class_sampling=balanced and "
        "train_gan.fit.diff_augment.",
        values={"epoch": last.epoch + 1, "class": name, "least_diversity": least},
    )


def _is_poor(record: GanRecord) -> bool:
    """Whether samples are all alike, or more than half of the clusters are missing."""
    is_alike = record.diversity is not None and record.diversity < _LEAST_DIVERSITY
    return is_alike or _missing_share(record) > _MOST_MISSING


def _is_stuck(looks: Sequence[GanRecord]) -> bool:
    """Whether samples are poor at three looks in a row, and do not become better."""
    if len(looks) < _LOOKS or not all(map(_is_poor, looks[-_LOOKS:])):
        return False
    first, last = looks[-_LOOKS], looks[-1]
    spread = last.diversity or 0.0, first.diversity or 0.0
    missing = _missing_share(first), _missing_share(last)
    grows = spread[0] > (1 + _BETTER) * spread[1] and missing[1] <= missing[0]
    fills = missing[1] <= missing[0] - _BETTER and spread[0] >= spread[1]
    return not (grows or fills)


def _missing_share(record: GanRecord) -> float:
    if record.missing_clusters is None or not record.num_clusters:
        return 0.0
    return record.missing_clusters / record.num_clusters


def _hit(record: GanRecord) -> int:
    return (record.num_clusters or 0) - (record.missing_clusters or 0)


def _diversity_text(record: GanRecord) -> str:
    return "about" if record.diversity is None else f"{record.diversity:.0%}"
