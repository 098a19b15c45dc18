"""Measure generators: by held-out real samples, by networks, by copies.

N: real samples, M: generated samples, K: classes, D: features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.metrics.estimate import Estimate
from foldwise.metrics.generation import (
    density_coverage,
    frechet_distance,
    frechet_floor,
    kernel_distance,
    precision_recall,
)
from foldwise.metrics.intervals import UNDEFINED, Interval, proportion_interval
from foldwise.metrics.paired_difference import paired_difference
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.copies import CopyCheck
from foldwise.tasks.draw_samples import SampleGenerator, draw_like, draw_samples, is_known
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.events import Observer, ignore
from foldwise.tasks.feature_space import FeatureSpace, fit_space, space_jobs
from foldwise.tasks.fold_folders import ModelError
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.gan_models import GanModels
from foldwise.tasks.gan_pictures import PictureSource, gan_pictures
from foldwise.tasks.gan_scores import ClassGeneration, GanScores, GeneratorScores
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.train_on_generated import train_on_generated

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

# A class is missing where samples are taken for it less than a tenth as often as real ones are.
_MISSING = 0.1
_NO_INTERVAL = Interval(float("nan"), float("nan"), "none")


def score_generators(
    models: GanModels,
    samples: Samples,
    folds: Folds,
    config: EvaluateGanConfig,
    workspace: Path,
    observer: Observer = ignore,
    open_generator: Callable[[Path], SampleGenerator] | None = None,
) -> GanScores:
    """Measure all generators, each by the outer fold that it never saw.

    Args:
        models: The generators.
        samples: The samples.
        folds: The folds that the generators were trained on.
        config: How they are measured.
        workspace: Where the networks are kept that the measures need; of the same samples, folds
            and generators they are not trained again.
        observer: Is told of their training.
        open_generator: From a fold's folder to what draws samples; by default `Generator`.

    Raises:
        GenerationError: Samples of this kind are not generated.
        ModelError: The generators are missing, or of other samples or folds.
    """
    cards = models.cards()
    for card in cards:
        if (card.samples_hash, card.folds_hash) != (samples.content_hash, folds.content_hash):
            raise ModelError(
                f"{models.folder(card.repeat, card.fold)} holds no generator of these samples and "
                "folds. Run the stage 'train_gan' again."
            )
    jobs = space_jobs(samples, folds, config)
    if open_generator is None:
        from foldwise.tasks.generate import Generator

        open_generator = Generator
    networks = _Networks(workspace)
    found = []
    with networks.real.exclusive(), networks.generated.exclusive():
        networks.prune([(card.repeat, card.fold) for card in cards])
        for card in cards:
            key = card.repeat, card.fold
            job, recipe = jobs[key]
            generator = open_generator(models.folder(*key))
            measured = _Measured.of(generator, job, recipe, samples, folds, config)
            found.append(measured.scores(networks, observer))
    return GanScores(config, samples.modality, samples.features, tuple(found))


class _Networks:
    """Where the networks of the measures are kept."""

    def __init__(self, workspace: Path) -> None:
        self.real = FoldModels(workspace / "trained_on_real")
        self.generated = FoldModels(workspace / "trained_on_generated")

    def prune(self, jobs: list[tuple[int, int]]) -> None:
        """Remove networks of folds that have no generator."""
        self.real.prune(jobs)
        self.generated.prune(jobs)


@dataclass(frozen=True)
class _Measured:
    """One generator, and the real samples that it is measured by."""

    generator: SampleGenerator
    job: FoldJob
    recipe: Recipe
    samples: Samples
    folds: Folds
    config: EvaluateGanConfig
    held_out: Codes  # rows of the outer fold

    @classmethod
    def of(
        cls,
        generator: SampleGenerator,
        job: FoldJob,
        recipe: Recipe,
        samples: Samples,
        folds: Folds,
        config: EvaluateGanConfig,
    ) -> "_Measured":
        """Find the outer fold."""
        rows = samples.positions(job.parts.oof)
        return cls(generator, job, recipe, samples, folds, config, rows)

    def scores(self, networks: _Networks, observer: Observer) -> GeneratorScores:
        """Train the networks that are needed, draw samples, and compare them."""
        generator, job, samples, config = self.generator, self.job, self.samples, self.config
        card = generator.card
        space = fit_space(
            job, samples, self.folds.content_hash, self.recipe, networks.real, observer
        )
        rows = self._compared()
        drawn = draw_like(generator, samples.y[rows], self._seed("compared"))
        features = space.features(drawn)
        metrics = self._in_space(space, rows, features)
        check = CopyCheck(space, samples, job.training.rows, rows, config.copy_level)
        nearest = check.nearest(drawn, features)
        metrics |= _copies(check, check.is_copy(nearest), space.name, config.confidence)
        hits = self._hits(space, networks, observer)
        metrics |= self._by_networks(hits)
        taken = space.probabilities(drawn).argmax(axis=1)
        if card.is_conditional:
            is_right = taken == samples.y[rows]
            metrics["trts_accuracy"] = _accuracy(is_right, np.arange(len(rows)), config.confidence)
        asked = self._asked(space)
        classes = self._classes(space, rows, taken, asked, hits)
        metrics["num_missing_classes"] = _plain(sum(found.is_missing for found in classes))
        source = PictureSource(generator, samples, rows, drawn, taken, asked.samples)
        return GeneratorScores(
            *job.key,
            model=card.model.name,
            is_conditional=card.is_conditional,
            space=space.name,
            num_features=features.shape[1],
            num_training=len(job.training.rows),
            num_real=len(rows),
            num_on_generated=self._num_on_generated(),
            metrics=metrics,
            classes=classes,
            majority_share=float(np.bincount(samples.y[self.held_out]).max() / len(self.held_out)),
            findings=card.findings,
            history=card.history,
            pictures=gan_pictures(
                source, nearest, check, config.num_pairs, self._seed("pictures")
            ),
            weights_sha256=card.weights_sha256,
        )

    def _num_on_generated(self) -> int:
        """Return how many generated samples a network is trained on."""
        card, labels = self.generator.card, self.job.training.labels
        if not card.is_conditional:
            return 0
        return min(int(is_known(card)[labels].sum()), self.config.max_training)

    def _seed(self, *purpose: int | str) -> int:
        return derive_seed(self.config.seed, "generation_scores", *self.job.key, *purpose)

    def _compared(self) -> Codes:
        """Return rows of the outer fold, sorted: all, or as many as are to be compared."""
        if len(self.held_out) <= self.config.max_samples:
            return self.held_out
        order = numpy_generator(self._seed("rows")).permutation(len(self.held_out))
        return np.sort(self.held_out[order[: self.config.max_samples]])

    def _in_space(self, space: FeatureSpace, rows: Codes, features: Array) -> dict[str, Estimate]:
        """Return the metrics of two sets of features, the name of the space in each name."""
        config = self.config
        real = space.features(np.asarray(self.samples.x[rows]))
        floor = frechet_floor(real, features, numpy_generator(self._seed("halves")))
        shares = precision_recall(real, features, config.precision_neighbours)
        balls = density_coverage(real, features, config.density_neighbours)
        found = {
            "frechet": _plain(frechet_distance(real, features)),
            "frechet_floor": Estimate(floor.floor, floor.lowest, floor.highest, "halvings"),
            "frechet_halves": _plain(floor.generated),
            "frechet_ratio": _plain(floor.ratio),
            "kernel_distance": kernel_distance(real, features, config.confidence),
            **{name: _plain(value) for name, value in shares._asdict().items()},
            **{name: _plain(value) for name, value in balls._asdict().items()},
        }
        return {f"{name}_{space.name}": value for name, value in found.items()}

    def _hits(
        self, space: FeatureSpace, networks: _Networks, observer: Observer
    ) -> dict[str, Mask]:
        """Return on which held-out real samples each network is right, (N,)."""
        labels = self.samples.y[self.held_out]

        def of_network(network: FeatureSpace) -> Mask:
            found = network.predictor.probabilities(self.samples, self.held_out)
            return np.asarray(found.argmax(axis=1) == labels)

        hits = {"real": of_network(space)}
        if self.generator.card.is_conditional:
            trained = train_on_generated(
                self.generator,
                self.job,
                self.samples,
                self.recipe,
                self.config,
                networks.generated,
                observer,
            )
            hits["generated"] = of_network(FeatureSpace(trained))
        return hits

    def _by_networks(self, hits: Mapping[str, Mask]) -> dict[str, Estimate]:
        """Return accuracies on held-out real samples, of the one network and of the other."""
        ids = self.samples.table["sample_id"].to_numpy(dtype=object)[self.held_out]
        units, _ = pd.factorize(self.folds.units.loc[ids])
        labels, confidence = self.samples.y[self.held_out], self.config.confidence
        found = {
            "trtr_accuracy": _accuracy(hits["real"], units, confidence),
            "trtr_balanced_accuracy": _plain(np.nanmean(_recalls(hits["real"], labels))),
        }
        if "generated" not in hits:
            return found
        gap = paired_difference(hits["generated"], hits["real"], units, confidence)
        return {
            **found,
            "tstr_accuracy": _accuracy(hits["generated"], units, confidence),
            "tstr_balanced_accuracy": _plain(np.nanmean(_recalls(hits["generated"], labels))),
            "tstr_minus_trtr": gap,
        }

    def _asked(self, space: FeatureSpace) -> "_Asked":
        """Draw the same number of each class, and let the real network recognise them.

        A generator that is told no classes is asked for none.
        """
        recognised = np.zeros(len(self.samples.classes))  # none of what cannot be asked for
        if not self.generator.card.is_conditional:
            return _Asked({}, recognised)
        known = np.flatnonzero(is_known(self.generator.card))
        labels = np.repeat(known, self.config.per_class)
        x = draw_samples(self.generator, labels, self._seed("classes"))
        hits = space.probabilities(x).argmax(axis=1) == labels
        samples = {int(code): x[labels == code] for code in known}
        recognised[known] = hits.reshape(len(known), -1).mean(axis=1)
        return _Asked(samples, recognised)

    def _classes(
        self,
        space: FeatureSpace,
        rows: Codes,
        taken: Codes,
        asked: "_Asked",
        hits: Mapping[str, Mask],
    ) -> tuple[ClassGeneration, ...]:
        """Return what there is to say of each class."""
        samples, is_told = self.samples, self.generator.card.is_conditional
        num_classes = len(samples.classes)
        of_real = space.predictor.probabilities(samples, rows).argmax(axis=1)
        taken_real, taken_drawn = (
            np.bincount(codes, minlength=num_classes) / len(rows) for codes in (of_real, taken)
        )
        labels = samples.y[self.held_out]
        real = _recalls(hits["real"], labels, num_classes)
        generated = _recalls(hits.get("generated", hits["real"]), labels, num_classes)
        counts = np.bincount(self.job.training.labels, minlength=num_classes)
        recognised = asked.recognised
        found = []
        for code, name in enumerate(samples.classes):
            pair = (
                (recognised[code], real[code])
                if is_told
                else (
                    taken_drawn[code],
                    taken_real[code],
                )
            )
            found.append(
                ClassGeneration(
                    name,
                    num_training=int(counts[code]),
                    real_share=float(taken_real[code]),
                    generated_share=float(taken_drawn[code]),
                    recognised=float(recognised[code]) if is_told else None,
                    real_recognised=float(real[code]),
                    recall_by_generated=float(generated[code]) if is_told else None,
                    is_missing=bool(pair[0] < _MISSING * pair[1]) or not counts[code],
                )
            )
        return tuple(found)


@dataclass(frozen=True)
class _Asked:
    """As many samples of each class that can be asked for, and the share that is recognised."""

    samples: Mapping[int, Array]  # class index -> (n, ...)
    recognised: npt.NDArray[np.float64]  # (K,)


def _copies(check: CopyCheck, is_copy: Mask, space: str, confidence: float) -> dict[str, Estimate]:
    """Return the share of copies, and of held-out real samples that would pass for such."""
    real = check.is_copy(check.held_out)
    return {
        f"{name}_{space}": _accuracy(found, np.arange(len(found)), confidence)
        for name, found in (("copies", is_copy), ("copies_of_real", real))
    }


def _accuracy(hits: Mask, units: Codes, confidence: float) -> Estimate:
    successes = np.bincount(units, hits).astype(np.float64)
    trials = np.bincount(units).astype(np.float64)
    value = float(hits.mean()) if len(hits) else float("nan")
    limits = proportion_interval(successes, trials, confidence) if len(hits) else UNDEFINED
    return Estimate.of(value, limits)


def _recalls(hits: Mask, labels: Codes, num_classes: int | None = None) -> npt.NDArray[np.float64]:
    """Return the share of hits of each class, (K,); NaN where there is none of it."""
    size = num_classes or 0
    totals = np.bincount(labels, minlength=size)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(labels, hits, size) / totals)


def _plain(value: float | np.floating[Any]) -> Estimate:
    return Estimate.of(value, _NO_INTERVAL)
