"""Features of a table that are named like a group, or like an id, of the samples."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from foldwise.data.findings import Finding
from foldwise.data.samples import Samples

_MIN_MEMBERS = 1.5  # samples per value, on average
_MOST = 0.9  # of the samples have one value: nearly constant, no group
_ID = re.compile(r"(^|[_\W])(id|uid|uuid|guid|index|key)$|[a-z]I[Dd]$|^ID", re.IGNORECASE)
_MEASURED = re.compile(
    r"(^|[_\W])(age|size|length|count|num|number_of|time|duration|type|temp\w*)([_\W]|$)",
    re.IGNORECASE,
)


def find_group_features(samples: Samples, is_telling: Callable[[str], bool]) -> list[Finding]:
    """Find features whose name says that their values are names of things, not properties.

    Args:
        samples: Of a table; others have no such features.
        is_telling: Whether a name is that of a group.
    """
    if samples.modality != "table":
        return []
    found = []
    for i, feature in enumerate(samples.features):
        is_id = _ID.search(feature.name) is not None
        if not is_id and (not is_telling(feature.name) or _MEASURED.search(feature.name)):
            continue
        values = pd.Series(np.asarray(samples.x[:, i])).dropna()
        counts = values.value_counts()
        if len(counts) < 2 or not (values % 1 == 0).all():
            continue
        if len(counts) == len(values) and (is_id or len(feature.categories)):
            found.append(_id_finding(feature.name, len(values)))
        elif len(values) >= _MIN_MEMBERS * len(counts) and counts.iloc[0] <= _MOST * len(values):
            found.append(_group_finding(feature.name, len(counts), len(values)))
    return found


def _group_finding(name: str, num_values: int, size: int) -> Finding:
    return Finding(
        check="undeclared_group",
        severity="warn",
        message=f"The feature '{name}' is named like a group and has {num_values} values for "
        f"{size} samples, but is not declared as one: a network may learn whose a sample is, and "
        "random folds put it on both sides.",
        advice="If samples of one value belong together, declare it with "
        f"ingest.source.group_column={name}; it is no feature then.",
        values={"column": name, "num_values": num_values},
    )


def _id_finding(name: str, size: int) -> Finding:
    return Finding(
        check="undeclared_group",
        severity="warn",
        message=f"The feature '{name}' is named like an id and has another value in each of "
        f"{size} samples: a network cannot learn from it, but may learn it by heart.",
        advice=f"Name it with ingest.source.id_column={name}, or leave it out with "
        f"ingest.source.drop_columns=[{name}].",
        values={"column": name, "num_values": size},
    )
