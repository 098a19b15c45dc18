"""The stage `evaluate`: how many seconds each of its nodes takes, and how large the page is.

60,000 predictions (50,000 out of fold, 10,000 held out and predicted by each of five models) in 10
classes by default, with `meta_` columns to slice by. Each node runs once, in the order of the
pipeline, on made-up pictures. Run: `make bench`, or this file with --size and --classes.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldwise.data.folds import Folds
from foldwise.data.samples import Samples
from foldwise.pipelines.evaluate import create_pipeline
from foldwise.tasks.evaluate import EvaluateConfig
from foldwise.tasks.fold_models import FoldModels

NUM_FOLDS = 5


def probabilities_of(target: np.ndarray, num_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Return what a classifier of some skill says of each sample, (N, K) in single precision."""
    scores = rng.normal(size=(len(target), num_classes)).astype(np.float32)
    scores[np.arange(len(target)), target] += 3.5
    np.exp(scores, out=scores)
    return scores / scores.sum(axis=1, keepdims=True)


def predictions_of(
    samples: pd.DataFrame, parts: Iterator[tuple[str, int, np.ndarray]], classes: tuple[str, ...]
) -> pd.DataFrame:
    """Return a predictions table, one block of rows for each part of a fold."""
    rng, tables = np.random.default_rng(1), []
    columns = [f"p_{name}" for name in classes]
    for part, fold, rows in parts:
        found = probabilities_of(samples["code"].to_numpy()[rows], len(classes), rng)
        head = samples[["sample_id", "label"]].iloc[rows].reset_index(drop=True)
        head.columns = ["sample_id", "target"]
        table = head.assign(repeat=0, fold=fold, part=part)
        tables.append(pd.concat([table, pd.DataFrame(found, columns=columns)], axis=1))
    return pd.concat(tables, ignore_index=True)


def inputs_of(size: int, num_classes: int, folder: Path) -> dict[str, Any]:
    """Return everything that the stage reads."""
    rng = np.random.default_rng(0)
    classes = tuple(f"class_{code:05d}" for code in range(num_classes))
    code = rng.integers(num_classes, size=size)
    table = pd.DataFrame(
        {
            "sample_id": [f"sample_{i:06d}" for i in range(size)],
            "label": np.array(classes, dtype=object)[code],
            "group": pd.array([None] * size, dtype="string"),
            "official_split": pd.array([None] * size, dtype="string"),
            "source": "made",
            "sha256": [f"{i:064x}" for i in range(size)],
            "meta_site": np.array(list("abcd"), dtype=object)[rng.integers(4, size=size)],
            "meta_age": rng.integers(18, 90, size=size),
        }
    )
    num_oof = size * 5 // 6
    fold = np.where(np.arange(size) < num_oof, np.arange(size) % NUM_FOLDS, -1)
    units = pd.DataFrame({"sample_id": table["sample_id"], "fold": fold, "repeat": 0})
    known, test = table.assign(code=code), np.flatnonzero(fold < 0)
    outer = [("oof", number, np.flatnonzero(fold == number)) for number in range(NUM_FOLDS)]
    outer += [("test", number, test) for number in range(NUM_FOLDS)]
    inner = [("inner", number, np.flatnonzero(fold == (number + 1) % 5)) for number in range(5)]
    pictures = rng.integers(256, size=(size, 1, 8, 8), dtype=np.uint8)
    counts = table["label"].value_counts().to_dict()
    info = {"scheme": "stratified k-fold", "parameters": {"seed": 0}, "content_hash": "0" * 64}
    return {
        "cnn_predictions": predictions_of(known, iter(outer), classes),
        "cnn_inner_predictions": predictions_of(known, iter(inner), classes),
        "samples": Samples(pictures, table, classes),
        "folds": Folds(units.assign(unit=np.arange(size)), info),
        "cnn_network": {"name": "made up"},
        "cnn_models": FoldModels(folder),
        "cnn_baselines_summary": "",
        "data_card": {"num_samples": size, "modality": "image", "classes": counts},
        "audit_record": {"checks": [], "counts": {}, "findings": []},
        "run_facts": {},
        "cnn_explanations": {},
        "params:evaluate": EvaluateConfig(),
    }


def time_stage(data: dict[str, Any]) -> None:
    """Run the nodes of the stage, one after another, and print what they took."""
    total = 0.0
    print("| node | s | s of processor |\n| --- | --- | --- |")
    for node in create_pipeline("cnn").nodes:
        missing = [name for name in node.inputs if name not in data]
        if missing:
            print(f"| {node.name} | needs {', '.join(missing)} | |", flush=True)
            continue
        start, busy = time.perf_counter(), time.process_time()
        data |= node.run({name: data[name] for name in node.inputs})
        seconds, work = time.perf_counter() - start, time.process_time() - busy
        total += work
        print(f"| {node.name} | {seconds:.1f} | {work:.1f} |", flush=True)
    print(f"| all | | {total:.1f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    page = len(data.get("cnn_report", "").encode()) / 2**20
    print(f"\nThe page has {page:.1f} MiB; at most {peak:.1f} GiB of memory were in use.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=60_000)
    parser.add_argument("--classes", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = inputs_of(600, 3, Path(folder))
        for node in create_pipeline("cnn").nodes[:1]:  # imports
            node.run({name: small[name] for name in node.inputs})
        time_stage(inputs_of(arguments.size, arguments.classes, Path(folder)))


if __name__ == "__main__":
    main()
