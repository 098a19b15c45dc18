"""Cards of networks that nobody has trained."""

from foldwise.data.preprocessing import ImagePreprocessing
from foldwise.models.config import SmallCnnConfig
from foldwise.tasks.fold_models import ModelCard


def make_card(**fields):
    """Make a card; `fields` are what matters to a test."""
    values = {
        "model": SmallCnnConfig(),
        "classes": ("a", "b"),
        "shape": (1, 8, 8),
        "size_policy": "none",
        "preprocessing": ImagePreprocessing(mean=(0.5,), std=(1.0,)),
        "num_trainable": 1,
        "repeat": 0,
        "fold": 0,
        "fingerprint": "f",
        "samples_hash": "s",
        "folds_hash": "o",
        "best_epoch": 0,
        "history": (),
        "versions": {},
        "weights_sha256": "",
    }
    return ModelCard(**{**values, **fields})
