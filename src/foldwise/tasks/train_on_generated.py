"""Train a network on generated samples alone, as the one of the feature space is on real ones.

Source:
    Esteban, C., Hyland, S. L., Ratsch, G. (2017). Real-valued (medical) time series generation
        with recurrent conditional GANs. arXiv:1706.02633 (train on synthetic, test on real).

M: generated samples.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from foldwise.config import json_hash
from foldwise.data.folds import FoldParts
from foldwise.data.samples import Samples, array_hash
from foldwise.modules.data_module import Part
from foldwise.seeds import derive_seed, numpy_generator
from foldwise.tasks.draw_samples import SampleGenerator, draw_samples, is_known
from foldwise.tasks.evaluate_gan_config import EvaluateGanConfig
from foldwise.tasks.events import Observer, ignore
from foldwise.tasks.fold_job import FoldJob
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import Predictor
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.train import train_fold

Codes = npt.NDArray[np.int64]


def train_on_generated(
    generator: SampleGenerator,
    job: FoldJob,
    samples: Samples,
    recipe: Recipe,
    config: EvaluateGanConfig,
    models: FoldModels,
    observer: Observer = ignore,
) -> Predictor:
    """Return the network of the recipe, trained on a generated twin of a fold's training part.

    For each real sample of the training part there is a generated one of its class (of more than
    `max_training`, for some that are drawn), and so for the inner validation part, which is only
    looked at. No real sample has any part in it.

    Args:
        generator: One that is told classes.
        job: The real training of the fold.
        samples: The real samples.
        recipe: Of the real training.
        config: How many samples, and the seed.
        models: Where the networks are kept.
        observer: Is told of what happens.
    """
    key = job.key
    seed = derive_seed(config.seed, "train_on_generated", *key)
    # Of a class without any training sample none can be asked for.
    known = is_known(generator.card)
    fitted, inner_labels = (
        labels[known[labels]] for labels in (job.training.labels, job.validation.labels)
    )
    fitted = some_of(fitted, config.max_training, derive_seed(seed, "rows"))
    labels = np.concatenate([fitted, inner_labels])
    twin = generated_samples(generator, labels, samples.classes, seed)
    ids = twin.table["sample_id"].to_numpy(dtype=object)
    rows = np.arange(len(labels))
    inner = rows >= len(fitted)
    parts = FoldParts(*key, ids[~inner], ids[inner], ids[:0])
    # The fingerprint of the real training stands for network, fit, seed, code and versions.
    fingerprint = json_hash(["generated", job.fingerprint, twin.content_hash])
    of_fold = FoldJob(
        parts,
        Part(rows[~inner], labels[~inner]),
        Part(rows[inner], labels[inner]),
        fingerprint,
    )
    train_fold(of_fold, twin, "generated", recipe, models, observer)
    return Predictor(models.folder(*key))


def generated_samples(
    generator: SampleGenerator, labels: Codes, classes: tuple[str, ...], seed: int
) -> Samples:
    """Return samples of the classes (M,), all of them generated."""
    card = generator.card
    x = draw_samples(generator, labels, seed)
    table = pd.DataFrame(
        {
            "sample_id": [f"generated_{i:06d}" for i in range(len(x))],
            "label": np.array(classes, dtype=object)[labels],
            "group": None,
            "official_split": None,
            "source": "generated",
            "sha256": [array_hash(sample) for sample in x],
        }
    )
    return Samples(x, table, classes, card.size_policy, card.modality, card.features)


def some_of(labels: Codes, most: int, seed: int) -> Codes:
    """Return the labels, or so many of them, drawn and in their order."""
    if len(labels) <= most:
        return labels
    return labels[np.sort(numpy_generator(seed).permutation(len(labels))[:most])]
