"""What was measured of generators, and the samples that a page shows of them; free of torch.

K: classes, P: samples shown of a class, S: steps between two latents, Q: pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from foldwise.data.findings import Finding
from foldwise.data.samples import Feature, Modality
from foldwise.metrics.estimate import Estimate
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.json_number import json_number

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ClassGeneration:
    """One class: whether it is among the generated samples, and can be told by them."""

    name: str
    num_training: int
    # Share of samples that the real network takes for this class: of the real held-out part, and
    # of generated samples with the same labels.
    real_share: float
    generated_share: float
    # Of this class: of those that were asked for, the share that is recognised (None: the
    # generator is told no classes); of real held-out ones the same.
    recognised: float | None
    real_recognised: float | None  # also: recall of the network that was trained on real samples
    recall_by_generated: float | None  # of the one that was trained on generated samples
    is_missing: bool


@dataclass(frozen=True)
class GanPictures:
    """Samples to be looked at, each as `Samples.x` holds it."""

    classes: tuple[str, ...]  # of the rows of the next two
    real: tuple[Array, ...]  # by class: (up to P, ...), held-out
    generated: tuple[Array, ...]  # by class: (P, ...); one row alone if it is told no classes
    interpolated: tuple[Array, ...]  # (S, ...), from one latent to another
    interpolated_classes: tuple[str, ...]
    pairs: tuple[tuple[Array, Array], ...]  # Q times a generated sample, its nearest training one
    captions: tuple[tuple[str, str], ...]  # of the pairs


@dataclass(frozen=True)
class GeneratorScores:
    """What was measured of one fold's generator."""

    repeat: int
    fold: int
    model: str
    is_conditional: bool
    space: str  # the network whose features samples are compared in
    num_features: int
    num_training: int
    num_real: int  # held-out samples that were compared
    num_on_generated: int  # samples that the network of generated ones was trained on
    metrics: Mapping[str, Estimate]  # names of features' metrics end in the name of the space
    classes: tuple[ClassGeneration, ...]
    majority_share: float  # of held-out samples of the most frequent class: accuracy of a guess
    findings: tuple[Finding, ...]  # of the fit of the generator
    history: tuple[Mapping[str, Any], ...]  # records of its epochs
    pictures: GanPictures
    weights_sha256: str

    def value(self, name: str) -> float:
        """Return a metric by its name, the name of the space left out; NaN where undefined."""
        found = self.metrics.get(f"{name}_{self.space}", self.metrics.get(name))
        return float("nan") if found is None else found.value

    @property
    def missing_classes(self) -> tuple[str, ...]:
        """Names of the classes that are not among the generated samples."""
        return tuple(of_class.name for of_class in self.classes if of_class.is_missing)


@dataclass(frozen=True)
class GanScores:
    """What was measured of all generators of one training."""

    config: EvaluateGanConfig
    modality: Modality
    features: tuple[Feature, ...]
    generators: tuple[GeneratorScores, ...]

    def means(self) -> dict[str, float]:
        """Return the mean over the generators of each metric that all of them have."""
        first = self.generators[0].metrics
        values = {name: [g.metrics[name].value for g in self.generators] for name in first}
        return {name: float(np.mean(of_name)) for name, of_name in values.items()}

    def to_json(self) -> dict[str, Any]:
        """Return all but the pictures as a JSON object; undefined values are null."""
        return {
            "config": self.config.model_dump(mode="json"),
            "mean": {name: json_number(value) for name, value in self.means().items()},
            "generators": [_generator_json(scores) for scores in self.generators],
        }


def _generator_json(scores: GeneratorScores) -> dict[str, Any]:
    return {
        **{name: getattr(scores, name) for name in _FACTS},
        "metrics": {name: _estimate_json(found) for name, found in scores.metrics.items()},
        "missing_classes": list(scores.missing_classes),
        "classes": [_class_json(of_class) for of_class in scores.classes],
        "findings": [finding.model_dump(mode="json") for finding in scores.findings],
    }


def _estimate_json(found: Estimate) -> dict[str, Any]:
    limits = {name: json_number(getattr(found, name)) for name in ("value", "low", "high")}
    return {**limits, "method": found.method}


def _class_json(of_class: ClassGeneration) -> dict[str, Any]:
    return {
        name: json_number(value) if isinstance(value, float) else value
        for name, value in vars(of_class).items()
    }


_FACTS = (
    "repeat",
    "fold",
    "model",
    "is_conditional",
    "space",
    "num_features",
    "num_training",
    "num_real",
    "num_on_generated",
    "majority_share",
    "weights_sha256",
)
