"""Draw samples of chosen classes from a trained generator.

n: samples per class, K: chosen classes.
"""

import difflib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.atomic import read_sealed_json
from foldwise.data.bad_input import listing
from foldwise.data.samples import Samples
from foldwise.errors import UserError
from foldwise.seeds import derive_seed
from foldwise.tasks.drawn_samples import DrawnSamples
from foldwise.tasks.fold_folders import CARD
from foldwise.tasks.gan_models import GanCard, GanModels
from foldwise.tasks.generate import Generator
from foldwise.tasks.sample_gan_config import SampleGanConfig

_ANY = "any"  # in place of a class, of a generator that is told none


class SampleGanError(UserError):
    """The generator cannot draw what is asked for, or there is none."""


def sample_gan(models: GanModels, config: SampleGanConfig) -> DrawnSamples:
    """Draw the same number of samples of each chosen class; (n K) in all.

    What is drawn of a class depends on the generator, the seed and the class alone; of a greater
    number, the first ones are the same.

    Raises:
        ModelError: There is no such generator, or it is damaged.
        SampleGanError: A class is not one that it knows.
    """
    generator = Generator(_folder(models, config))
    card = generator.card
    classes = chosen_classes(card, config)
    drawn = [_draw(generator, name, config) for name in classes]
    x = np.concatenate([of_class for of_class, _ in drawn])
    latents = np.concatenate([of_class for _, of_class in drawn])
    labels = np.repeat(np.array(classes, dtype=object), config.per_class)
    numbers = np.tile(np.arange(config.per_class), len(classes))
    ids = [f"drawn_{label}_{n:05d}" for label, n in zip(labels, numbers, strict=True)]
    samples = Samples(
        x,
        pd.DataFrame({"sample_id": ids, "label": labels}),
        classes,
        card.size_policy,
        card.modality,
        card.features,
    )
    return DrawnSamples(samples, latents, _facts(card, config, classes))


def chosen_classes(card: GanCard, config: SampleGanConfig) -> tuple[str, ...]:
    """Return the classes to draw, in the order of the generator's.

    Raises:
        SampleGanError: One is not known to the generator, or it is told no class at all.
    """
    if not card.is_conditional:
        if config.classes != "auto":
            raise SampleGanError(
                f"sample_gan.classes is {_quoted(config.classes)}, but the generator "
                f"({card.model.name}) was trained without classes and draws from all of them. "
                "Leave it at auto, or train one with train_gan.model.conditional=true."
            )
        return (_ANY,)
    pairs = zip(card.classes, card.class_counts, strict=True)
    known = [name for name, count in pairs if count]  # the others it was never shown
    wanted = known if config.classes == "auto" else config.classes
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        near = difflib.get_close_matches(unknown[0], known, n=1) if unknown else []
        hint = f" Did you mean '{near[0]}'?" if near else ""
        told = f"{_quoted(unknown)}, which the generator does not know" if unknown else "empty"
        raise SampleGanError(
            f"sample_gan.classes is {told}.{hint} Allowed: {listing(known)}, or auto."
        )
    return tuple(name for name in known if name in wanted)


def _quoted(names: object) -> str:
    return listing(names if isinstance(names, list | tuple) else [names])


def _folder(models: GanModels, config: SampleGanConfig) -> Path:
    if config.generator is not None:
        return _own_folder(config.generator.expanduser())
    folder = models.folder(config.repeat, config.fold)
    if not folder.is_dir():
        there = [(card.repeat, card.fold) for card in models.cards()]
        pairs = ", ".join(f"repeat {repeat}, fold {fold}" for repeat, fold in there)
        raise SampleGanError(
            f"sample_gan.repeat and sample_gan.fold are {config.repeat} and {config.fold}, but "
            f"that fold has no generator. Trained are those of {pairs}; train_gan.num_folds says "
            "for how many folds one is trained."
        )
    return folder


def _own_folder(folder: Path) -> Path:
    try:
        found = (
            "holds no generator" if "class_counts" not in read_sealed_json(folder / CARD) else ""
        )
    except FileNotFoundError:
        found = f"holds no {CARD}" if folder.is_dir() else "is no such folder"
    except ValueError:
        found = ""  # what is damaged is told of when it is read
    if found:
        raise SampleGanError(
            f"sample_gan.generator is '{folder}', which {found}. Allowed is the folder of a "
            "trained generator, as data/06_models/digits/gan/fold_0."
        )
    return folder


def _draw(
    generator: Generator, name: str, config: SampleGanConfig
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.float32]]:
    """Return samples of one class and their latents."""
    classes = generator.card.classes
    seed = derive_seed(config.seed, "sample_gan", name)
    latents = generator.latents(config.per_class, seed)
    label = classes.index(name) if generator.card.is_conditional else 0
    return generator.generate(np.full(config.per_class, label, np.int64), latents), latents


def _facts(card: GanCard, config: SampleGanConfig, classes: tuple[str, ...]) -> dict[str, object]:
    return {
        "generator": card.model.model_dump(mode="json"),
        "weights_sha256": card.weights_sha256,
        "fingerprint": card.fingerprint,
        "repeat": card.repeat,
        "fold": card.fold,
        "samples_hash": card.samples_hash,
        "folds_hash": card.folds_hash,
        "size_policy": card.size_policy,
        "seed": config.seed,
        "per_class": config.per_class,
        "classes": list(classes),
        "modality": card.modality,
        "versions": card.versions,
    }
