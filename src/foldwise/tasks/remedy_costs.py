"""What the networks of each remedy have cost: seconds, and samples that were made."""

import contextlib
from pathlib import Path
from typing import Any

import pandas as pd

from foldwise.atomic import read_sealed_json, write_sealed_json
from foldwise.tasks.events import FoldFinished, Observer, TrainingEvent
from foldwise.tasks.fold_models import FoldModels, ModelCard
from foldwise.tasks.remedy_models import RemedyModels

Seconds = dict[str, dict[str, Any]]  # by repeat and fold: seconds, and of which training


def keep_seconds(path: Path, observer: Observer) -> Observer:
    """Return an observer that also writes down how long the training of each fold took.

    Args:
        path: Of the JSON; what it says of folds that are skipped stays.
        observer: Is told of everything.
    """

    def observe(event: TrainingEvent) -> None:
        if isinstance(event, FoldFinished) and event.seconds is not None:
            noted = {"seconds": event.seconds, "fingerprint": event.card.fingerprint}
            write_sealed_json(path, {**_read(path), _key(event.card): noted})
        observer(event)

    return observe


def remedy_costs(
    models: RemedyModels, methods: tuple[str, ...], seeds: tuple[int, ...]
) -> pd.DataFrame:
    """Return one row per network.

    Its columns are `method, seed, repeat, fold`; `seconds` that its training took in all, NaN
    where nobody measured it; `wanted` and `added`, the samples that its training part lacked and
    that were made, 0 of remedies that make none.

    Raises:
        ModelError: There are no networks, or one is damaged.
    """
    rows = [
        {"method": method, "seed": seed, **row}
        for method in methods
        for seed in seeds
        for row in _of_training(models.of(method, seed), models.seconds_path(method, seed))
    ]
    return pd.DataFrame(rows)


def _of_training(models: FoldModels, path: Path) -> list[dict[str, Any]]:
    known = _read(path)
    return [_of_card(card, known.get(_key(card), {})) for card in models.cards()]


def _of_card(card: ModelCard, noted: dict[str, Any]) -> dict[str, Any]:
    fills = card.synthetic.classes if card.synthetic is not None else ()
    is_of_this = noted.get("fingerprint") == card.fingerprint
    return {
        "repeat": card.repeat,
        "fold": card.fold,
        "seconds": float(noted["seconds"]) if is_of_this else float("nan"),
        "wanted": sum(fill.wanted for fill in fills),
        "added": sum(fill.added for fill in fills),
    }


def _read(path: Path) -> Seconds:
    """Return what was written; of a damaged file, nothing: times are no results."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return read_sealed_json(path)
    return {}


def _key(card: ModelCard) -> str:
    return f"{card.repeat}_{card.fold}"
