"""Small samples of each kind."""

import numpy as np
import pandas as pd

from foldwise.data.folds import SplitConfig, make_folds
from foldwise.data.samples import Feature, Samples, array_hash

LETTERS = ("", "a", "b", "c", "d")


def table_of(x, **columns):
    return pd.DataFrame(
        {
            "sample_id": [f"s{i:03d}" for i in range(len(x))],
            "group": None,
            "official_split": None,
            "source": "made",
            "sha256": [array_hash(row) for row in x],
            **columns,
        }
    )


def images(size=60, side=8):
    """Stripes that lie across or upright, in noise."""
    rng = np.random.default_rng(0)
    labels = np.array(["across", "upright"])[np.arange(size) % 2]
    x = rng.integers(0, 120, (size, 1, side, side), dtype=np.uint8)
    x[labels == "across", :, 2::3] += 90
    x[labels == "upright", :, :, 2::3] += 90
    return Samples(x, table_of(x, label=labels), ("across", "upright"))


def table(size=90, task="classification"):
    """Two numbers, one of them with gaps, a category and a constant."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(size, 4)).astype(np.float32)
    x[:, 2] = rng.integers(0, 3, size)
    x[:, 3] = 7.0
    value = x[:, 0] + 0.5 * (x[:, 2] == 1) + 0.2 * rng.normal(size=size)
    x[rng.random(size) < 0.2, 1] = np.nan
    features = (
        Feature(name="a"),
        Feature(name="b"),
        Feature(name="c", kind="categorical", categories=("x", "y", "z")),
        Feature(name="d"),
    )
    if task == "regression":
        rows = table_of(x, target=value.astype(np.float64))
        return Samples(x, rows, modality="table", features=features)
    labels = np.array(["low", "high"])[(value > 0).astype(int)]
    return Samples(x, table_of(x, label=labels), ("high", "low"), "none", "table", features)


def series(size=60, channels=2, task="classification"):
    """Slow and fast waves of unequal length, with gaps."""
    rng = np.random.default_rng(2)
    labels = np.array(["fast", "slow"])[np.arange(size) % 2]
    lengths = rng.integers(12, 31, size)
    x = np.zeros((size, 30, channels), np.float32)
    for row, (label, length) in enumerate(zip(labels, lengths, strict=True)):
        speed = 1.5 if label == "fast" else 0.4
        waves = np.sin(speed * np.arange(length) + rng.uniform(0, 6)) + rng.normal(0, 0.1, length)
        x[row, :length] = waves[:, np.newaxis]
    x[3, 2:5, 0] = np.nan
    x[4, : lengths[4], channels - 1] = np.nan
    features = tuple(Feature(name=f"c{i}") for i in range(channels))
    if task == "regression":
        rows = table_of(x, target=(labels == "fast") + 0.1 * lengths, length=lengths)
        return Samples(x, rows, modality="series", features=features)
    rows = table_of(x, label=labels, length=lengths)
    return Samples(x, rows, ("fast", "slow"), "none", "series", features)


def tokens(size=80, is_aligned=False):
    """Texts of letters; in those of one class `ab` is frequent."""
    rng = np.random.default_rng(3)
    labels = np.array(["with", "without"])[np.arange(size) % 2]
    lengths = np.full(size, 12) if is_aligned else rng.integers(6, 13, size)
    x = np.zeros((size, 12), np.int32)
    for row, (label, length) in enumerate(zip(labels, lengths, strict=True)):
        x[row, :length] = rng.integers(1, 5, length)
        if label == "with":
            x[row, 2:6] = [1, 2, 1, 2]
    rows = table_of(x, label=labels, length=lengths)
    return Samples(x, rows, ("with", "without"), "none", "tokens", tokens=LETTERS)


def windows(size=80, length=6, horizon=1, stride=1, values=None, channels=("price", "other")):
    """Windows of one long series, with the ids and columns that ingest gives them."""
    rng = np.random.default_rng(4)
    steps = size * stride + length + horizon
    walk = np.cumsum(0.5 + rng.normal(size=steps))
    price = walk if values is None else np.asarray(values, float)
    held = {"price": price, "other": rng.normal(size=len(price))}
    whole = np.stack([held[name] for name in channels], axis=1).astype(np.float32)
    starts = np.arange(0, len(price) - length - horizon + 1, stride)[:size]
    x = np.stack([whole[start : start + length] for start in starts])
    names = ["target"] if horizon == 1 else [f"target_{i + 1}" for i in range(horizon)]
    targets = {name: price[starts + length + i] for i, name in enumerate(names)}
    rows = table_of(x, **targets, series="share", time=starts, time_end=starts + length)
    rows["sample_id"] = [f"share@{start}" for start in starts]
    return Samples(x, rows, modality="series", features=tuple(Feature(name=n) for n in channels))


def folds_of(samples, **changes):
    return make_folds(
        samples.table, SplitConfig.of(num_folds=2, on_leak="warn", test_fraction=0.2, **changes)
    )
