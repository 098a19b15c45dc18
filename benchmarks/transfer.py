"""Transfer learning from 200 samples, against training from scratch.

A network is fitted on Fashion-MNIST's first five classes; from its weights others start, which
get 200 samples of the last five classes and as many steps as one from scratch. All are scored on
the official test images of those classes, over disjoint draws of the 200.
Run: this file; FOLDWISE_DATA names the data.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from foldwise.data.augment import AugmentConfig
from foldwise.data.balance import BalanceConfig, plan_balance
from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.ingest import IngestConfig, ingest
from foldwise.data.samples import Samples
from foldwise.metrics.classification import confusion_matrix, macro_f1
from foldwise.metrics.paired_tests import corrected_resampled_t
from foldwise.models.config import SmallCnnConfig
from foldwise.modules.config import FitConfig
from foldwise.seeds import numpy_generator
from foldwise.tasks.fold_models import FoldModels
from foldwise.tasks.predict import Predictor
from foldwise.tasks.recipe import Recipe
from foldwise.tasks.train import cross_validate
from foldwise.tasks.transfer_config import (
    FullTransfer,
    HeadTransfer,
    NoTransfer,
    PartialTransfer,
    TransferConfig,
)

DATA = Path(os.environ.get("FOLDWISE_DATA", "../shared/data"))
MODEL = SmallCnnConfig()
LAST_BLOCK = "features.8"
AUGMENT = AugmentConfig(shift=0.07, horizontal_flip=0.5)
PER_CLASS, NUM_CLASSES = 40, 5  # 200 samples of five classes
RATES = (0.003, 0.02)
NAMES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CONFIDENCE = 0.95


def read(folder: Path) -> Samples:
    source = {"kind": "idx", "path": str(DATA / "fashion_mnist"), "classes": NAMES}
    config = IngestConfig.of(source=source)
    return ingest(config, folder).samples


def subset(samples: Samples, rows: np.ndarray) -> Samples:
    """Return these rows; the one fold there is holds out the official test images."""
    table = samples.table.iloc[rows].reset_index(drop=True)
    table["official_split"] = table["official_split"].replace("test", "val")
    return Samples(x=samples.x[rows], table=table, classes=tuple(sorted(set(table["label"]))))


def rows_of(samples: Samples, split: str, classes: tuple[str, ...]) -> list[np.ndarray]:
    """Return the rows of each class in one official part, shuffled."""
    table, shuffler = samples.table, numpy_generator(0, "transfer benchmark", split)
    is_there = [(table["official_split"] == split) & (table["label"] == name) for name in classes]
    return [shuffler.permutation(np.flatnonzero(mask)) for mask in is_there]


def fit(max_epochs: int, rate: float, batch_size: int) -> FitConfig:
    return FitConfig.of(
        max_epochs=max_epochs,
        batch_size=batch_size,
        optimizer={"name": "adamw", "lr": rate},
        monitor="last",
        patience=0,
        accelerator="cpu",
    )


def train(
    samples: Samples, fit_config: FitConfig, transfer: TransferConfig, folder: Path
) -> FoldModels:
    """Fit one network on the official training part of the samples."""
    folds = make_folds(samples.table, SplitConfig(scheme="official", on_leak="warn"))
    plan = plan_balance(samples.table, folds, BalanceConfig())
    recipe = Recipe(model=MODEL, fit=fit_config, augment=AUGMENT, seed=0, transfer=transfer)
    return cross_validate(samples, folds, plan, recipe, FoldModels(folder))


def score(models: FoldModels, samples: Samples) -> dict[str, float]:
    """Score the one network there is on the official test part."""
    (card,) = models.cards()
    rows = np.flatnonzero(samples.table["official_split"] == "val")
    found = Predictor(models.folder(card.repeat, card.fold)).probabilities(samples.x, rows)
    confusion = confusion_matrix(samples.y[rows], found.argmax(1), len(samples.classes))
    accuracy = float(np.trace(confusion) / confusion.sum())
    return {"accuracy": accuracy, "macro F1": float(macro_f1(confusion))}


def methods(source: Path) -> dict[str, TransferConfig]:
    weights = str(source)
    return {
        "from scratch": NoTransfer(),
        "head": HeadTransfer(weights=weights),
        "partial": PartialTransfer(weights=weights, unfreeze_from=LAST_BLOCK),
        "full": FullTransfer(weights=weights),
        "full, body_rate 1": FullTransfer(weights=weights, body_rate=1),
    }


def compare(samples: Samples, source: Path, folder: Path, arguments: argparse.Namespace) -> None:
    classes = samples.classes[NUM_CLASSES:]
    test = np.concatenate(rows_of(samples, "test", classes))
    pools = rows_of(samples, "train", classes)
    scores = []
    for draw in range(arguments.draws):
        chosen = [pool[draw * PER_CLASS : (draw + 1) * PER_CLASS] for pool in pools]
        target = subset(samples, np.sort(np.concatenate([*chosen, test])))
        for rate in RATES:
            for name, transfer in methods(source).items():
                place = folder / f"{draw}_{rate}_{name}"
                start = time.perf_counter()
                models = train(target, fit(arguments.epochs, rate, 32), transfer, place)
                seconds = time.perf_counter() - start
                found = {"method": name, "rate": rate, "draw": draw, "seconds": seconds}
                scores.append(found | score(models, target))
        print(f"draw {draw + 1} of {arguments.draws} done", file=sys.stderr, flush=True)
    tell(pd.DataFrame(scores), samples, len(test))


def tell(scores: pd.DataFrame, samples: Samples, num_test: int) -> None:
    print(
        f"\nTarget: {', '.join(samples.classes[NUM_CLASSES:])}; "
        f"{scores['draw'].nunique()} disjoint draws of {PER_CLASS * NUM_CLASSES} samples, "
        f"{num_test} test images"
    )
    print("\n| method | rate | accuracy | macro F1 | to scratch, accuracy | s per fit |")
    print("| --- | --- | --- | --- | --- | --- |")
    best = scores.groupby(["method", "rate"])["accuracy"].mean()
    scratch_rate = best["from scratch"].idxmax()
    of_draw = scores.set_index(["method", "rate", "draw"]).sort_index()
    scratch = of_draw.loc[("from scratch", scratch_rate), "accuracy"]
    for (name, rate), group in scores.groupby(["method", "rate"], sort=False):
        differences = of_draw.loc[(name, rate), "accuracy"] - scratch
        test = corrected_resampled_t(differences.to_numpy(), 0, CONFIDENCE)
        told = f"{test.difference:+.3f} [{test.low:+.3f}, {test.high:+.3f}]"
        print(
            f"| {name} | {rate} | {spread(group['accuracy'])} | {spread(group['macro F1'])} | "
            f"{'' if (name, rate) == ('from scratch', scratch_rate) else told} | "
            f"{group['seconds'].median():.1f} |"
        )


def spread(values: pd.Series) -> str:
    """Return the mean and its interval over the draws."""
    test = corrected_resampled_t(values.to_numpy(), 0, CONFIDENCE)
    return f"{test.difference:.3f} [{test.low:.3f}, {test.high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--source-images", type=int, default=20_000)
    parser.add_argument("--source-epochs", type=int, default=8)
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, torch {torch.__version__}, {MODEL.name}", end="")
    print(f", {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        samples = read(folder / "samples")
        classes = samples.classes[:NUM_CLASSES]
        per_class = arguments.source_images // NUM_CLASSES
        train_rows = [rows[:per_class] for rows in rows_of(samples, "train", classes)]
        rows = np.concatenate([*train_rows, *rows_of(samples, "test", classes)])
        known = subset(samples, np.sort(rows))
        start = time.perf_counter()
        source = folder / "source"
        models = train(known, fit(arguments.source_epochs, 0.002, 128), NoTransfer(), source)
        told = ", ".join(f"{name} {value:.3f}" for name, value in score(models, known).items())
        print(f"Source: {', '.join(classes)}; {told}; {time.perf_counter() - start:.0f} s")
        compare(samples, source, folder, arguments)


if __name__ == "__main__":
    main()
