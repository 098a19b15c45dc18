"""Scores of generators that nobody has measured."""

import numpy as np

from foldwise.metrics.estimate import Estimate
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.gan_scores import ClassGeneration, GanPictures, GanScores, GeneratorScores

CLASSES = ("<b>cat</b>", "dog", "$x$")


def plain(value):
    return Estimate(value, float("nan"), float("nan"), "none")


def limited(value, half=0.01):
    return Estimate(value, value - half, value + half, "Wilson")


METRICS = {
    "frechet_net": plain(3.0),
    "frechet_floor_net": Estimate(2.0, 1.5, 2.5, "halvings"),
    "frechet_halves_net": plain(4.0),
    "frechet_ratio_net": plain(2.0),
    "kernel_distance_net": Estimate(0.1, 0.05, 0.15, "jackknife, t"),
    "precision_net": plain(0.8),
    "recall_net": plain(0.7),
    "density_net": plain(0.9),
    "coverage_net": plain(0.75),
    "copies_net": limited(0.004, 0.004),
    "copies_of_real_net": limited(0.006, 0.006),
    "trtr_accuracy": limited(0.92),
    "trtr_balanced_accuracy": plain(0.91),
    "tstr_accuracy": limited(0.89),
    "tstr_balanced_accuracy": plain(0.88),
    "tstr_minus_trtr": Estimate(-0.03, -0.04, -0.02, "paired, t over units"),
    "trts_accuracy": limited(0.95),
}


def images(seed, *sizes, shape=(1, 6, 5), dtype=np.uint8):
    generator = np.random.default_rng(seed)
    return tuple(generator.integers(0, 256, (n, *shape)).astype(dtype) for n in sizes)


def pictures(shape=(1, 6, 5), dtype=np.uint8):
    pairs = images(3, 2, 2, 2, shape=shape, dtype=dtype)
    return GanPictures(
        classes=CLASSES,
        real=images(0, 4, 4, 2, shape=shape, dtype=dtype),
        generated=images(1, 4, 0, 4, shape=shape, dtype=dtype),
        interpolated=images(2, 5, 5, shape=shape, dtype=dtype),
        interpolated_classes=CLASSES[:2],
        pairs=tuple((pair[0], pair[1]) for pair in pairs),
        captions=tuple((name, "no copy") for name in CLASSES),
    )


def generator_scores(metrics=None, missing=(), shape=(1, 6, 5), dtype=np.uint8, **fields):
    found = {**METRICS, **(metrics or {})}
    values = {
        "repeat": 0,
        "fold": 0,
        "model": "cgan",
        "is_conditional": True,
        "space": "net",
        "num_features": 128,
        "num_training": 1000,
        "num_real": 300,
        "num_on_generated": 1000,
        "metrics": {name: value for name, value in found.items() if value is not None},
        "classes": tuple(
            ClassGeneration(name, 300, 0.3, 0.3, 0.9, 0.92, 0.88, name in missing)
            for name in CLASSES
        ),
        "majority_share": 0.4,
        "findings": (),
        "history": tuple(
            {
                "epoch": i,
                "generator_loss": 1.0 + i,
                "discriminator_loss": 2.0 - i,
                "discriminator_accuracy": 0.7,
                "diversity": None if i else 0.9,
            }
            for i in range(3)
        ),
        "pictures": pictures(shape, dtype),
        "weights_sha256": "0" * 64,
    }
    return GeneratorScores(**{**values, **fields})


def gan_scores(*generators, modality="image"):
    found = generators or (generator_scores(),)
    return GanScores(EvaluateGanConfig(), modality, (), found)
