"""Which columns of a data set of `datasets` hold what: by name, or by the type it tells."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldwise.data.bad_input import IngestError, listing
from foldwise.data.readers.delimited import require_columns


@dataclass(frozen=True)
class HubColumns:
    """Names of columns; neither an image nor a text: the samples are the rows of a table."""

    label: str
    image: str | None
    text: str | None
    needed: tuple[str, ...]  # all that are read


def find_columns(
    features: Mapping[str, Any],
    asked: Mapping[str, str | None],
    kept: Collection[str],
    dropped: Collection[str],
    path: str,
) -> HubColumns:
    """Fill in the columns that are not named: the label, and the image where there is one.

    Args:
        features: The types of the columns.
        asked: `label_column`, `image_column` and `text_column`, as far as they are named.
        kept: What is read besides.
        dropped: What is no feature of a table.
        path: What an error calls the data set.

    Raises:
        IngestError: A column is not there, or which one is the label cannot be told.
    """
    for parameter, name in asked.items():
        require_columns(features, [] if name is None else [name], parameter, Path(path))
    label = asked["label_column"] or _likely_label(features, path)
    image, text = asked["image_column"], asked["text_column"]
    if image is None and text is None:
        image = next((name for name in features if _kind(features, name) == "Image"), None)
    content = {image or text} if image or text else set(features) - set(dropped)
    needed = {label, *kept, *content}
    return HubColumns(label, image, text, tuple(name for name in features if name in needed))


def _kind(features: Mapping[str, Any], name: str) -> str:
    return type(features[name]).__name__


def _likely_label(features: Mapping[str, Any], path: str) -> str:
    of_classes = [name for name in features if _kind(features, name) == "ClassLabel"]
    if len(of_classes) == 1:
        return of_classes[0]
    if "label" in features:
        return "label"
    raise IngestError(
        f"ingest.source.label_column: which column of '{path}' is the label? It has "
        f"{listing(list(features), 50)}."
    )
