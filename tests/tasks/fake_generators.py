"""Generators that draw what they remember, and folders in which their cards lie."""

import numpy as np
from scipy.stats import norm

from foldwise.atomic import sha256_file, write_sealed_json
from foldwise.data.preprocessing import ImagePreprocessing, SeriesPreprocessing
from foldwise.models.gan.config import CganConfig, DcganConfig, RecurrentGanConfig
from foldwise.tasks.fold_folders import CARD, WEIGHTS
from foldwise.tasks.gan_models import GanCard, GanModels

LATENT_SIZE = 6


def gan_card(samples, folds, fold=0, model=None, **fields):
    """A card of a generator that nobody has trained."""
    if samples.modality == "image":
        preprocessing = ImagePreprocessing(mean=(0.5,), std=(0.5,))
        default = CganConfig()
    else:
        preprocessing = SeriesPreprocessing(mean=(0.0,), std=(1.0,), missing="error")
        default = RecurrentGanConfig()
    records = [
        {"epoch": i, "generator_loss": 1.0 + i, "discriminator_loss": 2.0 - i} for i in range(3)
    ]
    values = {
        "model": model or default,
        "classes": samples.classes,
        "modality": samples.modality,
        "features": samples.features,
        "shape": samples.x.shape[1:],
        "size_policy": samples.size_policy,
        "preprocessing": preprocessing,
        "repeat": 0,
        "fold": fold,
        "fingerprint": "f",
        "samples_hash": samples.content_hash,
        "folds_hash": folds.content_hash,
        "history": tuple(records),
        "class_counts": (1,) * len(samples.classes),
        "versions": {},
        "weights_sha256": "",
    }
    return GanCard(**{**values, **fields})


def write_gan(models: GanModels, card: GanCard):
    """Write a card beside weights that are none."""
    folder = models.folder(card.repeat, card.fold)
    folder.mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(b"none")
    card = card.model_copy(update={"weights_sha256": sha256_file(folder / WEIGHTS)})
    write_sealed_json(folder / CARD, card.model_dump(mode="json"))
    return card


UNTOLD = DcganConfig()


class Remembering:
    """Draws the samples of a pool, each a little changed by its latent."""

    def __init__(self, card, x, y, noise=0.0, draws_as=None):
        """Take a pool (N, ...) with labels; `draws_as` maps a class asked for to one drawn."""
        self.card, self._x, self._y, self._noise = card, x, y, noise
        self._draws_as = draws_as or {}

    def latents(self, num, seed):
        shape = (num, LATENT_SIZE)
        return np.random.default_rng(seed).normal(size=shape).astype(np.float32)

    def generate(self, labels, latents):
        assert len(labels) == len(latents)
        if self.card.is_conditional:
            assert np.array(self.card.class_counts)[labels].all(), "asked for an unknown class"
        shares = norm.cdf(latents)
        if not self.card.is_conditional:
            labels = np.unique(self._y)[(shares[:, 1] * len(np.unique(self._y))).astype(int)]
        drawn = np.empty((len(labels), *self._x.shape[1:]), dtype=np.float64)
        for i, label in enumerate(labels):
            pool = self._x[self._y == self._draws_as.get(int(label), int(label))]
            drawn[i] = pool[min(int(shares[i, 0] * len(pool)), len(pool) - 1)]
            seed = int(1e6 * shares[i, 2])
            drawn[i] += self._noise * np.random.default_rng(seed).normal(size=drawn[i].shape)
        if self._x.dtype == np.uint8:
            return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
        return drawn.astype(np.float32)
