"""Samples made for the tests of the audit, and what its checks say about them."""

from typing import get_args

import numpy as np
import pandas as pd

from foldwise.data.audit.audit import run_audit
from foldwise.data.audit.config import AuditConfig, CheckName
from foldwise.data.samples import Feature, Samples, array_hash

NOTHING_SKIPPED = pd.DataFrame({"path": [], "reason": []}, dtype="str")


def samples_of(x, labels=None, target=None, modality="image", features=None, ids=None, **columns):
    """Make samples; `columns` are those of the table, such as group or meta_site."""
    size = len(x)
    table = pd.DataFrame({"sample_id": ids or [f"s{i}" for i in range(size)], "source": "made"})
    table["sha256"] = [array_hash(sample) for sample in x]
    table[["group", "official_split"]] = None
    classes = ()
    if labels is None:
        table["target"] = np.asarray(target, dtype=np.float64)
    else:
        table["label"] = [str(label) for label in labels]
        classes = tuple(sorted(set(table["label"])))
    for name, values in columns.items():
        table[name] = values
    text = ["sample_id", "group", "official_split", "sha256", *(["series"] * ("series" in table))]
    table = table.astype(dict.fromkeys(text, "str"))
    if features is None and modality in ("table", "series"):
        features = tuple(Feature(name=f"f{i}") for i in range(x.shape[-1]))
    tokens = ("", *(f"t{i}" for i in range(1, x.max() + 1))) if modality == "tokens" else ()
    return Samples(x, table, classes, modality=modality, features=features or (), tokens=tokens)


def table_of(columns, labels=None, target=None):
    """Make samples of a table from a mapping of names to numbers."""
    x = np.stack([np.asarray(column, np.float32) for column in columns.values()], axis=1)
    features = tuple(Feature(name=name) for name in columns)
    return samples_of(x, labels, target, modality="table", features=features)


def noise_images(size, seed=0, shape=(1, 8, 8)):
    return np.random.default_rng(seed).integers(0, 256, (size, *shape), dtype=np.uint8)


def findings(samples, skipped=NOTHING_SKIPPED, **config):
    return run_audit(samples, skipped, AuditConfig.of(**config)).findings


def found(check, samples, skipped=NOTHING_SKIPPED, **config):
    """Return the findings of one check, the others being off."""
    off = {name: "off" for name in get_args(CheckName) if name != check}
    severity = {**off, **config.pop("severity", {})}
    config.setdefault("duplicates", {"near": check == "near_duplicates"})
    return list(findings(samples, skipped, severity=severity, **config))
