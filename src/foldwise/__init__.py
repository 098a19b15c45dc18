"""Foldwise: cross-validated, tracked and reproducible deep learning on small labelled data."""

__version__ = "0.1.0"

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foldwise.tasks.predict import Predictor


def load(path: str | Path) -> "Predictor":
    """Load one fold's network from its folder, e.g. ``data/06_models/digits/cnn/fold_0``.

    Raises:
        ModelError: A file is missing or damaged.
    """
    from foldwise.tasks.predict import Predictor

    return Predictor(Path(path))
